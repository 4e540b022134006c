"""What is due when: the schedule as plain data, shared by all lanes."""

import threading
from _blake2 import blake2b
from collections.abc import Iterable, Mapping

from telegraf_osquery.clock import SECOND
from telegraf_osquery.packs.pack import ScheduledQuery
from telegraf_osquery.store.schedule import Key, Last


class Entry:
    """One scheduled query and where it stands. Wall clock, ns since 1970; 0 = never.

    ``lifted``: the state file still holds it back for what another SQL under its name has cost.
    """

    __slots__ = (
        "called",
        "denied_until",
        "due_ns",
        "last_ns",
        "lifted",
        "missed",
        "query",
        "running",
    )

    def __init__(self, query: ScheduledQuery, last: Last | None) -> None:
        same = last is not None and last.sql_digest in ("", query.sql_digest)
        self.query = query
        self.last_ns = last.last_run if last else 0
        self.due_ns = 0
        self.denied_until = last.denylisted_until if last and same else 0
        self.lifted = last is not None and not same and bool(last.denylisted_until)
        self.missed = 0
        self.called = False
        self.running = False

    @property
    def key(self) -> Key:
        return self.query.pack, self.query.name

    @property
    def interval_ns(self) -> int:
        return self.query.interval * SECOND

    def take_over(self, query: ScheduledQuery) -> bool:
        """The query as it is written now; True when its interval is another."""
        former, self.query = self.query, query
        if former.sql != query.sql and self.denied_until:
            self.denied_until, self.lifted = 0, True
        return former.interval != query.interval


