"""Decorators: queries whose first row is added to every result.

osquery (config/parsers/decorators.cpp): ``load`` runs when the configuration is loaded, ``always``
before each scheduled query, ``interval`` every so many seconds; only the first row counts, each of
its columns is one decoration, later ones override, values are text.
"""

import threading
from collections.abc import Callable, Mapping

from telegraf_osquery.clock import SECOND
from telegraf_osquery.errors import TelegrafOsqueryError
from telegraf_osquery.packs.pack import Decorators

PREFIX = "decoration_"

FirstRow = Callable[[str], Mapping[str, str]]
"""Answers one decorator query with its first row as text, empty when there is none."""


class Decorations:
    """The decorations as they stand now; shared by all lanes."""

    def __init__(self, decorators: Decorators, failed: Callable[[str, str], object]) -> None:
        """``failed`` is told the SQL and the reason of a decorator that cannot be answered."""
        self._decorators = decorators
        self._failed = failed
        self._lock = threading.Lock()
        self._loaded = False
        self._due: dict[int, int] = {}
        self._values: dict[str, str] = {}

    def replace(self, decorators: Decorators) -> None:
        """Take over changed decorators; all are asked anew."""
        if decorators == self._decorators:
            return
        with self._lock:
            self._decorators = decorators
            self._loaded = False
            self._due.clear()
            self._values.clear()

    def refresh(self, first_row: FirstRow, now_ns: int) -> dict[str, str]:
        """Ask what is due before a scheduled query; the result maps decoration → value."""
        if self._decorators == Decorators():
            return {}
        with self._lock:
            if not self._loaded:
                self._loaded = True
                self._ask(self._decorators.load, first_row)
            for seconds, queries in self._decorators.interval.items():
                if self._due.get(seconds, 0) <= now_ns:
                    self._due[seconds] = now_ns + seconds * SECOND
                    self._ask(queries, first_row)
            self._ask(self._decorators.always, first_row)
            return dict(self._values)

    def _ask(self, queries: tuple[str, ...], first_row: FirstRow) -> None:
        for sql in queries:
            try:
                self._values.update(first_row(sql))
            except TelegrafOsqueryError as error:
                self._failed(sql, str(error))
