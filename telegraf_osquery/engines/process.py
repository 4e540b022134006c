"""The process engine: osquery's shell as a child that lives on, asked through its stdin.

No daemon is needed, and of the host's osquery nothing is used but the program: no flag file, no
configuration, no extensions, no events, a home folder of its own. Every value is text; NULL is
``""``; of two columns with one name a row holds the last; bytes that are no UTF-8 become U+FFFD.
There is no way to cancel a query: a deadline kills the child, and the next statement starts
another. Event tables are empty in a shell.
"""

import os
from collections.abc import Callable, Sequence

from telegraf_osquery.clock import Clock, Deadline
from telegraf_osquery.codecs import json_rows
from telegraf_osquery.engines.base import Answer
from telegraf_osquery.engines.osquery_facts import PRIVILEGED, release, table_names
from telegraf_osquery.engines.rights import sees_all
from telegraf_osquery.engines.shell_answer import ShellAnswer
from telegraf_osquery.engines.shell_dialogue import Reply, question
from telegraf_osquery.engines.shell_keeper import Keeper
from telegraf_osquery.errors import QueryError
from telegraf_osquery.schema.analyze import Analyzer

_REMEMBERED = 256
_CPU_SLACK = 5.0


class Process:
    """Asks osqueryi. One instance serves one lane."""

    kind = "process"

    def __init__(
        self,
        clock: Clock,
        program: Sequence[str],
        analyzer: Analyzer,
        tables: frozenset[str] = frozenset(),
        warn: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Nothing is started before the first statement.

        Args:
            clock: for ages, and the pause before a child that keeps dying is started again.
            program: path and first arguments, such as ``("/opt/osquery/bin/osqueryd", "-S")``.
            analyzer: tells the order of the result columns, which the rows, objects sorted by
                name, have lost; it is closed with the engine.
            tables: what another one has found already; else osqueryi is asked when needed.
            warn: takes one line about something odd that is not an error.
        """
        self._clock = clock
        self._keeper = Keeper(clock, program)
        self._analyzer = analyzer
        self._tables = tables
        self._warn = warn
        self._reader = json_rows.Reader()
        self._names: dict[str, tuple[str, ...]] = {}
        self._warned: set[str] = set()
        self._chunks: ShellAnswer | None = None
        self._closed = False

    def execute(self, sql: str, deadline: Deadline) -> Answer:
        """Run one statement; an answer that is still open ends.

        Raises:
            EngineUnavailable: osqueryi cannot be started, has died, or talks nonsense.
            QueryError: its reason.
            QueryTimeout: the deadline passed.
        """
        self._end()
        if self._closed:
            raise QueryError("the process engine is closed", sql=sql)
        names = self._columns(sql, deadline)
        marker = os.urandom(12).hex()
        asked = question(sql, marker)
        child = self._keeper.ready()
        # Should this process be killed, an endless query must not outlive it for ever.
        child.limit_cpu(2 * deadline.left() + _CPU_SLACK)
        child.send(asked)
        chunks = ShellAnswer(self._keeper, child, Reply(marker), deadline, self._reader)
        self._chunks = chunks
        try:
            names = chunks.start(sql, names)
        finally:
            self._remark(chunks.remark)
        return Answer(names, chunks)

    def tables(self) -> frozenset[str]:
        """Names of the tables that this osqueryi has.

        Raises:
            EngineUnavailable, QueryError, QueryTimeout: as ``execute`` raises them.
        """
        if not self._tables:
            self._tables = table_names(self.execute, self._clock)
        return self._tables

    def release(self) -> str:
        """The version of osqueryi; raises as ``tables`` does."""
        return release(self.execute, self._clock)

    def limited(self, tables: frozenset[str]) -> frozenset[str]:
        """Those that show less than all because this process may not read everything."""
        return frozenset() if sees_all() else tables & PRIVILEGED

    def cpu(self) -> float:
        """CPU seconds that the children have used so far."""
        return self._keeper.cpu()

    def close(self) -> None:
        """End the child and remove its home; may be called twice."""
        self._closed = True
        if self._chunks is not None:
            self._chunks.forget()
        self._chunks = None
        self._keeper.close()
        self._analyzer.close()

    def _columns(self, sql: str, deadline: Deadline) -> tuple[str, ...]:
        """The names of the result columns in the statement's order."""
        found = self._names.get(sql)
        if found is None:
            found = self._analyzer.analyze(sql, deadline).names()
            if len(self._names) >= _REMEMBERED:
                self._names.clear()
            self._names[sql] = found
        return found

    def _remark(self, text: str) -> None:
        """Pass on what the child says beside its answers, each text once."""
        if text and text not in self._warned and len(self._warned) < _REMEMBERED:
            self._warned.add(text)
            self._warn(f"{self._keeper.name}: {text}")

    def _end(self) -> None:
        if self._chunks is not None:
            self._chunks.close()
            self._chunks = None
