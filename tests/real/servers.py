"""Where the real servers are that tests may use, and the fixtures that give them.

A test that needs one is marked ``real``. It is skipped where the server is not installed
(``python -m tests.real.install telegraf``), and fails instead when
TELEGRAF_OSQUERY_REQUIRE_REAL=1, so that a build machine cannot pass without it.
"""

import os
import shutil
from pathlib import Path

import pytest

from tests.real.install import TELEGRAF, servers


def telegraf() -> Path | None:
    """Telegraf: $TELEGRAF_OSQUERY_TELEGRAF, else the folder of installed servers, else PATH.

    The installed one comes first because its version is the one that is tested against.
    """
    given = os.environ.get("TELEGRAF_OSQUERY_TELEGRAF")
    cached = servers() / f"telegraf-{TELEGRAF}" / "telegraf"
    on_path = shutil.which("telegraf")
    found = [Path(given)] if given else [cached, *([Path(on_path)] if on_path else [])]
    return next((path for path in found if path.exists()), None)


def needed(what: str, found: Path | None) -> Path:
    """``found``, or the test ends: skipped, or failed where real servers are required."""
    if found is not None:
        return found
    message = f"{what} is not installed; python -m tests.real.install {what}"
    if os.environ.get("TELEGRAF_OSQUERY_REQUIRE_REAL") == "1":
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(scope="session")
def telegraf_program() -> Path:
    """The real Telegraf."""
    return needed("telegraf", telegraf())
