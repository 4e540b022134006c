"""Lanes, and exceptions that end threads."""

import threading
from collections.abc import Iterator

import pytest

from tests.runtime.lane_sources import Bench


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.close()


@pytest.fixture
def crashes(monkeypatch: pytest.MonkeyPatch) -> list[type[BaseException]]:
    """What has ended threads; without this fixture that fails the test."""
    seen: list[type[BaseException]] = []
    monkeypatch.setattr(threading, "excepthook", lambda crash: seen.append(crash.exc_type))
    return seen
