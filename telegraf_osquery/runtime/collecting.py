"""Puts a collecting process together: packs, plan, an engine per lane, state, own metrics."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from msgspec.structs import replace

from telegraf_osquery.clock import SECOND
from telegraf_osquery.engines.choose import EngineChoice, choose
from telegraf_osquery.engines.guard import Guard, Limits
from telegraf_osquery.model.batch import Batch
from telegraf_osquery.model.column import Column
from telegraf_osquery.model.names import SELF_MEASUREMENT
from telegraf_osquery.model.rows import Rows
from telegraf_osquery.model.run import Item, RunEnd
from telegraf_osquery.packs.library import Library
from telegraf_osquery.packs.pack import Finding
from telegraf_osquery.packs.select import Host
from telegraf_osquery.runtime.lanes import Lane
from telegraf_osquery.runtime.settings import CollectSettings
from telegraf_osquery.schema import tables as schema_tables
from telegraf_osquery.schema.analyze import Analyzer
from telegraf_osquery.sources.books import TROUBLE, Books
from telegraf_osquery.sources.decorators import Decorations
from telegraf_osquery.sources.plan import Plan
from telegraf_osquery.sources.schedule import ScheduleSettings, ScheduleSource, Surroundings
from telegraf_osquery.sources.selection import Selection
from telegraf_osquery.store.schedule import Key, Last
from telegraf_osquery.store.state import State
from telegraf_osquery.telemetry.health import health
from telegraf_osquery.telemetry.instruments import Instruments
from telegraf_osquery.telemetry.log import quote

PLATFORMS = {"linux": "linux", "darwin": "darwin", "win32": "windows"}


class Collecting:
    """The work of ``execd input`` and ``collect``; the supervisor runs it."""

    def __init__(
        self,
        settings: CollectSettings,
        state: State,
        instruments: Instruments,
        *,
        trial: bool = False,
        engines: EngineChoice = choose,
    ) -> None:
        """``trial`` calls every query at once; ``engines`` decides what answers.

        Raises:
            PackError, ConfigError: what only a person can cure.
        """
        self._settings = settings
        self._state = state
        self._instruments = instruments
        self._clock = clock = instruments.clock
        self._log = log = instruments.log
        self._counters = instruments.counters
        self._stopping = False
        self._settled = False
        self._schema = schema_tables.load()
        self._host = settings.host or os.uname().nodename
        self.plan = Plan(self._host, all_due=trial, ticked=settings.trigger == "tick" and not trial)
        own = {"osquery_schedule": self._schedule_rows, "osquery_packs": self._pack_rows}
        self.choice = engines(settings.engine, self._schema, clock, log.warn, own, settings.osquery)
        self._library = Library(settings.packs)
        platform = PLATFORMS.get(sys.platform, sys.platform)
        host = Host(platform, self.choice.version, self._host)
        self._selection = Selection(self._library, host, self.plan, clock, self._found)
        self._selection.load(self._remembered())
        self._decorations = Decorations(self._library.decorators, self._decorator_failed)
        log.info("engine %s: %s", self.choice.name, self.choice.reason)

    def _remembered(self) -> dict[Key, Last]:
        """Last runs; what a kill has cut counts as not run, so that it is due at once."""
        known = self._state.last_runs()
        for mark in self._state.open_runs():
            if (last := known.get((mark.pack, mark.query))) is not None:
                known[mark.pack, mark.query] = replace(last, last_run=0)
        return known

    def settled(self) -> bool:
        """Whether the runs of a former process are closed; until then one lane works alone."""
        return self._settled

    def _leftovers(self) -> Iterator[RunEnd]:
        """Close the runs that a kill has cut, each with its end."""
        books = Books(self._state, self.choice.name, self._instruments)
        try:
            yield from books.leftovers()
        except TROUBLE as error:  # each is tried again before its query's next run
            books.trouble(error)
        self._settled = True

    def make_lane(self, emit: Callable[[Item], None], changed: Callable[[], None]) -> Lane:
        """A new lane over an engine of its own, not started."""
        return Lane(self._source, emit, self._instruments, changed)

    def _source(self) -> ScheduleSource:
        engine = self.choice.make()
        analyzer = Analyzer(self._schema, engine.tables(), version=self.choice.version)
        guard = Guard(engine, analyzer, Limits(rows=self._settings.max_rows))
        schedule = ScheduleSettings(
            host=self._host,
            timeout=self._settings.timeout,
            budget=self._settings.budget,
            denylist_for=self._settings.denylist_for,
            decorations=self._settings.decorations,
        )
        around = Surroundings(
            self._decorations,
            self._selection,
            None if self._settled else self._leftovers(),
            lambda: self._stopping,
        )
        return ScheduleSource(self.plan, guard, self._state, schedule, self._instruments, around)

    def refresh(self) -> bool:
        """Look at the pack files; True when the plan may have changed."""
        try:
            changed = self._selection.refresh()
        except OSError as error:  # a folder that may not be listed any more
            self._log.once(f"packs {error}", "packs stay as they are: %s", error)
            return False
        if not changed:
            return False
        self._decorations.replace(self._library.decorators)
        self._log.info("packs were read again: %d queries", len(self.plan.entries()))
        return True

    def cut(self) -> None:
        """Runs in progress end at their next row."""
        self._stopping = True

    def self_point(self) -> Batch:
        """``osquery_self``: memory, CPU and counters of this process."""
        now = self._clock.time_ns()
        denied = sum(entry.denied_until > now for entry in self.plan.entries())
        self._counters.set("queries_denylisted", denied)
        self._counters.set("queries", len(self.plan.entries()))
        self._counters.set("packs", len(self._library.packs))
        self._counters.set("packs_invalid", self._library.invalid())
        self._counters.set("log_lines_lost", self._log.lost)
        fields = health()
        counted = self._counters.snapshot()
        columns = [Column(name, type_) for name, (type_, _) in fields.items()]
        columns += [Column(name, "integer") for name in counted]
        cells = [(value,) for _, value in fields.values()] + [(n,) for n in counted.values()]
        time = self._state.next_time("self", now)
        tags = (("host", self._host),)
        return Batch(SELF_MEASUREMENT, tags, tuple(columns), Rows(cells), time, range(1))

    def close(self) -> None:
        self._state.close()

    def _schedule_rows(self) -> Iterator[Sequence[Any]]:
        """The rows of ``osquery_schedule``: what is scheduled here and what it has cost."""
        now, known = self._clock.time_ns(), self._state.last_runs()
        for entry in self.plan.entries():
            last = known.get(entry.key)
            pack, name = entry.key
            yield (
                f"pack_{pack}_{name}",
                entry.query.sql,
                entry.query.interval,
                last.executions if last else 0,
                last.last_run // SECOND if last else 0,
                int(entry.denied_until > now),
                last.bytes if last else 0,
                last.wall_ms if last else 0.0,
                last.cpu_ms if last else 0.0,
                last.last_wall_ms if last else 0.0,
                last.last_cpu_ms if last else 0.0,
            )

    def _pack_rows(self) -> Iterator[Sequence[Any]]:
        """The rows of ``osquery_packs``: which packs there are, and which have queries here."""
        active = {entry.query.pack for entry in self.plan.entries()}
        for pack in self._library.packs:
            yield (
                pack.name,
                pack.platform,
                pack.version,
                pack.shard or 0,
                0,
                0,
                int(pack.name in active),
            )

    def _found(self, finding: Finding) -> None:
        say = {"error": self._log.error, "warning": self._log.warn, "info": self._log.info}
        say[finding.severity]("%s", finding)

    def _decorator_failed(self, sql: str, reason: str) -> None:
        self._log.once(f"decorator {sql}", "decorator %s: %s", quote(sql), reason)
