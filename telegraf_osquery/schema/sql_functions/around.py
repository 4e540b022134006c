"""What SQL functions may know of the world outside SQL."""

from collections.abc import Callable

import msgspec


def _never() -> bool:
    return False


def _nowhere(_: str) -> bool:
    return False


class Around(msgspec.Struct, frozen=True):
    """Given by whoever owns the connection.

    Attributes:
        is_file: whether something that is no folder lies at a path, links followed; a relative path
            is taken from ``/``, where daemons live.
        expired: whether the statement's deadline has passed; asked inside long work.
    """

    is_file: Callable[[str], bool] = _nowhere
    expired: Callable[[], bool] = _never


ALONE = Around()
"""No files, no deadline."""
