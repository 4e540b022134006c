"""A lane: one thread with its own engine and its own view of the schedule.

A second lane is started only when a due query waits because the others are busy, so one slow query
never holds up the rest, and a host without slow queries pays for one engine. A lane that hangs in
the engine (a dead mount, a stuck driver) is abandoned: its thread is left behind as a daemon, its
run is closed from outside, and another lane takes over.
"""

import contextlib
import threading
from collections.abc import Callable
from typing import Protocol

from telegraf_osquery.errors import TelegrafOsqueryError
from telegraf_osquery.model.run import Item, RunEnd
from telegraf_osquery.sources.base import Source
from telegraf_osquery.telemetry.instruments import Instruments

IDLE_MAX = 1.0
"""Longest nap of an idle lane; new work wakes it earlier."""
NAP = 0.05


class LaneSource(Source, Protocol):
    """A source whose run can be closed from outside."""

    def in_engine(self) -> float:
        """Seconds it has been waiting for its engine; 0 when it is not."""

    def abandon(self, reason: str, *, hung: bool = True) -> RunEnd | None:
        """Close the run in progress; ``hung``: the thread that runs it may come back."""


class Lane:
    """One thread over a source of its own.

    Attributes:
        working: False while it waits for something to become due.
        served: whether it has handed out anything yet.
        error: what has ended it, where that was foreseen.
    """

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
        self._starts = 0.0
        self.working = True
        self.served = False
        self.error: TelegrafOsqueryError | None = None
        self._thread = threading.Thread(target=self._run, name="lane", daemon=True)

    def start(self) -> None:
        self._starts = self._clock.monotonic()
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
        if self._source is not None:
            return self._source.in_engine()
        return self._clock.monotonic() - self._starts if self._starts else 0.0

    def abandon(self, reason: str) -> RunEnd | None:
        """Give this lane up; its run's end, where one was open."""
        self.stop()
        return self._source.abandon(reason) if self._source else None

    def bury(self, reason: str) -> RunEnd | None:
        """Close what was open when the thread died."""
        return self._source.abandon(reason, hung=False) if self._source else None

    def _run(self) -> None:
        try:
            source = self._source = self._make_source()
            with contextlib.closing(source):
                while not self._stop.is_set():
                    self._serve(source)
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
        idle = True
        with contextlib.closing(source.poll(self._clock.monotonic())) as items:
            for item in items:
                self._emit(item)
                idle, self.served = False, True
                # A run end that was written is also recorded: the source does so when asked on.
                if self._stop.is_set() and not isinstance(item, RunEnd):
                    break
        self._changed()
        if idle:  # another lane was quicker: do not spin
            self._wake.wait(NAP)
