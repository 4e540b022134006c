"""The embedded engine: SQLite virtual tables over /proc, /etc and /sys of this host.

It is not osquery. It answers a part of osquery's tables with the same names, columns, types, value
formats and constraint rules, without anything to install. It lacks event tables, tables that are
not in ``embedded_tables`` and whatever needs osquery's own database.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from itertools import islice
from typing import Any

import apsw
import msgspec

from telegraf_osquery.clock import Clock, Deadline
from telegraf_osquery.engines import bounded
from telegraf_osquery.engines.base import Answer, Chunk
from telegraf_osquery.engines.embedded_tables import MODULES
from telegraf_osquery.engines.embedded_tables.ask import Table
from telegraf_osquery.engines.present import Present
from telegraf_osquery.engines.rights import sees_all
from telegraf_osquery.engines.scan import Host
from telegraf_osquery.engines.vtable import Module, VirtualTable
from telegraf_osquery.errors import QueryError, QueryTimeout
from telegraf_osquery.model.batch import BYTES_MAX, ROWS_MAX
from telegraf_osquery.schema.policy import Permits, Policy
from telegraf_osquery.schema.sql_functions import Around, register
from telegraf_osquery.schema.sql_functions.orders import COLLATIONS
from telegraf_osquery.schema.tables import Schema

LENGTH_MAX = (1 << 20) + (1 << 16)
"""Bytes of one value: 1 MiB and what a few words around it add. Single functions of SQLite (LIKE,
hex, json) are not looked at while they work; twice this length makes some of them take a second."""
MEMORY_MAX = 1 << 25
"""Bytes that SQLite may take while a statement is at work (sorts, groups, recursion)."""
HEAP_MAX = 1 << 27
"""Bytes of all of SQLite in this process, where one step takes more than the looks between steps
can see. The state file's connection lives on a few MiB of it."""

_LIMITS = {
    apsw.SQLITE_LIMIT_LENGTH: LENGTH_MAX,
    apsw.SQLITE_LIMIT_SQL_LENGTH: 1 << 18,
    apsw.SQLITE_LIMIT_EXPR_DEPTH: 1000,
    apsw.SQLITE_LIMIT_COMPOUND_SELECT: 500,
    apsw.SQLITE_LIMIT_VDBE_OP: 250_000,
    apsw.SQLITE_LIMIT_COLUMN: 2000,
    apsw.SQLITE_LIMIT_FUNCTION_ARG: 127,
    apsw.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 256,
    apsw.SQLITE_LIMIT_ATTACHED: 0,
    apsw.SQLITE_LIMIT_WORKER_THREADS: 0,
}
_READING = frozenset(
    {apsw.SQLITE_SELECT, apsw.SQLITE_READ, apsw.SQLITE_FUNCTION, apsw.SQLITE_RECURSIVE}
)
_PROGRESS_STEPS = 1000  # costs 4 %; 100 steps would cost 29 %
_BLOCK = 16  # rows fetched between two looks at their size
_STATEMENTS = 64
_BAD_CELL = (LookupError, TypeError, ValueError, OverflowError)


