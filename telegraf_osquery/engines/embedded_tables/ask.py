"""What a table is asked, and what it answers."""

from collections.abc import Callable, Container, Iterator, Sequence
from io import BufferedReader
from typing import Any

import msgspec

from telegraf_osquery.clock import Clock, Deadline
from telegraf_osquery.engines.embedded_tables.content import READ_MAX, clean, open_regular
from telegraf_osquery.engines.embedded_tables.rooted import resolve
from telegraf_osquery.errors import QueryTimeout

LINE_MAX = 1 << 20
_LINES = 1024  # between two looks at the deadline


class Ask:
    """One scan of one table.

    Attributes:
        used: the columns the statement reads; others may be given as None without being fetched.
        equal: column → value of an ``=`` constraint (``IN`` comes as one scan per value).
        like: column → pattern of a ``LIKE`` constraint.
        clock: the host's time, for tables that show it.
        deadline: to be looked at in loops that may be long; the engine looks between rows.
        denied: absolute paths; what lies at or below one is kept from whoever asks.
    """

    __slots__ = ("clock", "deadline", "denied", "equal", "like", "root", "used")

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
        self.denied: tuple[str, ...] = ()

    def path(self, absolute: str) -> str:
        """Where this file of the host lies: below the root folder that is examined."""
        return self.root + absolute

    def wants(self, *columns: str) -> bool:
        """Whether the statement reads one of these columns."""
        return not self.used.isdisjoint(columns)

    def open(self, absolute: str, far: Container[str] = ()) -> BufferedReader:
        """Open a regular file of the host by its path there; links are followed below the root.

        Args:
            absolute: the path.
            far: mount points that must not be entered (see ``walk``).

        Raises:
            OSError: not there, not readable, no regular file, over 50 MiB, on a far mount.
            ValueError: a NUL in the path.
        """
        return open_regular(self.root, resolve(self.root, absolute, remote=far or None))

    def read(self, absolute: str, far: Container[str] = ()) -> bytes | None:
        """The whole file; None when there is none that can be read (see ``open``)."""
        try:
            with self.open(absolute, far) as file:
                return file.read(READ_MAX)
        except (OSError, ValueError):
            return None

    def text(self, absolute: str, far: Container[str] = ()) -> str:
        r"""The file as text, bytes that are no UTF-8 as ``\xHH``; empty when it cannot be read."""
        return clean((self.read(absolute, far) or b"").decode("utf-8", "surrogateescape"))

    def lines(self, absolute: str, far: Container[str] = ()) -> Iterator[str]:
        """As ``text``, line by line without holding the file; a line is cut at 1 MiB.

        Raises:
            QueryTimeout: the deadline passed; looked at where no row may come of many lines.
        """
        try:
            file = self.open(absolute, far)
        except (OSError, ValueError):
            return
        with file:
            for number, line in enumerate(file, 1):
                if not number % _LINES and self.deadline.expired():
                    raise QueryTimeout(f"the deadline passed while {absolute} was read")
                yield clean(line[:LINE_MAX].removesuffix(b"\n").decode("utf-8", "surrogateescape"))


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
