"""Decorators: queries whose first row is added to every result.

osquery (config/parsers/decorators.cpp): ``load`` runs when the configuration is loaded, ``always``
before each scheduled query, ``interval`` every so many seconds; only the first row counts, each of
its columns is one decoration, later ones override, values are text.
"""

import threading
from collections.abc import Callable, Mapping

from telegraf_osquery.clock import SECOND
from telegraf_osquery.errors import TelegrafOsqueryError, TryLaterError
from telegraf_osquery.packs.pack import Decorators

PREFIX = "decoration_"
WAIT = 2.0
"""Seconds a lane waits for another that asks the decorators for the first time."""

FirstRow = Callable[[str], Mapping[str, str]]
"""Answers one decorator query with its first row as text, empty when there is none."""


class Decorations:
    """The decorations as they stand now; shared by all lanes.

    One lane asks at a time. The others go on with what is known, so that a decorator that hangs
    costs one lane and freezes the decorations, and nothing more.
    """

    def __init__(self, decorators: Decorators, failed: Callable[[str, str], object]) -> None:
        """``failed`` is told the SQL and the reason of a decorator that cannot be answered."""
        self._failed = failed
        self._known = _Known(decorators)

    def replace(self, decorators: Decorators) -> None:
        """Take over changed decorators; all are asked anew. Never waits for a lane."""
        if decorators != self._known.decorators:
            self._known = _Known(decorators)

    def refresh(self, first_row: FirstRow, now_ns: int) -> dict[str, str]:
        """Ask what is due before a scheduled query; the result maps decoration → value."""
        known = self._known
        if known.decorators == Decorators():
            return {}
        if known.lock.acquire(timeout=0 if known.complete else WAIT):
            try:
                self._ask_due(known, first_row, now_ns)
            finally:
                known.lock.release()
        return dict(known.values)

    def give_up(self) -> None:
        """A lane hangs in a decorator: nobody waits for it any more."""
        self._known.complete = True

    def _ask_due(self, known: "_Known", first_row: FirstRow, now_ns: int) -> None:
        if not known.loaded:
            known.loaded = True
            known.loaded = self._ask(known, known.decorators.load, first_row)
        for seconds, queries in known.decorators.interval.items():
            # A due time further off than one interval is from before the clock was set back.
            if not now_ns < known.due.get(seconds, 0) <= now_ns + seconds * SECOND:
                known.due[seconds] = now_ns + seconds * SECOND
                self._ask(known, queries, first_row)
        self._ask(known, known.decorators.always, first_row)
        known.complete = True

    def _ask(self, known: "_Known", queries: tuple[str, ...], first_row: FirstRow) -> bool:
        """Whether the engine was there for all of them."""
        there = True
        for sql in queries:
            try:
                known.values.update(first_row(sql))
            except TelegrafOsqueryError as error:
                there = there and not isinstance(error, TryLaterError)
                self._failed(sql, str(error))
        return there


class _Known:
    """Decorators and what they gave.

    Attributes:
        loaded: whether the ``load`` queries have been asked.
        complete: whether all have been asked once, so that there is something to go on with.
        due: interval in seconds → wall clock in ns at which its queries are asked again.
    """

    def __init__(self, decorators: Decorators) -> None:
        self.decorators = decorators
        self.lock = threading.Lock()
        self.loaded = False
        self.complete = False
        self.due: dict[int, int] = {}
        self.values: dict[str, str] = {}
