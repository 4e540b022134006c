"""Packs over an engine: the source that runs what is due."""

from _blake2 import blake2b
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Literal

import msgspec

from telegraf_osquery.clock import SECOND, Deadline
from telegraf_osquery.engines.guard import Guard, Guarded
from telegraf_osquery.errors import BadItemError, EngineUnavailable, QueryRefused
from telegraf_osquery.model.batch import Batch, Tags
from telegraf_osquery.model.column import Column
from telegraf_osquery.model.rows import Rows
from telegraf_osquery.model.run import Item, Outcome, RunEnd
from telegraf_osquery.packs.pack import Budget
from telegraf_osquery.packs.select import Ask
from telegraf_osquery.sources.decorators import PREFIX, Decorations
from telegraf_osquery.sources.plan import Entry, Plan
from telegraf_osquery.store.runs import Mark
from telegraf_osquery.store.schedule import Execution
from telegraf_osquery.store.state import State
from telegraf_osquery.telemetry.instruments import Instruments

ACTION = "snapshot"


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


class Surroundings(msgspec.Struct, frozen=True):
    """What a lane's source shares with the others, and asks while it runs.

    Attributes:
        discover: asks discovery queries when it is time, with the given way to count rows.
        before: items to hand out first (ends of runs that a kill has cut).
        stopping: whether a run in progress is to end at its next row.
    """

    decorations: Decorations
    discover: Callable[[Ask], None] = lambda _ask: None
    before: Iterable[Item] = ()
    stopping: Callable[[], bool] = lambda: False


def columns_digest(columns: Sequence[Column]) -> str:
    """16 hex digits over names and types, in order."""
    text = "\0".join(f"{column.name}\0{column.type}" for column in columns)
    return blake2b(text.encode("utf-8", "replace"), digest_size=8).hexdigest()


class _Run:
    """One run while it lasts."""

    def __init__(self, entry: Entry, mark: Mark, started_ns: int) -> None:
        self.entry = entry
        self.query = entry.query
        self.mark = mark
        self.started_ns = started_ns
        self.rows = 0
        self.wall = 0.0
        self.cpu = 0.0
        self.outcome: Outcome = "failed"
        self.reason = ""
        self.limited = False
        self.columns: tuple[Column, ...] = ()

    def close(self, outcome: Outcome, reason: str) -> None:
        self.outcome = outcome
        self.reason = reason