class Embedded:
    """Answers SQL from this host. One instance serves one lane."""

    kind = "embedded"

    def __init__(
        self,
        schema: Schema,
        clock: Clock,
        root: str = "/",
        tables: Mapping[str, Table] | None = None,
        warn: Callable[[str], None] = lambda _: None,
        policy: Policy | None = None,
    ) -> None:
        """Open an in-memory connection; a table costs nothing until a statement names it.

        Args:
            schema: declares the columns.
            clock: the host's time, for tables that show it.
            root: the folder below which the examined host lies.
            tables: more tables, or other generators for known ones (osquery_schedule).
            warn: takes one line about something odd that is not an error.
            policy: what may be used; what may not does not exist on this connection.
        """
        apsw.hard_heap_limit(HEAP_MAX)
        self._schema = schema
        self._more = dict(tables or {})
        self._permits = Permits(policy, schema) if policy else None
        denied = policy.denied_paths if policy else ()
        self._host = Host(root, clock, Deadline(clock, 0.0), warn, denied)
        names = frozenset(MODULES) | frozenset(self._more)
        self._names = frozenset(filter(self._permits.table, names)) if self._permits else names
        self._memory = apsw.memory_used()
        self._chunks: _Chunks | None = None
        self._connection: apsw.Connection | None = self._connect()

    def _connect(self) -> apsw.Connection:
        connection = apsw.Connection(":memory:", statementcachesize=_STATEMENTS)
        for limit, value in _LIMITS.items():
            connection.limit(limit, value)
        connection.pragma("temp_store", 2)
        connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)
        connection.config(apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0)
        connection.config(apsw.SQLITE_DBCONFIG_DQS_DML, 1)  # as osquery has it
        connection.config(apsw.SQLITE_DBCONFIG_DQS_DDL, 0)
        module: Any = Module(self._open)
        aliases = (a for a, table in self._schema.aliases().items() if table in self._names)
        for name in (*self._names, *aliases):
            connection.create_module(
                name,
                module,
                use_bestindex_object=True,
                eponymous=True,
                eponymous_only=True,
                read_only=True,
            )
        for name, order in COLLATIONS.items():
            connection.create_collation(name, order)
        register(connection, Around(Present(self._host), self._expired))
        bounded.register(connection, self._expired)
        connection.authorizer = self._authorize
        connection.set_progress_handler(self._too_much, _PROGRESS_STEPS)
        return connection

    def _authorize(self, action: int, _: str | None, name: str | None, *__: str | None) -> int:
        denied = action not in _READING
        if action == apsw.SQLITE_FUNCTION and self._permits:
            denied = (name or "").lower() not in self._permits.functions
        return apsw.SQLITE_DENY if denied else apsw.SQLITE_OK

    def _open(self, name: str) -> VirtualTable:
        spec = self._schema.table(name)
        if spec is None:
            raise QueryError(f"table {name}: the schema does not know it")
        if self._permits and (hidden := self._permits.hidden(name)):
            kept = tuple(one for one in spec.columns if one.name.lower() not in hidden)
            if not kept:
                raise QueryError(f"table {name}: no column of it may be used here")
            spec = msgspec.structs.replace(spec, columns=kept)
        return VirtualTable(spec, self._table(spec.name), self._host)

    def _table(self, name: str) -> Table:
        if name in self._more:
            return self._more[name]
        module = f"telegraf_osquery.engines.embedded_tables.{MODULES[name]}"
        try:
            tables: dict[str, Table] = import_module(module).TABLES
            return tables[name]
        except (ImportError, AttributeError, KeyError) as error:
            raise QueryError(f"table {name}: {module} does not offer it: {error}") from error

    def _expired(self) -> bool:
        return self._host.deadline.expired()

    def _too_much(self) -> bool:
        return self._expired() or apsw.memory_used() - self._memory > MEMORY_MAX

    def execute(self, sql: str, deadline: Deadline) -> Answer:
        """Run one statement; an answer that is still open ends.

        Raises:
            QueryError: not one readable statement, unknown table, required column missing.
            QueryTimeout: the deadline passed before the first row.
        """
        connection = self._connection
        if connection is None:
            raise QueryError("the embedded engine is closed", sql=sql)
        if self._chunks is not None:
            self._chunks.close()
        self._host.deadline = deadline
        names: list[tuple[str, ...]] = []

        def note(cursor: apsw.Cursor, _text: str, _values: Any) -> bool:
            if not cursor.has_vdbe:  # a comment behind the statement
                return True
            names.append(tuple(name for name, _ in cursor.get_description()))
            connection.set_progress_handler(self._too_much, _PROGRESS_STEPS)
            return len(names) == 1

        self._memory = apsw.memory_used()
        # Some texts keep the planner busy for minutes: there each of its steps is looked at.
        connection.set_progress_handler(self._too_much, 1)
        cursor = connection.cursor()
        cursor.exec_trace = note
        chunks = _Chunks(cursor, deadline, sql)
        chunks.start()
        if not names or not names[0]:
            chunks.close()
            raise QueryError("the SQL text holds no statement that gives rows", sql=sql)
        self._chunks = chunks
        return Answer(names[0], chunks)

    def tables(self) -> frozenset[str]:
        """Names of the tables that can be answered from."""
        return self._names

    def limited(self, tables: frozenset[str]) -> frozenset[str]:
        """Those that show less than all because this process may not read everything."""
        if sees_all():
            return frozenset()
        return frozenset(name for name in tables & self._names if self._table(name).lacks)

    def close(self) -> None:
        """End a running statement and the connection; may be called twice."""
        if self._chunks is not None:
            self._chunks.close()
        if self._connection is not None:
            self._connection.close()
        self._chunks = self._connection = None


