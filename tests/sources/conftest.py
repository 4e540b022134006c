"""A stage for a schedule source."""

from collections.abc import Iterator

import pytest

from tests.sources.staged import Stage


@pytest.fixture
def stage() -> Iterator[Stage]:
    made = Stage()
    yield made
    made.close()
