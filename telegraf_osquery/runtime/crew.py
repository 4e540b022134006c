"""The lanes at work: started when needed, given up when they hang, replaced when they die."""

from collections.abc import Callable

from telegraf_osquery.errors import StoreDamaged, TelegrafOsqueryError, TryLaterError
from telegraf_osquery.model.run import Item, RunEnd
from telegraf_osquery.runtime.lanes import Lane
from telegraf_osquery.telemetry.instruments import Instruments
from telegraf_osquery.telemetry.log import fold

HUNG_MAX = 4
"""With more lanes than this hanging none is replaced: threads cannot cure what this host has."""
BACKOFF = 0.5
"""Seconds until a lane that has died is replaced; twice as long each time one dies at once."""
BACKOFF_MAX = 30.0


class Crew:
    """All lanes of a process.

    Attributes:
        failure: why this process must leave, and be started anew, to go on.
    """

    def __init__(
        self,
        make_lane: Callable[[], Lane],
        report: Callable[[Item], None],
        most: int,
        hang: float,
        instruments: Instruments,
    ) -> None:
        """``most``: lanes at a time. ``hang``: seconds in the engine before one is given up.

        ``report`` takes the run ends of lanes that cannot write them.
        """
        self._make_lane = make_lane
        self._report = report
        self._most = most
        self._hang = hang
        self._clock = instruments.clock
        self._counters = instruments.counters
        self._log = instruments.log
        self._lanes: list[Lane] = []
        self._hung: list[Lane] = []
        self._deaths = 0
        self._not_before = 0.0
        self.failure: TelegrafOsqueryError | None = None

    def look(self, *, more: bool) -> None:
        """Give up what hangs, bury what died, start what is needed; ``more``: work is waiting."""
        for lane in list(self._lanes):
            if not lane.alive():
                self._bury(lane)
            elif lane.in_engine() > self._hang:
                self._abandon(lane)
        self._hung = [lane for lane in self._hung if lane.alive()]
        waiting = more and all(lane.working for lane in self._lanes)
        if not self._lanes or (waiting and len(self._lanes) < self._most):
            self._add()
        self._counters.set("lanes", len(self._lanes))

    def wake(self) -> None:
        """Have all lanes look at the plan now."""
        for lane in self._lanes:
            lane.wake()

    def stop(self, seconds: float) -> None:
        """Have all lanes end, and wait so long for them at most."""
        for lane in self._lanes:
            lane.stop()
        ends = self._clock.monotonic() + seconds
        for lane in self._lanes:
            lane.join(max(0.0, ends - self._clock.monotonic()))

    def _add(self) -> None:
        if len(self._hung) > HUNG_MAX:
            if not self._lanes:
                self.failure = TryLaterError(
                    f"{len(self._hung)} lanes hang in the engine and none is left; this process "
                    "must be started anew"
                )
        elif self._clock.monotonic() >= self._not_before:
            lane = self._make_lane()
            lane.start()
            self._lanes.append(lane)

    def _bury(self, lane: Lane) -> None:
        """Close what a dead lane has left, and wait a while before there is another."""
        self._lanes.remove(lane)
        self._deaths = 0 if lane.served else self._deaths + 1
        wait = min(BACKOFF * 2**self._deaths, BACKOFF_MAX)
        self._not_before = self._clock.monotonic() + wait
        if lane.error is not None:
            self._log.once(f"lane {lane.error}", "a lane ended: %s", fold(lane.error))
        self._close(lane.bury, "its lane ended before it did")
        if isinstance(lane.error, StoreDamaged):
            self.failure = lane.error

    def _abandon(self, lane: Lane) -> None:
        self._lanes.remove(lane)
        self._hung.append(lane)
        self._counters.add("lanes_abandoned")
        seconds = lane.in_engine()
        reason = f"no answer from the engine for {seconds:.0f} s; its lane was abandoned"
        self._log.warn("%s: %s", self._close(lane.abandon, reason) or "a lane", reason)

    def _close(self, close: Callable[[str], RunEnd | None], reason: str) -> str:
        """Close the lane's run, report its end; which query that was."""
        try:
            end = close(reason)
        except TelegrafOsqueryError as error:  # the state file is damaged
            self.failure = error
            return ""
        if end is None:
            return ""
        self._report(end)
        return f"query {end.query} of pack {end.pack}"
