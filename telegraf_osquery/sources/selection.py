"""Which queries the plan holds: the library's packs, the host's facts, discovery."""

import threading
from collections.abc import Callable, Iterable, Mapping

from telegraf_osquery.clock import Clock
from telegraf_osquery.errors import TryLaterError
from telegraf_osquery.packs.library import Library
from telegraf_osquery.packs.pack import Finding, Pack, ScheduledQuery
from telegraf_osquery.packs.select import DISCOVERY_SECONDS, Ask, Discovery, Host, obstacle
from telegraf_osquery.sources.plan import Plan
from telegraf_osquery.store.schedule import Key, Last

RETRY_SECONDS = 10.0
"""Until the next try where the engine could not be reached."""
_HOLDS = DISCOVERY_SECONDS + 1.0
"""A little longer than a verdict, so that it has ended when it is asked for again."""
_AT_ONCE = float("-inf")

Report = Callable[[Finding], object]
PackKey = tuple[str, str]
"""Path and name: two files may have packs of one name."""


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
        self._inquiry = _Inquiry()
        self._hung: set[PackKey] = set()
        self._active: frozenset[PackKey] = frozenset()
        self._next = _AT_ONCE
        self._undecided = True
        self._last_runs: Mapping[Key, Last] = {}

    def load(self, last_runs: Mapping[Key, Last]) -> None:
        """Read all packs and fill the plan; raises PackError as the library does."""
        self._last_runs = last_runs
        for finding in self._library.load():
            self._report(finding)
        with self._lock:
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
        with self._lock:
            self._next, self._undecided = _AT_ONCE, True
            self._apply()
        return True

    def due(self) -> float:
        """Monotonic seconds at which a lane should call ``discover``; infinity when never."""
        if self._inquiry.asker is not None or not self._with_discovery():
            return float("inf")
        return self._next

    def discover(self, ask: Ask) -> None:
        """Ask the discovery queries when it is time; called by lanes, one of them does it."""
        now = self._clock.monotonic()
        with self._lock:
            inquiry = self._inquiry
            if inquiry.asker is not None or now < self.due():
                return
            inquiry.asker = ask
            generation = self._library.generation
        packs = [pack for pack in self._with_discovery() if _key(pack) not in self._hung]
        try:
            active = inquiry.active(packs, now)
            with self._lock:
                if inquiry is self._inquiry:
                    self._adopt(inquiry, active, generation, now)
        finally:
            inquiry.asker = None
            self._came_back(inquiry)
        for finding in inquiry.findings():
            self._report(finding)

    def give_up(self, ask: Ask) -> None:
        """The lane that asks with ``ask`` hangs: its pack stays out until that comes back."""
        with self._lock:
            inquiry = self._inquiry
            if inquiry.asker != ask or inquiry.pack is None:
                return
            inquiry.given_up = inquiry.pack
            self._hung.add(_key(inquiry.pack))
            self._inquiry, self._next = _Inquiry(), _AT_ONCE
        message = "discovery does not answer; the pack does not run until it does"
        self._report(Finding("warning", inquiry.pack.path, inquiry.pack.name, "", message))

    def _came_back(self, inquiry: "_Inquiry") -> None:
        with self._lock:
            if inquiry.given_up is not None:
                self._hung.discard(_key(inquiry.given_up))
                self._next = _AT_ONCE

    def _adopt(
        self, inquiry: "_Inquiry", active: frozenset[PackKey], generation: int, now: float
    ) -> None:
        self._active = active
        # Packs that came while these were asked have not been asked.
        if generation == self._library.generation:
            self._undecided = False
            self._next = now + (RETRY_SECONDS if inquiry.unreachable else _HOLDS)
        self._apply()

    def _with_discovery(self) -> list[Pack]:
        packs = self._library.packs
        return [pack for pack in packs if pack.discovery and not obstacle(pack, self._host)]

    def _apply(self) -> None:
        queries = [query for pack in self._library.packs for query in self._of(pack)]
        waiting = self._undecided and bool(self._with_discovery())
        self._plan.set_queries(queries, self._last_runs, self._clock.time_ns(), waiting=waiting)

    def _of(self, pack: Pack) -> list[ScheduledQuery]:
        if obstacle(pack, self._host) or (pack.discovery and _key(pack) not in self._active):
            return []
        return [query for query in pack.queries if not obstacle(query, self._host)]


class _Inquiry:
    """Discovery by whichever lane asks now; another takes its place when that lane hangs.

    Attributes:
        asker: how the lane asks, None while nobody does.
        pack: the last one that was asked about.
        given_up: the pack that hung.
        unreachable: the engine was not there for one of them.
    """

    def __init__(self) -> None:
        self._discovery = Discovery(self._ask)
        self.asker: Ask | None = None
        self.pack: Pack | None = None
        self.given_up: Pack | None = None
        self.unreachable = False

    def active(self, packs: Iterable[Pack], now: float) -> frozenset[PackKey]:
        """The keys of those packs that are to run."""
        self.pack, self.unreachable = None, False
        found = set()
        for pack in packs:
            self.pack = pack
            if self._discovery.active(pack, now):
                found.add(_key(pack))
            if self.given_up is not None:
                break
        return frozenset(found)

    def findings(self) -> list[Finding]:
        """What was odd, once."""
        found, self._discovery.findings = self._discovery.findings, []
        return found

    def _ask(self, sql: str) -> int:
        try:
            return self.asker(sql) if self.asker else 0
        except TryLaterError:
            self.unreachable = True
            raise


def _key(pack: Pack) -> PackKey:
    return pack.path, pack.name
