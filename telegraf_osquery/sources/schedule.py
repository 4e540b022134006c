"""Packs over an engine: the source that runs what is due."""

import contextlib
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from typing import Literal, Protocol

import msgspec

from telegraf_osquery.clock import SECOND, Deadline
from telegraf_osquery.engines.guard import Guard, Guarded
from telegraf_osquery.errors import BadItemError, EngineUnavailable, QueryRefused, RunClosed
from telegraf_osquery.model.batch import Batch, Tags
from telegraf_osquery.model.column import Column
from telegraf_osquery.model.rows import Rows
from telegraf_osquery.model.run import Item, Outcome, RunEnd
from telegraf_osquery.packs.pack import Budget
from telegraf_osquery.packs.select import Ask
from telegraf_osquery.sources.base import Items
from telegraf_osquery.sources.books import TROUBLE, Books
from telegraf_osquery.sources.decorators import PREFIX, Decorations
from telegraf_osquery.sources.plan import Entry, Plan
from telegraf_osquery.sources.run import Run
from telegraf_osquery.store.runs import Mark
from telegraf_osquery.store.state import State
from telegraf_osquery.telemetry.instruments import Instruments

ACTION = "snapshot"
STOPPED = "stopped before the answer was complete"

Ended = tuple[Outcome, str]
"""How a run ended, and why."""


class ScheduleSettings(msgspec.Struct, frozen=True):
    """How scheduled queries are run.

    Attributes:
        host: the envelope tag ``host``.
        timeout: seconds of work a query may take before it is cut.
        budget: for queries whose pack gives none.
        denylist_for: seconds a query stays out after it went past its budget.
        decorations: whether decorations are written as fields or as envelope tags.
    """

    host: str
    timeout: float
    budget: Budget
    denylist_for: float
    decorations: Literal["fields", "tags"] = "fields"


class Discovering(Protocol):
    """Who knows which packs are to run by asking the host."""

    def due(self) -> float:
        """Monotonic seconds at which ``discover`` wants to be called; infinity when never."""

    def discover(self, ask: Ask) -> None:
        """Ask, with the given way to count rows, if it is time."""

    def give_up(self, ask: Ask) -> None:
        """The lane that asks this way hangs."""


class Surroundings(msgspec.Struct, frozen=True):
    """What a lane's source shares with the others, and asks while it runs.

    Attributes:
        before: items to hand out first (ends of runs that a kill has cut).
        stopping: whether a run in progress is to end at its next row.
    """

    decorations: Decorations
    discovery: Discovering | None = None
    before: Iterable[Item] | None = None
    stopping: Callable[[], bool] = lambda: False