def phase(host: str, key: Key, interval_ns: int) -> int:
    """Where in its interval a query runs on this host: spreads a fleet, stays for ever."""
    digest = blake2b("\0".join((host, *key)).encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(digest, "big") % interval_ns


def next_slot(last_ns: int, interval_ns: int, phase_ns: int) -> int:
    """The first slot at least half an interval after the last run."""
    earliest = last_ns + interval_ns // 2
    return earliest + (phase_ns - earliest) % interval_ns


class Plan:
    """Hands out due queries, each to one lane at a time.

    On its own clock a query runs at once when it has never run or its slot has passed (once,
    however many slots were slept through), then in its host's slot. Driven by ticks, a tick calls
    what is due by then, give or take half a tick.
    """

    def __init__(self, host: str, *, all_due: bool = False, ticked: bool = False) -> None:
        """``all_due`` calls every query once at the start, whenever it ran last.

        ``ticked`` waits for the first tick instead of starting on the own clock.
        """
        self._host = host
        self._all_due = all_due
        self._lock = threading.Lock()
        self._entries: dict[Key, Entry] = {}
        self._removed: dict[Key, Entry] = {}
        self._ticked = ticked
        self._closed = False
        self._cancelled = False
        self._waiting = False

    def set_queries(
        self,
        queries: Iterable[ScheduledQuery],
        last_runs: Mapping[Key, Last],
        now_ns: int,
        *,
        waiting: bool = False,
    ) -> None:
        """Take over a new schedule; queries that stay keep their slot, new ones are called.

        What is removed is remembered: when it comes back it has run when it has run, and if it is
        still running, no second lane gets it.

        ``waiting``: more may come once discovery was asked, so the round is still open.
        """
        with self._lock:
            self._waiting = waiting and not self._cancelled
            former, self._entries = self._entries, {}
            for query in queries:
                key = (query.pack, query.name)
                if (entry := former.pop(key, None)) is not None:
                    if entry.take_over(query):
                        self._schedule(entry, now_ns)
                else:
                    entry = self._new(query, last_runs.get(key), now_ns)
                self._entries[key] = entry
            for entry in former.values():
                entry.called = False
            self._removed |= former

    def _new(self, query: ScheduledQuery, last: Last | None, now_ns: int) -> Entry:
        """An entry for a query that was not in the plan, or not lately."""
        entry = self._removed.pop((query.pack, query.name), None)
        if entry is None:
            entry = Entry(query, last)
        else:
            entry.take_over(query)
        self._schedule(entry, now_ns)
        due = self._all_due or (not self._ticked and entry.due_ns <= now_ns)
        entry.called = due and not self._cancelled
        return entry

    def _schedule(self, entry: Entry, now_ns: int) -> None:
        interval = entry.interval_ns
        if not entry.last_ns or entry.last_ns > now_ns:  # never, or the clock stepped back
            entry.due_ns = now_ns
        elif self._ticked:
            entry.due_ns = entry.last_ns + interval
        else:
            entry.due_ns = next_slot(
                entry.last_ns, interval, phase(self._host, entry.key, interval)
            )

    def tick(self, now_ns: int, period_ns: int) -> bool:
        """Call what is due by now; ``period_ns`` is the time since the last tick (0 = first).

        Returns False when a round is still going on (the tick is merged into it).
        """
        with self._lock:
            if not self._ticked:
                self._ticked = True
                for entry in self._entries.values():
                    self._schedule(entry, now_ns)
            pending = any(entry.called for entry in self._entries.values())
            if self._closed:
                return not pending
            for entry in self._entries.values():
                slack = min(entry.interval_ns, period_ns) // 2
                if not entry.running and self._due(entry, now_ns) <= now_ns + slack:
                    entry.called = True
            return not pending

    def _due(self, entry: Entry, now_ns: int) -> int:
        if entry.due_ns > now_ns + 2 * entry.interval_ns:  # the clock stepped back
            entry.due_ns = now_ns + entry.interval_ns
        return entry.due_ns

    def take(self, now_ns: int) -> Entry | None:
        """The most overdue query nobody runs, now marked as running."""
        with self._lock:
            ready = [entry for entry in self._entries.values() if self._ready(entry, now_ns)]
            if not ready:
                return None
            entry = min(ready, key=lambda entry: entry.due_ns)
            entry.running = True
            entry.missed = max(0, (now_ns - entry.due_ns) // entry.interval_ns)
            return entry

    def _ready(self, entry: Entry, now_ns: int) -> bool:
        if entry.running:
            return False
        if entry.called:
            return True
        return not (self._ticked or self._closed) and self._due(entry, now_ns) <= now_ns

    def done(self, entry: Entry, started_ns: int) -> None:
        """The run that began at ``started_ns`` is over, however it ended."""
        with self._lock:
            entry.running = entry.called = False
            entry.last_ns = started_ns
            self._schedule(entry, started_ns)

    def close(self) -> None:
        """Nothing new becomes due; what was called already still runs."""
        with self._lock:
            self._closed = True

    def cancel(self) -> None:
        """Nothing runs any more, called or not."""
        with self._lock:
            self._closed, self._cancelled, self._waiting = True, True, False
            for entry in self._entries.values():
                entry.called = False

    def next_due_ns(self, now_ns: int) -> int | None:
        """When the next query wants to run; None when only a tick can tell."""
        with self._lock:
            idle = [entry for entry in self._entries.values() if not entry.running]
            if any(entry.called for entry in idle):
                return now_ns
            if self._ticked or self._closed:
                return None
            return min((self._due(entry, now_ns) for entry in idle), default=None)

    def ready(self, now_ns: int) -> bool:
        """Whether ``take`` would give a query."""
        with self._lock:
            return any(self._ready(entry, now_ns) for entry in self._entries.values())

    def pending(self) -> bool:
        """Whether a called query has not ended yet: the round is still open."""
        with self._lock:
            return self._waiting or any(entry.called for entry in self._entries.values())

    def running(self) -> bool:
        """Whether any query is being run, also one that is not in the plan any more."""
        with self._lock:
            known = (*self._entries.values(), *self._removed.values())
            return any(entry.running for entry in known)

    def entries(self) -> list[Entry]:
        """All entries, for ``osquery_schedule`` and for tests."""
        with self._lock:
            return list(self._entries.values())
