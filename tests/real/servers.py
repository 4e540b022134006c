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
    """Telegraf: $TELEGRAF_OSQUERY_TELEGRAF, else PATH, else the folder of installed servers."""
    if given := os.environ.get("TELEGRAF_OSQUERY_TELEGRAF"):
        return Path(given)
    if found := shutil.which("telegraf"):
        return Path(found)
    cached = servers() / f"telegraf-{TELEGRAF}" / "telegraf"
    return cached if cached.exists() else None


def required() -> bool:
    """Whether a missing server is a failure."""
    return os.environ.get("TELEGRAF_OSQUERY_REQUIRE_REAL") == "1"


@pytest.fixture(scope="session")
def telegraf_program() -> Path:
    """The real Telegraf."""
    found = telegraf()
    if found is None:
        reason = "no Telegraf; install it with: python -m tests.real.install telegraf"
        if required():
            pytest.fail(reason)
        pytest.skip(reason)
    return found
