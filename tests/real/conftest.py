"""Fixtures of the tests with real servers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real.telegraf import Telegraf, telegraf_in


@pytest.fixture
def telegraf(tmp_path: Path) -> Iterator[Telegraf]:
    """A real Telegraf, not started."""
    with telegraf_in(tmp_path) as made:
        yield made