class ScheduleSource:
    """One lane's view of the shared plan: takes a due query, runs it, closes it with a run end.

    Base and row count are committed before a batch leaves; the run is recorded as done after its
    run end was taken by the consumer, so a kill in between leaves it open and due again.
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
        self._store = store
        self._settings = settings
        self._clock = instruments.clock
        self._counters = instruments.counters
        self._decorations = around.decorations
        self._discover = around.discover
        self._before = around.before
        self._stopping = around.stopping
        self._run: _Run | None = None
        self._abandoned = False

    def due(self) -> float:
        now_ns = self._clock.time_ns()
        due_ns = self._plan.next_due_ns(now_ns)
        if due_ns is None:
            return float("inf")
        return self._clock.monotonic() + max(0, due_ns - now_ns) / SECOND

    def poll(self, now: float) -> Iterator[Item]:
        del now  # slots are wall clock: an interval goes on while the host sleeps
        before, self._before = self._before, ()
        yield from before
        self._discover(self._count)
        while not self._abandoned and (entry := self._plan.take(self._clock.time_ns())):
            yield from self._execute(entry)

    def close(self) -> None:
        self._guard.close()

    def abandon(self, reason: str) -> RunEnd | None:
        """Close the run in progress from another thread: its own thread hangs in the engine.

        The query goes to the denylist, as osquery's watchdog does with what it had to kill.
        """
        self._abandoned = True
        run = self._run
        if run is None:
            return None
        run.close("partial" if run.rows else "failed", reason)
        self._denylist(run, reason)
        end = self._end(run)
        self._finish(run)
        return end

    def _execute(self, entry: Entry) -> Iterator[Item]:
        started = self._clock.time_ns()
        query, host = entry.query, self._settings.host
        mark = self._store.begin_run(
            host, query.measurement, query.pack, query.name, started, query.sql_digest
        )
        run = self._run = _Run(entry, mark, started)
        if entry.missed:
            self._counters.add("queries_caught_up")
        if entry.denied_until > started:
            run.close("skipped", f"on the denylist until {_utc(entry.denied_until)}")
        else:
            yield from self._batches(run)
        if self._abandoned:
            return
        self._judge(run)
        yield self._end(run)
        if not self._abandoned:
            self._finish(run)

    def _batches(self, run: _Run) -> Iterator[Item]:
        """The run's rows; afterwards ``run`` knows how it went."""
        try:
            guarded, added = self._ask(run)
            for rows in self._pull(run, guarded):
                if self._stopping():
                    self._counters.add("rows_dropped", len(rows), "stopped")
                    run.close("partial", "stopped before the answer was complete")
                    return
                first, run.rows = run.rows, run.rows + len(rows)
                run.mark = self._store.commit_rows(run.mark, len(rows), run.rows)
                yield self._batch(run, rows, first, added)
            run.close(guarded.outcome, guarded.reason)
            self._counters.add("values_dropped", sum(guarded.faults.values()), "type")
        except QueryRefused as error:
            run.close("refused", str(error))
        except (BadItemError, EngineUnavailable) as error:
            run.close("partial" if run.rows else "failed", str(error))

    def _ask(self, run: _Run) -> tuple[Guarded, Mapping[str, str]]:
        started, cpu = self._clock.monotonic(), self._clock.cpu()
        deadline = Deadline(self._clock, self._settings.timeout)
        added = self._decorations.refresh(self._first_row, run.started_ns)
        query = run.query
        more = query.additions
        guarded = self._guard.run(query.sql, deadline, more.types, more.tags)
        run.columns, run.limited = guarded.columns, guarded.limited
        run.wall += self._clock.monotonic() - started
        run.cpu += self._clock.cpu() - cpu
        return guarded, added

    def _pull(self, run: _Run, guarded: Guarded) -> Iterator[Rows]:
        chunks = iter(guarded)
        while True:
            started, cpu = self._clock.monotonic(), self._clock.cpu()
            rows = next(chunks, None)
            run.wall += self._clock.monotonic() - started
            run.cpu += self._clock.cpu() - cpu
            if rows is None or self._abandoned:
                return
            yield rows

    def _count(self, sql: str) -> int:
        return sum(map(len, self._guard.run(sql, Deadline(self._clock, self._settings.timeout))))

    def _first_row(self, sql: str) -> Mapping[str, str]:
        guarded = self._guard.run(sql, Deadline(self._clock, self._settings.timeout))
        for rows in guarded:
            row = next(rows.take([0]).tuples())
            names = [column.name for column in guarded.columns]
            return {n: "" if v is None else str(v) for n, v in zip(names, row, strict=True)}
        return {}

    def _batch(self, run: _Run, rows: Rows, first: int, added: Mapping[str, str]) -> Batch:
        columns, extra = run.columns, {PREFIX + name: value for name, value in added.items()}
        tags = {
            "host": self._settings.host,
            "osquery_action": ACTION,
            "osquery_pack": run.query.pack,
            "osquery_query": run.query.name,
        }
        if self._settings.decorations == "tags":
            tags.update((name, value) for name, value in extra.items() if value)
        elif extra:
            columns = (*columns, *(Column(name) for name in extra))
            rows = rows.extended([[value] * len(rows) for value in extra.values()])
        offsets = range(first, first + len(rows))
        return Batch(run.query.measurement, _sorted(tags), columns, rows, run.mark.base, offsets)

    def _judge(self, run: _Run) -> None:
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
            self._denylist(run, reason)

    def _denylist(self, run: _Run, reason: str) -> None:
        if not run.query.denylist:
            return
        until = run.started_ns + int(self._settings.denylist_for * SECOND)
        run.entry.denied_until = until
        self._store.denylist(run.query.pack, run.query.name, until, reason)

    def _end(self, run: _Run) -> RunEnd:
        mark = run.mark
        return RunEnd(
            host=self._settings.host,
            pack=run.query.pack,
            query=run.query.name,
            run=mark.run,
            base=mark.base,
            rows=run.rows,
            span=run.rows,
            rows_total=mark.rows_total,
            outcome=run.outcome,
            time=self._store.next_time("run", self._clock.time_ns()),
            limited=run.limited,
            wall_ms=round(run.wall * 1000, 3),
            cpu_ms=round(run.cpu * 1000, 3),
            engine=self._guard.kind,
            sql_digest=run.query.sql_digest,
            columns_digest=columns_digest(run.columns) if run.columns else "",
            reason=run.reason,
        )

    def _finish(self, run: _Run) -> None:
        self._counters.add("runs", reason=run.outcome)
        ran = Execution(
            run.started_ns, run.wall * 1000, run.cpu * 1000, run.rows, 0, run.query.sql_digest
        )
        self._store.finish(run.mark, run.outcome, ran)
        self._plan.done(run.entry, run.started_ns)
        self._run = None


def _sorted(tags: Mapping[str, str]) -> Tags:
    return tuple(sorted(tags.items()))


def _utc(time_ns: int) -> str:
    """ISO 8601 without importing datetime on the start path."""
    import datetime as dt

    return dt.datetime.fromtimestamp(time_ns // SECOND, dt.UTC).isoformat()
