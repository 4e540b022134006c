"""A schedule source on a stage: real plan, guard and state, an engine that follows a script."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from telegraf_osquery.clock import Deadline
from telegraf_osquery.engines.base import Answer, Chunk
from telegraf_osquery.engines.guard import Guard, Limits
from telegraf_osquery.errors import EngineUnavailable
from telegraf_osquery.model.batch import Batch
from telegraf_osquery.model.run import Item, RunEnd
from telegraf_osquery.packs.pack import Additions, Budget, Decorators, ScheduledQuery
from telegraf_osquery.schema import tables as schema_tables
from telegraf_osquery.schema.analyze import Analyzer
from telegraf_osquery.sources.decorators import Decorations
from telegraf_osquery.sources.plan import Plan
from telegraf_osquery.sources.schedule import (
    Discovering,
    ScheduleSettings,
    ScheduleSource,
    Surroundings,
)
from telegraf_osquery.store.open import throw_away
from telegraf_osquery.store.state import State
from telegraf_osquery.telemetry.counters import Counters
from telegraf_osquery.telemetry.instruments import Instruments
from telegraf_osquery.telemetry.log import Log
from tests.fakes.clock import ManualClock

PIDS = "SELECT pid, name FROM processes"
"""An integer and a text."""
SCHEMA = schema_tables.load()

Step = Sequence[Sequence[Any]] | Exception | Callable[[], object]
"""A chunk (columns of cells), an error to raise, or something to do before the next step."""


def rows(count: int, first: int = 0) -> list[list[str]]:
    """A chunk for ``PIDS``."""
    numbers = [str(first + number) for number in range(count)]
    return [numbers, [f"p{number}" for number in numbers]]


class ScriptedEngine:
    """Answers each SQL with the steps it was given; what has no script answers with no rows.

    ``asked`` is what it was asked, in order.
    """

    kind = "embedded"

    def __init__(self, analyzer: Analyzer) -> None:
        self._analyzer = analyzer
        self.scripts: dict[str, list[Step]] = {}
        self.asked: list[str] = []
        self.limits: frozenset[str] = frozenset()
        self.closed = 0

    def execute(self, sql: str, deadline: Deadline) -> Answer:
        del deadline
        self.asked.append(sql)
        steps = list(self.scripts.get(sql, []))
        if steps and isinstance(steps[0], EngineUnavailable):
            raise steps[0]
        names = tuple(column.name for column in self._analyzer.analyze(sql).columns)
        return Answer(names, self._chunks(steps))

    def _chunks(self, steps: Sequence[Step]) -> Iterator[Chunk]:
        for step in steps:
            if isinstance(step, Exception):
                raise step
            if callable(step):
                step()
            else:
                yield step

    def tables(self) -> frozenset[str]:
        return frozenset({"processes", "users", "time"})

    def limited(self, tables: frozenset[str]) -> frozenset[str]:
        return tables & self.limits

    def close(self) -> None:
        self.closed += 1


def query(name: str = "q", sql: str = PIDS, **more: Any) -> ScheduledQuery:
    """A query of the pack ``p``; keys of its additions may stand beside its own."""
    own = {key: more.pop(key) for key in list(more) if key in Additions.__struct_fields__}
    additions = Additions(**own)
    return ScheduledQuery(
        pack="p", name=name, sql=sql, additions=additions, **{"interval": 60, **more}
    )


class Stage:
    """Everything around one lane's source."""

    def __init__(self, state: State | None = None) -> None:
        self.clock = ManualClock()
        self.lines: list[bytes] = []
        self.log = Log(self.lines.append)
        self.counters = Counters()
        self.instruments = Instruments(self.clock, self.log, self.counters)
        self.state = state or throw_away("/nonexistent/input-x.db", self.log)
        self.lines.clear()
        self.plan = Plan("web-1")
        self.budget = Budget()
        self.max_rows = 0
        self.denylist_for = 3600.0
        self.decorations_as = "fields"
        self.failed: list[tuple[str, str]] = []
        self.decorations = self.decorate(Decorators())
        self.discovery: Discovering | None = None
        self.before: Iterable[Item] | None = None
        self.stopping = False
        self._analyzers = [Analyzer(SCHEMA)]
        self.engine = ScriptedEngine(self._analyzers[0])

    def decorate(self, decorators: Decorators) -> Decorations:
        self.decorations = Decorations(
            decorators, lambda sql, reason: self.failed.append((sql, reason))
        )
        return self.decorations

    def schedule(self, *queries: ScheduledQuery) -> None:
        """These queries are in the plan, as it is remembered."""
        self.plan.set_queries(queries, self.state.last_runs(), self.clock.time_ns())

    def script(self, *steps: Step, sql: str = PIDS) -> None:
        self.engine.scripts[sql] = list(steps)

    def source(self) -> ScheduleSource:
        self._analyzers.append(Analyzer(SCHEMA, self.engine.tables()))
        guard = Guard(self.engine, self._analyzers[-1], Limits(rows=self.max_rows))
        settings = ScheduleSettings(
            host="web-1",
            timeout=10.0,
            budget=self.budget,
            denylist_for=self.denylist_for,
            decorations=self.decorations_as,  # type: ignore[arg-type]
        )
        around = Surroundings(self.decorations, self.discovery, self.before, lambda: self.stopping)
        return ScheduleSource(self.plan, guard, self.state, settings, self.instruments, around)

    def poll(self, source: ScheduleSource | None = None) -> list[Item]:
        """All that is ready now."""
        return list((source or self.source()).poll(self.clock.monotonic()))

    def run(self, source: ScheduleSource | None = None) -> tuple[list[Batch], RunEnd]:
        """The one run that is due: its batches and its end."""
        items = self.poll(source)
        ends = [item for item in items if isinstance(item, RunEnd)]
        assert len(ends) == 1
        assert items[-1] is ends[0]
        return [item for item in items if isinstance(item, Batch)], ends[0]

    def later(self, seconds: float = 120) -> None:
        """Time goes by: every query of a minute is due again."""
        self.clock.advance(seconds)

    def counted(self) -> dict[str, int]:
        """The counters that are not 0."""
        return {name: n for name, n in self.counters.snapshot().items() if n}

    def close(self) -> None:
        self.state.close()
        for analyzer in self._analyzers:
            analyzer.close()
