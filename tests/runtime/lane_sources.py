"""Sources for lanes that do what they are told, and lanes over them."""

import threading
from collections.abc import Callable, Iterable
from typing import Any

from telegraf_osquery.model.batch import Batch
from telegraf_osquery.model.column import Column
from telegraf_osquery.model.rows import Rows
from telegraf_osquery.model.run import Item, RunEnd
from telegraf_osquery.runtime.lanes import Lane
from telegraf_osquery.sources.base import Items
from telegraf_osquery.telemetry.counters import Counters
from telegraf_osquery.telemetry.instruments import Instruments
from telegraf_osquery.telemetry.log import Log
from tests.fakes.clock import ManualClock

PATIENCE = 10.0
"""Seconds until a test that waits for another thread has failed."""


def batch(count: int = 1, measurement: str = "osquery_p_q") -> Batch:
    cells = [tuple(range(count))]
    return Batch(
        measurement, (("host", "h"),), (Column("n", "integer"),), Rows(cells), 1, range(count)
    )


def run_end(query: str = "q", **more: Any) -> RunEnd:
    known = {"run": 1, "base": 1, "rows": 0, "span": 0, "rows_total": 0, "time": 1}
    return RunEnd(host="h", pack="p", query=query, outcome="failed", **{**known, **more})


class ToldSource:
    """Gives ``items`` once; one that can be called is called in its place."""

    def __init__(self, items: Iterable[Item | Callable[[], object]] = ()) -> None:
        self.items = list(items)
        self.closed = 0
        self.ended: list[str] = []
        self.resumed = 0
        self.abandoned: list[tuple[str, bool]] = []
        self.end: RunEnd | None = None
        self.asked_at = 0.0
        self.clock: ManualClock | None = None

    def due(self) -> float:
        return 0.0 if self.items else float("inf")

    def poll(self, now: float) -> Items:
        del now
        try:
            while self.items:
                item = self.items.pop(0)
                if callable(item):
                    item()
                else:
                    yield item
                    self.resumed += 1
        except GeneratorExit:
            self.ended.append("closed")
            raise
        self.ended.append("exhausted")

    def close(self) -> None:
        self.closed += 1

    def in_engine(self) -> float:
        return self.clock.monotonic() - self.asked_at if self.clock and self.asked_at else 0.0

    def abandon(self, reason: str, *, hung: bool = True) -> RunEnd | None:
        self.abandoned.append((reason, hung))
        return self.end


class Bench:
    """Lanes over told sources, and what came of them."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.lines: list[bytes] = []
        self.counters = Counters()
        self.instruments = Instruments(self.clock, Log(self.lines.append, "debug"), self.counters)
        self.emitted: list[Item] = []
        self.changes = threading.Semaphore(0)
        self.sources: list[ToldSource | Exception] = []
        self.made = 0
        self.lanes: list[Lane] = []

    def emit(self, item: Item) -> None:
        self.emitted.append(item)

    def make_source(self) -> ToldSource:
        """The next of ``sources``, or one that has nothing to give."""
        source = self.sources.pop(0) if self.sources else ToldSource()
        if isinstance(source, Exception):
            raise source
        source.clock = self.clock
        return source

    def lane(self, emit: Callable[[Item], None] | None = None) -> Lane:
        self.made += 1
        made = Lane(self.make_source, emit or self.emit, self.instruments, self.changes.release)
        self.lanes.append(made)
        return made

    def ended(self, lane: Lane) -> None:
        """Wait until the lane's thread has ended."""
        assert lane.join(PATIENCE)

    def idle(self, lane: Lane) -> None:
        """Wait until the lane has nothing to do."""
        pause = threading.Event()
        for _ in range(2000):
            if not lane.working:
                return
            pause.wait(0.005)
        raise AssertionError("the lane still works")

    def close(self) -> None:
        for lane in self.lanes:
            lane.stop()
        for lane in self.lanes:
            if lane._thread.ident is not None:
                lane.join(PATIENCE)
