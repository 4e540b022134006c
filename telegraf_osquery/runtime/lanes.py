"""A lane: one thread with its own engine and its own view of the schedule.

A second lane is started only when a due query waits because the others are busy, so one slow query
never holds up the rest, and a host without slow queries pays for one engine. A lane that hangs in
the engine (a dead mount, a stuck driver) is abandoned: its thread is left behind as a daemon, its
run is closed from outside, and another lane takes over.
"""

import threading
from collections.abc import Callable
from typing import Protocol

from telegraf_osquery.errors import TelegrafOsqueryError
from telegraf_osquery.model.run import Item, RunEnd
from telegraf_osquery.sources.base import Source
from telegraf_osquery.telemetry.instruments import Instruments
from telegraf_osquery.telemetry.log import Log, fold

IDLE_MAX = 1.0
"""Longest nap of an idle lane; new work wakes it earlier."""
NAP = 0.05


class LaneSource(Source, Protocol):
    """A source whose run can be closed from outside."""

    def abandon(self, reason: str) -> RunEnd | None: ...


class Lane:
    """One thread; ``busy_since`` tells how long it has been inside the engine."""

    def __init__(
        self,
        make_source: Callable[[], LaneSource],
        emit: Callable[[Item], None],
        instruments: Instruments,
        changed: Callable[[], None],
    ) -> None:
        """``changed`` is called after each poll, so that the supervisor looks again."""
        self._make_source = make_source
        self._emit = emit
        self._clock = instruments.clock
        self._log = instruments.log
        self._changed = changed
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._source: LaneSource | None = None
        self._engine_since = 0.0
        self.working = True
        """False while it waits for something to become due."""
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="lane", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def alive(self) -> bool:
        return self._thread.is_alive()

    def wake(self) -> None:
        """Look at the plan now."""
        self._wake.set()

    def stop(self) -> None:
        """End after the item in progress; does not wait."""
        self._stop.set()
        self._wake.set()

    def join(self, seconds: float) -> bool:
        """Wait for the thread; True when it has ended."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def in_engine(self) -> float:
        """Seconds since the engine was asked for what it has not answered yet; 0 when it has."""
        since = self._engine_since
        return self._clock.monotonic() - since if since else 0.0

    def abandon(self, reason: str) -> RunEnd | None:
        """Give this lane up; its run's end, where one was open."""
        self.stop()
        return self._source.abandon(reason) if self._source else None

    def _run(self) -> None:
        try:
            self._source = self._make_source()
            while not self._stop.is_set():
                self._serve(self._source)
            self._source.close()
        except BrokenPipeError:
            self._log.debug("the reader is gone")
        except TelegrafOsqueryError as error:
            self.error = error
        finally:
            self.working = False
            self._changed()

    def _serve(self, source: Source) -> None:
        self._wake.clear()
        wait = source.due() - self._clock.monotonic()
        if wait > 0:
            self.working = False
            self._wake.wait(min(wait, IDLE_MAX))
            return
        self.working = True
        items = source.poll(self._clock.monotonic())
        idle = True
        while not self._stop.is_set():
            self._engine_since = self._clock.monotonic()
            item = next(items, None)
            self._engine_since = 0.0
            if item is None:
                break
            idle = False
            self._emit(item)
        self._changed()
        if idle:  # another lane was quicker, or discovery is being asked: do not spin
            self._wake.wait(NAP)


def died(lane: Lane, log: Log) -> None:
    """Report what ended a lane, if anything did."""
    if lane.error is not None:
        log.error("a lane ended: %s", fold(lane.error))
