"""One engine behind the guard, for the length of a command."""

import contextlib
from collections.abc import Collection, Iterator, Mapping

from telegraf_osquery.cli import host
from telegraf_osquery.cli.formats import Envelope
from telegraf_osquery.cli.render import warn
from telegraf_osquery.clock import Deadline, SystemClock
from telegraf_osquery.engines.choose import Choice, choose
from telegraf_osquery.engines.guard import Guard, Guarded, Limits
from telegraf_osquery.errors import EXIT_FAILED
from telegraf_osquery.model.column import Type
from telegraf_osquery.model.names import measurement
from telegraf_osquery.packs.pack import ScheduledQuery
from telegraf_osquery.schema import tables
from telegraf_osquery.schema.analyze import Analyzer
from telegraf_osquery.schema.tables import Schema


class Asking:
    """What a command asks with.

    Attributes:
        choice: the engine that was chosen, and why.
        engine: the engine itself, to be asked what it is.
        analyzer: judges SQL without running it.
    """

    def __init__(self, choice: Choice, schema: Schema, limit: int) -> None:
        self.choice = choice
        self.engine = choice.make()
        self.analyzer = Analyzer(schema, self.engine.tables(), version=choice.version)
        self._guard = Guard(self.engine, self.analyzer, Limits(rows=limit))
        self.clock = SystemClock()
        self.host = host.name()

    def run(
        self,
        sql: str,
        timeout: float,
        declared: Mapping[str, Type] | None = None,
        tags: Collection[str] = (),
    ) -> Guarded:
        """Start one statement; raises what ``Guard.run`` raises."""
        return self._guard.run(sql, Deadline(self.clock, timeout), declared, tags)

    def scheduled(self, query: ScheduledQuery, timeout: float) -> Guarded:
        """Start a pack's query as the schedule would."""
        return self.run(query.sql, timeout, query.additions.types, query.additions.tags)

    def close(self) -> None:
        """Let go of the engine."""
        self._guard.close()
        self.analyzer.close()

    def envelope(self, pack: str, query: str) -> Envelope:
        """The envelope of a run that starts now."""
        tags = (
            ("host", self.host),
            ("osquery_action", "snapshot"),
            ("osquery_pack", pack),
            ("osquery_query", query),
        )
        given = tuple(pair for pair in tags if pair[1])
        return Envelope(measurement(pack, query), given, self.clock.time_ns())


@contextlib.contextmanager
def opened(engine: str, limit: int = 0) -> Iterator[Asking]:
    """The engine behind the guard; ``limit`` caps the rows of an answer, 0 does not.

    Raises:
        ConfigError, EngineUnavailable: there is no such engine here.
    """
    schema = tables.load()
    asking = Asking(choose(engine, schema, SystemClock(), warn), schema, limit)
    try:
        yield asking
    finally:
        asking.close()


def ended(answered: Guarded, name: str, *, limit: int = 0) -> int:
    """Say on stderr how the answer ended where that is not plain; returns the exit code.

    An answer that ``limit`` cut is what was asked for; any other cut is a failure.
    """
    head = f"{name}: " if name else ""
    for column, count in answered.faults.items():
        warn(f"{head}{count} values of column {column} do not fit its type and are absent")
    if answered.repeated:
        warn(f"{head}only the last of the columns named {', '.join(answered.repeated)} is shown")
    if answered.limited:
        warn(f"{head}shows less than all without root; telegraf-osquery doctor has the cure")
    if answered.outcome != "partial":
        return 0
    warn(f"{head}{answered.reason}")
    return 0 if limit and answered.rows == limit else EXIT_FAILED
