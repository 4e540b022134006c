"""The loop that holds a collecting process together.

It listens (newlines, EOF, signals), looks after the lanes, picks up changed packs, reports on the
process itself, and stops in order:

1. nothing new becomes due; what a tick or the first round has called still runs, unpaced;
2. after ``FINISH`` seconds runs are cut, and close ``partial`` where the reader takes that;
3. the pipe is given time to be read, fd 1 is closed, and the process leaves within 5 s.
"""

import os
import select
import threading
from collections.abc import Callable
from typing import Protocol

import msgspec

from telegraf_osquery.model.run import Item
from telegraf_osquery.runtime.crew import Crew
from telegraf_osquery.runtime.emit import Emitter, Reporter
from telegraf_osquery.runtime.lanes import Lane
from telegraf_osquery.runtime.output import Output, leave
from telegraf_osquery.runtime.signals import Signals
from telegraf_osquery.sources.plan import Plan
from telegraf_osquery.telemetry.instruments import Instruments

FINISH = 2.9
"""Seconds after EOF in which called queries may finish; Telegraf sends SIGTERM after 5."""
CUT = 1.0
"""Seconds in which those that have not may write their end; then a full pipe is given up."""
JOIN = 0.2
DRAIN = 0.4
CLOSE = 0.2
"""Seconds the state file has to be closed; a stalled disk must not keep the process."""
LOOK = 1.0
_SOON = 0.05


class Limits(msgspec.Struct, frozen=True):
    """What the supervisor holds lanes to.

    Attributes:
        lanes: at most so many at work at once.
        hang: seconds inside the engine without an answer before a lane is abandoned.
        refresh: seconds between two looks at the pack files.
        self_interval: seconds between two ``osquery_self`` points.
        ticks: whether a tick calls what is due; otherwise it has the packs looked at.
    """

    lanes: int
    hang: float
    refresh: float
    self_interval: float
    ticks: bool = True


class Ears(msgspec.Struct, frozen=True):
    """What the supervisor listens to.

    Attributes:
        stdin: descriptor whose newlines are ticks and whose end means stop; -1 for none.
        once: stop after the first round.
    """

    signals: Signals
    stdin: int = -1
    once: bool = False


class Work(Protocol):
    """What is collected: the part that differs between roles and tests."""

    plan: Plan

    def make_lane(self, emit: Callable[[Item], None], changed: Callable[[], None]) -> Lane:
        """A new lane, not started."""

    def settled(self) -> bool:
        """Whether more than one lane may work."""

    def refresh(self) -> bool:
        """Look at the packs; True when the plan has changed."""

    def self_point(self) -> Item:
        """How this process does, as a batch."""

    def cut(self) -> None:
        """Runs in progress end at their next row, as ``partial``."""

    def close(self) -> None:
        """Let go of the state file."""


class Supervisor:
    """Runs one collecting process until its input ends or a signal says so."""

    def __init__(
        self,
        work: Work,
        emit: Emitter,
        output: Output,
        limits: Limits,
        instruments: Instruments,
        ears: Ears,
    ) -> None:
        self._work = work
        self._plan = work.plan
        self._emit = emit
        self._reporter = Reporter(emit)
        self._output = output
        self._limits = limits
        self._clock = instruments.clock
        self._log = instruments.log
        self._counters = instruments.counters
        self._stdin = ears.stdin
        self._once = ears.once
        self._crew = Crew(
            lambda: work.make_lane(emit, ears.signals.wake),
            self._reporter.put,
            limits.lanes,
            limits.hang,
            instruments,
        )
        self._last_tick = 0
        self._next_refresh = self._clock.monotonic() + limits.refresh
        self._next_self = self._clock.monotonic() + limits.self_interval
        self._signals = ears.signals
        self._poll = select.poll()
        self._poll.register(self._signals.reader, select.POLLIN)
        if self._stdin >= 0:
            self._poll.register(self._stdin, select.POLLIN)

    def run(self) -> int:
        """Serve until told to stop, then stop in order; the exit code."""
        try:
            self._look_at_lanes()
            while not self._listen(LOOK) and not self._over():
                self._look()
            self._finish()
        finally:
            self._signals.close()
        failure = self._crew.failure
        return failure.exit_code if failure else 0

    def _over(self) -> bool:
        """Whether there is nothing more to do, or nobody to do it."""
        done = self._once and self._work.settled() and not self._plan.pending()
        return done or self._emit.gone.is_set() or self._crew.failure is not None

    def _listen(self, seconds: float) -> bool:
        """Wait for something to happen; True when it was the order to stop."""
        stop, ticks = False, 0
        for fd, events in self._poll.poll(int(seconds * 1000)):
            if fd == self._stdin:
                data = os.read(fd, 65536) if events & select.POLLIN else b""
                ticks += data.count(b"\n")
                stop = stop or not data
            else:
                told, signalled = self._signals.read()
                stop, ticks = stop or told, ticks + signalled
        if stop and self._stdin >= 0:
            self._poll.unregister(self._stdin)
            self._stdin = -1
        if ticks:
            self._tick(ticks)
        return stop

    def _tick(self, ticks: int) -> None:
        """Newlines that wait together are one collection; the others are counted."""
        self._counters.add("ticks", ticks)
        if not self._limits.ticks:
            self._next_refresh = self._clock.monotonic()
            return
        now = self._clock.time_ns()
        period = now - self._last_tick if self._last_tick else 0
        self._last_tick = now
        fresh = self._plan.tick(now, max(0, period))
        self._counters.add("ticks_coalesced", ticks - fresh)
        self._crew.wake()

    def _look(self) -> None:
        """Housekeeping, about once a second and whenever a lane has news."""
        now = self._clock.monotonic()
        self._look_at_lanes()
        if now >= self._next_refresh:
            self._next_refresh = now + self._limits.refresh
            if self._work.refresh():
                self._crew.wake()
        if now >= self._next_self:
            self._next_self = now + self._limits.self_interval
            if not self._reporter.waiting():  # nobody reads: one point tells as much as a hundred
                self._reporter.put(self._work.self_point())

    def _look_at_lanes(self) -> None:
        if self._emit.gone.is_set():
            return  # what lanes could not write stays open, for the next start to tell
        self._crew.look(more=self._work.settled() and self._plan.ready(self._clock.time_ns()))

    def _finish(self) -> None:
        if self._crew.failure is not None:
            self._log.error("%s", self._crew.failure)
        self._emit.hurry.set()
        self._plan.close()
        self._run_out(FINISH)
        self._work.cut()
        self._plan.cancel()
        self._run_out(CUT)
        self._emit.late.set()
        self._crew.stop(JOIN / 2)
        self._reporter.put(self._work.self_point())
        self._reporter.close(JOIN)
        if not leave(self._output, DRAIN):
            self._log.warn("left before everything in the pipe was read")
        closing = threading.Thread(target=self._work.close, name="closing", daemon=True)
        closing.start()
        closing.join(CLOSE)

    def _run_out(self, seconds: float) -> None:
        """Let called and running queries end, for so long at most."""
        ends = self._clock.monotonic() + seconds
        while self._open() and self._clock.monotonic() < ends:
            self._crew.wake()
            self._listen(_SOON)
            self._look_at_lanes()

    def _open(self) -> bool:
        """Whether a called or running query may still finish."""
        if self._emit.gone.is_set() or self._crew.failure is not None:
            return False
        return self._plan.pending() or self._plan.running()