class _Chunks:
    """The rows of one statement, at most 500 rows and about 1 MiB at a time."""

    def __init__(self, cursor: apsw.Cursor, deadline: Deadline, sql: str) -> None:
        self._cursor: apsw.Cursor | None = cursor
        self._deadline = deadline
        self._sql = sql
        self._broken: Exception | None = None

    def start(self) -> None:
        """Prepare the statement and run it to its first row."""
        if self._cursor is not None:
            try:
                self._cursor.execute(self._sql)
            except (apsw.Error, QueryError, QueryTimeout, *_BAD_CELL) as error:
                self.close()
                raise self._named(error) from error

    def __iter__(self) -> "_Chunks":
        return self

    def __next__(self) -> Chunk:
        rows = self._pull() if self._broken is None else []
        if rows:
            return tuple(zip(*rows, strict=True))
        self.close()
        if self._broken is not None:
            raise self._broken
        raise StopIteration

    def _pull(self) -> list[tuple[Any, ...]]:
        """What came before a fault is kept; the fault is raised by the next pull."""
        rows: list[tuple[Any, ...]] = []
        room = BYTES_MAX
        try:
            while self._cursor is not None and room > 0 and len(rows) < ROWS_MAX:
                before = len(rows)
                rows.extend(islice(self._cursor, min(_BLOCK, ROWS_MAX - before)))
                if len(rows) == before:
                    break
                room -= len(msgspec.json.encode(rows[before:]))
        except (apsw.Error, QueryError, QueryTimeout, *_BAD_CELL) as error:
            self._broken = self._named(error)
        return rows

    def _named(self, error: Exception) -> Exception:
        """The same fault in this project's terms."""
        if isinstance(error, QueryTimeout):
            return error
        if isinstance(error, QueryError):
            error.sql = self._sql
            return error
        if self._deadline.expired() and isinstance(error, apsw.Error):
            return QueryTimeout("the deadline passed while SQLite was at work")
        if isinstance(error, (apsw.InterruptError, apsw.NoMemError)):
            return QueryError(_MEMORY, sql=self._sql, code=apsw.SQLITE_NOMEM)
        return QueryError(_reason(error), sql=self._sql, code=getattr(error, "result", 0))

    def close(self) -> None:
        """Finalize the statement; tables end and let go of their files."""
        cursor, self._cursor = self._cursor, None
        if cursor is not None:
            cursor.close(True)  # forced: errors of an abandoned statement do not matter


_MEMORY = (
    f"the statement took more than {MEMORY_MAX >> 20} MiB of memory; sort, group or join fewer rows"
)


def _reason(error: Exception) -> str:
    if isinstance(error, apsw.ExecTraceAbort):
        return "more than one statement in one SQL text; ask them one by one"
    if isinstance(error, UnicodeEncodeError):
        return f"text that is not valid Unicode: {error}"
    if str(error) == "no query solution":
        return "no table of this join can be read first: constrain a required column by a value"
    return str(error)
