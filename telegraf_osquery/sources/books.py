"""What the schedule writes into the state file, and what happens when that cannot be written."""

from collections.abc import Generator

import apsw

from telegraf_osquery.errors import (
    FixSettingsError,
    RunClosed,
    StoreBusy,
    StoreDamaged,
    TelegrafOsqueryError,
    TryLaterError,
)
from telegraf_osquery.model.run import RunEnd
from telegraf_osquery.packs.pack import ScheduledQuery
from telegraf_osquery.sources.run import Run, unended
from telegraf_osquery.store.runs import Mark
from telegraf_osquery.store.schedule import Execution
from telegraf_osquery.store.state import State
from telegraf_osquery.telemetry.instruments import Instruments

TROUBLE = (TryLaterError, FixSettingsError)
"""What a state file raises that cannot be written: busy, full, damaged, read-only, closed."""


class Books:
    """The state file as one lane's schedule uses it."""

    def __init__(self, store: State, engine: str, instruments: Instruments) -> None:
        """``engine``: the kind that answers, for the run ends of cut runs."""
        self._store = store
        self._engine = engine
        self._clock = instruments.clock
        self._counters = instruments.counters
        self._log = instruments.log

    def begin(
        self, host: str, query: ScheduledQuery, started_ns: int
    ) -> Generator[RunEnd, None, Mark]:
        """Open the next run of the query; raises ``TROUBLE``.

        The one before is still open where its end could not be recorded: it is ended first.
        """
        name, digest = query.measurement, query.sql_digest
        try:
            return self._store.begin_run(host, name, query.pack, query.name, started_ns, digest)
        except RunClosed:
            yield from self.leftovers(name)
            return self._store.begin_run(host, name, query.pack, query.name, started_ns, digest)

    def leftovers(self, measurement: str = "") -> Generator[RunEnd, None, None]:
        """Close the open runs, of one measurement or of all; raises ``TROUBLE``.

        Each is recorded once its end was taken. Ours alone may be open when this is called.
        """
        for mark in self._store.open_runs():
            if measurement in ("", mark.measurement):
                yield unended(mark, self._engine, self.next_time())
                self._store.end_run(mark, "partial")

    def add(self, mark: Mark, rows: int) -> Mark:
        """Count ``rows`` more rows before they leave; raises ``TROUBLE`` and RunClosed."""
        return self._store.commit_rows(mark, rows, mark.rows + rows)

    def finish(self, run: Run) -> Mark:
        """Record the run as it ended; the mark with its final counts.

        Where that fails it stays open, and is ended before the query's next run.
        """
        ran = Execution(
            run.started_ns, run.wall * 1000, run.cpu * 1000, run.rows, 0, run.query.sql_digest
        )
        try:
            return self._store.finish(run.mark, run.outcome or "failed", ran)
        except (RunClosed, *TROUBLE) as error:
            self.trouble(error)
            return run.mark

    def denylist(self, query: ScheduledQuery, until_ns: int, reason: str) -> None:
        """Hold the query back until then, also over a restart; 0 lets it go."""
        try:
            self._store.denylist(query.pack, query.name, until_ns, reason)
        except TROUBLE as error:
            self.trouble(error)

    def next_time(self) -> int:
        """The time of the next run end."""
        return self._store.next_time("run", self._clock.time_ns())

    def trouble(self, error: TelegrafOsqueryError) -> None:
        """Count a commit that failed, and say so once per reason.

        Raises:
            StoreDamaged: only the next start can cure that.
        """
        if isinstance(error, StoreDamaged):
            self._counters.add("store_errors", reason="damaged")
            raise error
        reason = _reason(error)
        self._counters.add("store_errors", reason=reason)
        self._log.once(f"state {reason}", "runs cannot be recorded: %s", error)


def _reason(error: TelegrafOsqueryError) -> str:
    if isinstance(error, StoreBusy):
        return "busy"
    return "full" if isinstance(error.__cause__, apsw.FullError) else "io"
