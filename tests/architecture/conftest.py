"""The package, read once."""

import pytest

from tests.architecture.reading import Module, modules


@pytest.fixture(scope="session")
def package() -> list[Module]:
    """Every module of the package."""
    return modules()
