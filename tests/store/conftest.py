"""A state file in a fresh folder, and a log that remembers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from telegraf_osquery.store.open import try_open
from telegraf_osquery.store.state import State
from telegraf_osquery.telemetry.log import Log


@pytest.fixture
def lines() -> list[bytes]:
    """What was logged."""
    return []


@pytest.fixture
def log(lines: list[bytes]) -> Log:
    return Log(lines.append)


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "state" / "input-test.db")


@pytest.fixture
def state(path: str, log: Log) -> Iterator[State]:
    opened = try_open(path, log)
    yield opened
    opened.close()
