"""What a table is asked, and what it answers; the reading of small files that never hangs."""

import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from telegraf_osquery.clock import Clock, Deadline

READ_MAX = 1 << 24
_PIECE = 1 << 16


class Ask:
    """One scan of one table.

    Attributes:
        used: the columns the statement reads; others may be given as None without being fetched.
        equal: column → value of an ``=`` constraint (``IN`` comes as one scan per value).
        like: column → pattern of a ``LIKE`` constraint.
        clock: the host's time, for tables that show it.
        deadline: to be looked at in loops that may be long; the engine looks between rows.
    """

    __slots__ = ("clock", "deadline", "equal", "like", "root", "used")

    def __init__(
        self,
        root: str,
        used: frozenset[str],
        equal: dict[str, Any],
        like: dict[str, str],
        clock: Clock,
        deadline: Deadline,
    ) -> None:
        self.root = root.rstrip("/")
        self.used = used
        self.equal = equal
        self.like = like
        self.clock = clock
        self.deadline = deadline

    def path(self, absolute: str) -> str:
        """Where this file of the host lies: below the root folder that is examined."""
        return self.root + absolute

    def wants(self, *columns: str) -> bool:
        """Whether the statement reads one of these columns."""
        return not self.used.isdisjoint(columns)

    def read(self, absolute: str) -> bytes | None:
        """The file's first 16 MiB; None when it is missing or may not be read.

        A fifo or a device that has nothing to say gives no bytes instead of waiting.
        """
        return read(self.path(absolute))

    def text(self, absolute: str) -> str:
        """The file as text, other bytes than UTF-8 replaced; empty when it cannot be read."""
        return (self.read(absolute) or b"").decode("utf-8", "replace")


def read(path: str, limit: int = READ_MAX) -> bytes | None:
    """The first ``limit`` bytes; None when the file is missing or may not be read."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return None
    try:
        parts = []
        while limit > 0 and (part := os.read(handle, min(limit, _PIECE))):
            parts.append(part)
            limit -= len(part)
    except OSError:
        return None
    finally:
        os.close(handle)
    return b"".join(parts)


def plain(name: str) -> str:
    """A name as os.listdir gives it, bytes that are not UTF-8 replaced: safe for SQLite."""
    return name if name.isascii() else os.fsencode(name).decode("utf-8", "replace")


Generate = Callable[[Ask], Iterator[Sequence[Any]]]


class Table(msgspec.Struct, frozen=True):
    """One table.

    Attributes:
        columns: the order in which ``generate`` gives the cells; the schema's columns that are not
            here are NULL. Names that the schema does not have are refused by a test.
        generate: yields one sequence of native values per row (str, int, float, None): TEXT columns
            str (``""`` when unknown), number columns int or float (None when unknown), as osquery.
        lacks: what is missing when the process is not root, as a person would say it; empty when
            any user sees all.
    """

    columns: tuple[str, ...]
    generate: Generate
    lacks: str = ""
