"""One run while it lasts, and the point that closes it."""

import threading
from _blake2 import blake2b
from collections.abc import Sequence

import msgspec

from telegraf_osquery.model.column import Column
from telegraf_osquery.model.run import Outcome, RunEnd
from telegraf_osquery.sources.plan import Entry
from telegraf_osquery.store.runs import Mark

CUT = "cut by the end of the process"


class Run:
    """What is known of a run so far. Two threads may want to end it: the first decides how.

    Attributes:
        mark: the run as it is committed; ``rows`` are those that are.
        wall, cpu: seconds spent in the engine.
        outcome: empty while it lasts.
    """

    def __init__(self, entry: Entry, mark: Mark, started_ns: int) -> None:
        self.entry = entry
        self.query = entry.query
        self.mark = mark
        self.started_ns = started_ns
        self.wall = 0.0
        self.cpu = 0.0
        self.outcome: Outcome | None = None
        self.reason = ""
        self.limited = False
        self.columns: tuple[Column, ...] = ()
        self._lock = threading.Lock()

    @property
    def rows(self) -> int:
        return self.mark.rows

    def broken(self) -> Outcome:
        """The outcome of a run that something has broken off."""
        return "partial" if self.rows else "failed"

    def close(self, outcome: Outcome, reason: str) -> bool:
        """Decide how it ended; False when that was decided before."""
        with self._lock:
            if self.outcome is not None:
                return False
            self.outcome, self.reason = outcome, reason
            return True

    def end(self, mark: Mark, engine: str, time: int) -> RunEnd:
        """The run end with the counts of ``mark``."""
        return msgspec.structs.replace(
            unended(mark, engine, time),
            outcome=self.outcome or "failed",
            limited=self.limited,
            wall_ms=round(self.wall * 1000, 3),
            cpu_ms=round(self.cpu * 1000, 3),
            columns_digest=columns_digest(self.columns) if self.columns else "",
            reason=self.reason,
        )


def unended(mark: Mark, engine: str, time: int) -> RunEnd:
    """The end of a run that a kill has cut, or whose end could not be recorded."""
    return RunEnd(
        host=mark.host,
        pack=mark.pack,
        query=mark.query,
        run=mark.run,
        base=mark.base,
        rows=mark.rows,
        span=mark.span,
        rows_total=mark.rows_total,
        outcome="partial",
        time=time,
        engine=engine,
        sql_digest=mark.sql_digest,
        reason=CUT,
    )


def columns_digest(columns: Sequence[Column]) -> str:
    """16 hex digits over names and types, in order."""
    text = "\0".join(f"{column.name}\0{column.type}" for column in columns)
    return blake2b(text.encode("utf-8", "replace"), digest_size=8).hexdigest()