class ScheduleSource:
    """One lane's view of the shared plan: takes a due query, runs it, closes it with a run end.

    Base and row count are committed before a batch leaves; the run is recorded as done after its
    run end was taken by the consumer, so a kill in between leaves it open and due again. What the
    state file cannot take is not handed out: it is counted, and the schedule goes on.
    """

    def __init__(
        self,
        plan: Plan,
        guard: Guard,
        store: State,
        settings: ScheduleSettings,
        instruments: Instruments,
        around: Surroundings,
    ) -> None:
        self._plan = plan
        self._guard = guard
        self._books = Books(store, guard.kind, instruments)
        self._settings = settings
        self._clock = instruments.clock
        self._counters = instruments.counters
        self._log = instruments.log
        self._around = around
        self._before = around.before
        self._run: Run | None = None
        self._engine_since = 0.0
        self._decorating = False
        self._abandoned = False

    def due(self) -> float:
        now = self._clock.monotonic()
        if self._before is not None:
            return now
        now_ns = self._clock.time_ns()
        due_ns = self._plan.next_due_ns(now_ns)
        query = float("inf") if due_ns is None else now + max(0, due_ns - now_ns) / SECOND
        discovery = self._around.discovery
        return min(query, discovery.due()) if discovery else query

    def poll(self, now: float) -> Items:
        del now  # slots are wall clock: an interval goes on while the host sleeps
        before, self._before = self._before, None
        if before is not None:
            yield from before
        if self._around.discovery:
            self._around.discovery.discover(self._count)
        while not self._abandoned and (entry := self._plan.take(self._clock.time_ns())):
            yield from self._execute(entry)

    def close(self) -> None:
        self._guard.close()

    def in_engine(self) -> float:
        """Seconds since the engine was asked for what it has not answered yet; 0 when it has."""
        since = self._engine_since
        return self._clock.monotonic() - since if since else 0.0

    def abandon(self, reason: str, *, hung: bool = True) -> RunEnd | None:
        """Close the run in progress from another thread; its end, where there was one.

        ``hung``: its own thread is inside the engine and may come back. The query goes to the
        denylist then, as osquery's watchdog does with what it had to kill; where the pack forbids
        that, only until this process ends. Otherwise the thread has died.
        """
        self._abandoned = True
        if hung:
            self._give_up()
        run = self._run
        if run is None or (not run.close(run.broken(), reason) and hung):
            return None  # nothing open, or its own thread is ending it this moment
        if hung and not self._decorating:
            self._denylist(run, reason)
        time = self._books.next_time()
        mark = self._finish(run)
        return run.end(mark, self._guard.kind, time)

    def _give_up(self) -> None:
        if self._around.discovery:
            self._around.discovery.give_up(self._count)
        if self._decorating:
            self._around.decorations.give_up()

    def _execute(self, entry: Entry) -> Items:
        started, query = self._clock.time_ns(), entry.query
        try:
            mark = yield from self._books.begin(self._settings.host, query, started)
        except (RunClosed, *TROUBLE) as error:
            self._books.trouble(error)
            self._counters.add("runs", reason="failed")
            self._plan.done(entry, started)
            return
        run = self._run = Run(entry, mark, started)
        if entry.missed:
            self._counters.add("queries_caught_up")
        until = self._held_until(run)
        ended: Ended = ("skipped", f"on the denylist until {_utc(until)}")
        if until <= started:
            ended = yield from self._answer(run)
        if not run.close(*ended):
            return  # abandoned meanwhile
        self._judge(run)
        yield run.end(run.mark, self._guard.kind, self._books.next_time())
        self._finish(run)

    def _held_until(self, run: Run) -> int:
        """Until when the query is denylisted; 0 when it is not."""
        entry = run.entry
        if entry.lifted:
            entry.lifted = False
            self._books.denylist(run.query, 0, "")
        # No hold is longer than this; one that seems so is from before the clock was set back.
        longest = run.started_ns + int(self._settings.denylist_for * SECOND)
        entry.denied_until = min(entry.denied_until, longest)
        return entry.denied_until

    def _answer(self, run: Run) -> Generator[Item, None, Ended]:
        """The run's rows; how it ended."""
        try:
            added = self._decorate(run)
            guarded = self._ask(run)
            try:
                for rows in self._pull(run, guarded):
                    if refused := self._refused(run, rows):
                        return refused
                    yield self._batch(run, rows, added)
            finally:
                self._counters.add("values_dropped", sum(guarded.faults.values()), "type")
        except QueryRefused as error:
            return "refused", str(error)
        except (BadItemError, EngineUnavailable) as error:
            return run.broken(), str(error)
        return guarded.outcome, guarded.reason

    def _decorate(self, run: Run) -> Mapping[str, str]:
        """The decorations; what they cost is not the query's."""
        self._decorating = True
        try:
            return self._around.decorations.refresh(self._first_row, run.started_ns)
        finally:
            self._decorating = False

    def _ask(self, run: Run) -> Guarded:
        deadline = Deadline(self._clock, self._settings.timeout)
        query, more = run.query, run.query.additions
        with self._in_engine(run):
            guarded = self._guard.run(query.sql, deadline, more.types, more.tags)
        run.columns, run.limited = guarded.columns, guarded.limited
        if guarded.repeated:
            self._log.once(
                f"repeated {query.measurement} {query.sql_digest}",
                "query %s of pack %s: the result has several columns named %s; of each name the "
                "last one counts; give them other names with AS",
                query.name,
                query.pack,
                ", ".join(guarded.repeated),
            )
        return guarded

    def _pull(self, run: Run, guarded: Guarded) -> Iterator[Rows]:
        chunks = iter(guarded)
        while True:
            with self._in_engine(run):
                rows = next(chunks, None)
            if rows is None:
                return
            yield rows

    def _refused(self, run: Run, rows: Rows) -> Ended | None:
        """Count the rows as the run's before they leave; how it ends where that cannot be."""
        if self._around.stopping():
            self._counters.add("rows_dropped", len(rows), "stopped")
            return "partial", STOPPED
        try:
            run.mark = self._books.add(run.mark, len(rows))
        except RunClosed as error:
            self._counters.add("rows_dropped", len(rows), "abandoned")
            return run.broken(), str(error)
        except TROUBLE as error:
            self._counters.add("rows_dropped", len(rows), "store")
            self._books.trouble(error)
            return run.broken(), str(error)
        return None

    @contextlib.contextmanager
    def _in_engine(self, run: Run | None = None) -> Iterator[None]:
        """What the block takes is the engine's time, and the run's cost."""
        cpu, started = self._clock.cpu(), self._clock.monotonic()
        self._engine_since = started
        try:
            yield
        finally:
            self._engine_since = 0.0
            if run:
                run.wall += self._clock.monotonic() - started
                run.cpu += self._clock.cpu() - cpu

    def _count(self, sql: str) -> int:
        with self._in_engine():
            deadline = Deadline(self._clock, self._settings.timeout)
            return sum(map(len, self._guard.run(sql, deadline)))

    def _first_row(self, sql: str) -> Mapping[str, str]:
        with self._in_engine():
            guarded = self._guard.run(sql, Deadline(self._clock, self._settings.timeout))
            rows = next(iter(guarded), None)
            guarded.close()
        if rows is None:
            return {}
        row = next(rows.take([0]).tuples())
        names = [column.name for column in guarded.columns]
        return {n: "" if v is None else str(v) for n, v in zip(names, row, strict=True)}

    def _batch(self, run: Run, rows: Rows, added: Mapping[str, str]) -> Batch:
        columns, extra = run.columns, {PREFIX + name: value for name, value in added.items()}
        tags = {
            "host": self._settings.host,
            "osquery_action": ACTION,
            "osquery_pack": run.query.pack,
            "osquery_query": run.query.name,
        }
        offsets = range(run.rows - len(rows), run.rows)
        if self._settings.decorations == "tags":
            tags.update((name, value) for name, value in extra.items() if value)
        elif extra:
            columns = (*columns, *(Column(name) for name in extra))
            rows = rows.extended([[value] * len(rows) for value in extra.values()])
        return Batch(run.query.measurement, _sorted(tags), columns, rows, run.mark.base, offsets)

    def _judge(self, run: Run) -> None:
        """Past its budget a query goes to the denylist, unless its pack forbids that."""
        own, usual = run.query.additions.budget, self._settings.budget
        spent = (
            ("cpu_ms", run.cpu * 1000, own.cpu_ms or usual.cpu_ms),
            ("wall_ms", run.wall * 1000, own.wall_ms or usual.wall_ms),
            ("rows", run.rows, own.rows or usual.rows),
        )
        over = [
            f"{name} {value:.0f} of {limit}"
            for name, value, limit in spent
            if limit and value > limit
        ]
        if over:
            reason = f"past its budget: {', '.join(over)}"
            run.reason = f"{run.reason}; {reason}" if run.reason else reason
            if run.query.denylist:
                self._denylist(run, reason)

    def _denylist(self, run: Run, reason: str) -> None:
        if run.entry.query.sql != run.query.sql:
            return  # the pack has changed meanwhile: this says nothing of what it asks now
        until = run.started_ns + int(self._settings.denylist_for * SECOND)
        run.entry.denied_until = until
        if run.query.denylist:
            self._books.denylist(run.query, until, reason)

    def _finish(self, run: Run) -> Mark:
        """Record the run as done; the mark with its final counts."""
        mark = self._books.finish(run)
        self._counters.add("runs", reason=run.outcome or "failed")
        self._plan.done(run.entry, run.started_ns)
        self._run = None
        return mark


def _sorted(tags: Mapping[str, str]) -> Tags:
    return tuple(sorted(tags.items()))


def _utc(time_ns: int) -> str:
    """ISO 8601 without importing datetime on the start path."""
    import datetime as dt

    return dt.datetime.fromtimestamp(time_ns // SECOND, dt.UTC).isoformat()
