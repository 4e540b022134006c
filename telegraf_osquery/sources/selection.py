"""Which queries the plan holds: the library's packs, the host's facts, discovery."""

import threading
from collections.abc import Callable, Mapping

from telegraf_osquery.clock import Clock
from telegraf_osquery.packs.library import Library
from telegraf_osquery.packs.pack import Finding, Pack, ScheduledQuery
from telegraf_osquery.packs.select import DISCOVERY_SECONDS, Ask, Discovery, Host, obstacle
from telegraf_osquery.sources.plan import Plan
from telegraf_osquery.store.schedule import Key, Last

Report = Callable[[Finding], object]


class Selection:
    """Keeps the plan in step with the pack files and the discovery queries.

    Files are looked at by the supervisor. Discovery needs an engine and may hang, so it is asked by
    a lane, before its next query; until then packs with discovery queries wait outside the plan.
    """

    def __init__(
        self, library: Library, host: Host, plan: Plan, clock: Clock, report: Report
    ) -> None:
        self._library = library
        self._host = host
        self._plan = plan
        self._clock = clock
        self._report = report
        self._lock = threading.Lock()
        self._asking = threading.Lock()
        self._discovery = Discovery(self._ask)
        self._current: Ask | None = None
        self._active: frozenset[str] = frozenset()
        self._asked = float("-inf")
        self._last_runs: Mapping[Key, Last] = {}

    def load(self, last_runs: Mapping[Key, Last]) -> None:
        """Read all packs and fill the plan; raises PackError as the library does."""
        self._last_runs = last_runs
        for finding in self._library.load():
            self._report(finding)
        self._apply()

    def refresh(self) -> bool:
        """Read what changed on disk; True when the plan may have changed."""
        if not self._library.changed():
            return False
        generation = self._library.generation
        for finding in self._library.refresh():
            self._report(finding)
        if generation == self._library.generation:
            return False
        self._asked = float("-inf")
        self._apply()
        return True

    def discover(self, ask: Ask) -> None:
        """Ask the discovery queries when it is time; called by lanes, one of them does it."""
        packs = [pack for pack in self._library.packs if pack.discovery]
        now = self._clock.monotonic()
        if now - self._asked < DISCOVERY_SECONDS or not self._asking.acquire(blocking=False):
            return
        try:
            self._current = ask
            active = (pack for pack in packs if not obstacle(pack, self._host))
            self._active = frozenset(p.name for p in active if self._discovery.active(p, now))
            self._asked = now
            for finding in self._discovery.findings:
                self._report(finding)
            self._discovery.findings.clear()
            if packs:
                self._apply()
        finally:
            self._current = None
            self._asking.release()

    def _ask(self, sql: str) -> int:
        return self._current(sql) if self._current else 0

    def _apply(self) -> None:
        with self._lock:
            queries = [query for pack in self._library.packs for query in self._of(pack)]
            undecided = self._asked == float("-inf")
            waiting = undecided and any(pack.discovery for pack in self._library.packs)
            self._plan.set_queries(queries, self._last_runs, self._clock.time_ns(), waiting=waiting)

    def _of(self, pack: Pack) -> list[ScheduledQuery]:
        if obstacle(pack, self._host) or (pack.discovery and pack.name not in self._active):
            return []
        return [query for query in pack.queries if not obstacle(query, self._host)]
