"""One connection that statements are held against: what a statement would do, without running it.

The statement is prepared on a connection of its own in memory whose schema holds only the tables
that may be used, as empty stubs; what is not there cannot be resolved, however it is written. On
top, SQLite's authorizer lets only SELECT, reading, recursion and the functions named through.
"""

from collections.abc import Iterable
from typing import Any

import apsw
import msgspec

from telegraf_osquery.clock import Deadline
from telegraf_osquery.errors import QueryError, QueryRefused, QueryTimeout
from telegraf_osquery.model.column import Column, Type
from telegraf_osquery.schema.functions import COLLATIONS
from telegraf_osquery.schema.infer import Origin, Out, infer
from telegraf_osquery.schema.policy import EVERYTHING, Permits, Policy
from telegraf_osquery.schema.reasons import Reasons
from telegraf_osquery.schema.spec import HOST, ColumnSpec, TableSpec
from telegraf_osquery.schema.sql_functions import CARVE, FUNCTIONS, carve
from telegraf_osquery.schema.sql_tokens import is_blank, tokenize
from telegraf_osquery.schema.stubs import DECLARED, JSON_COLUMNS, JSON_TABLES, Stubs
from telegraf_osquery.schema.tables import Schema

_LIMITS = {
    apsw.SQLITE_LIMIT_LENGTH: 1_000_000,
    apsw.SQLITE_LIMIT_SQL_LENGTH: 1 << 18,
    apsw.SQLITE_LIMIT_COLUMN: 2_000,
    apsw.SQLITE_LIMIT_EXPR_DEPTH: 1_000,
    apsw.SQLITE_LIMIT_COMPOUND_SELECT: 500,
    apsw.SQLITE_LIMIT_VDBE_OP: 250_000,
    apsw.SQLITE_LIMIT_ATTACHED: 0,
    apsw.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 50_000,
    apsw.SQLITE_LIMIT_TRIGGER_DEPTH: 1,
}
_CONFIG = (
    (apsw.SQLITE_DBCONFIG_DEFENSIVE, 1),
    (apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0),
    (apsw.SQLITE_DBCONFIG_DQS_DML, 1),  # as osquery has it: packs rely on "text"
    (apsw.SQLITE_DBCONFIG_DQS_DDL, 0),
)
_HARMLESS = frozenset({DECLARED, *JSON_TABLES})
_COMPOUND = frozenset({"UNION", "EXCEPT", "INTERSECT"})
_INFER_MAX = 1 << 16
"""Characters; of a longer text only columns shown as they are have a type of their own."""


class ResultColumn(msgspec.Struct, frozen=True):
    """One column of the result.

    Attributes:
        name: as SQLite names it; two columns may have one name.
        origin: the (table, column) it shows unchanged, None for expressions.
        derived: False where no rule gives the type; it is text then.
    """

    name: str
    type: Type
    origin: Origin = None
    derived: bool = True


class Analysis(msgspec.Struct, frozen=True):
    """What a statement reads and gives; table names are those of the schema, never aliases.

    Attributes:
        sql: the text for the engine: what was judged, with ``*`` written out where the caller
            lacks columns of a table.
    """

    sql: str
    columns: tuple[ResultColumn, ...]
    tables: frozenset[str]
    functions: frozenset[str]
    reads: dict[str, frozenset[str]]

    def names(self) -> tuple[str, ...]:
        """The names of the result columns, in order."""
        return tuple(column.name for column in self.columns)

    def typed(self) -> tuple[Column, ...]:
        """The columns as a batch carries them."""
        return tuple(Column(column.name, column.type) for column in self.columns)


class Checking:
    """Tables, columns and functions of one caller, as empty stubs. Not for two threads at once.

    Attributes:
        permits: what the caller may use.
        names: table or second name that may be used → the table it stands for, in lower case.
    """

    def __init__(
        self,
        schema: Schema,
        tables: Iterable[str] | None = None,
        *,
        policy: Policy = EVERYTHING,
        platform: str | None = HOST,
        version: str | None = None,
        extra: Iterable[TableSpec] = (),
    ) -> None:
        """Make the checking connection.

        Args:
            schema: all that osquery has.
            tables: names of the tables there are; None stands for all of platform and release.
            policy: what of them may be used.
            platform: linux, darwin or windows (this host's if left out); None for all three
                together, with the columns of each shown.
            version: osquery's release; None for the newest.
            extra: tables that the schema does not know, such as those of an extension.
        """
        self._schema = schema
        self._at = (platform, version)
        self._extra = {spec.name.lower(): spec for spec in extra}
        self.permits = Permits(policy, schema)
        self._deadline: Deadline | None = None
        tables = None if tables is None else frozenset(map(str.lower, tables))
        self.names = names = self._permitted(tables)
        self._columns: dict[str, tuple[ColumnSpec, ...]] = {}
        self._reasons = Reasons(schema, names, platform, version)
        self._seen = _Seen()
        self._connection = self._connect(names)

    def look(self, sql: str, deadline: Deadline | None = None) -> Analysis:
        """The columns, tables and functions of a statement.

        Raises:
            QueryRefused: it is not one plain SELECT, or uses what this caller may not use.
            QueryError: SQLite cannot read it, or a name is unknown.
            QueryTimeout: the deadline passed.
        """
        if "\0" in sql:
            raise QueryRefused("SQL: found a NUL character, expected plain text", sql=sql)
        self._seen = _Seen()
        self._deadline = deadline
        self._prepare(sql)
        seen = self._seen
        self._judge(sql, seen)
        return Analysis(
            sql=sql,
            columns=self._results(sql, seen.description),
            tables=frozenset(map(self._real, seen.reads)),
            functions=frozenset(seen.functions),
            reads=self._reads(seen),
        )

    def close(self) -> None:
        """Let go of the connection; may be called twice."""
        self._connection.close()

    def _permitted(self, tables: frozenset[str] | None) -> dict[str, str]:
        """Allowed name → the table it stands for, in lower case."""
        platform, version = self._at
        known = self._schema.names(platform, version)
        allowed = set(known) if tables is None else tables
        names = {name: name for name in known if name in allowed}
        for alias, table in self._schema.aliases().items():
            if table in names or alias in allowed:
                names[alias] = table
        names.update({name: name for name in self._extra})
        return {name: table for name, table in names.items() if self.permits.table(table)}

    def _connect(self, names: dict[str, str]) -> apsw.Connection:
        connection = apsw.Connection(":memory:", statementcachesize=0)
        for limit, value in _LIMITS.items():
            connection.limit(limit, value)
        for option, value in _CONFIG:
            connection.config(option, value)
        Stubs(self.declared, self._met).register(connection, list(names))
        for _, name, count in FUNCTIONS:
            connection.create_scalar_function(name, _nothing, count)
        connection.create_aggregate_function(CARVE, carve, 1)
        for name in COLLATIONS:
            connection.create_collation(name, _equal)
        connection.authorizer = self._authorize
        connection.exec_trace = self._stop
        # Nothing is run here, so each of SQLite's own steps may be looked at.
        connection.set_progress_handler(self._late, 1)
        return connection

    def declared(self, name: str) -> tuple[ColumnSpec, ...]:
        """The columns of a stub; an alias is a view, which shows what ``*`` shows."""
        name = name.lower()
        if name not in self._columns:
            spec = self._extra.get(name) or self._schema.table(name)
            columns = spec.columns_for(*self._at) if spec else ()
            if spec and spec.name.lower() != name:
                columns = tuple(column for column in columns if not column.hidden)
            self._columns[name] = self._available(name, columns)
        return self._columns[name]

    def _available(self, name: str, columns: tuple[ColumnSpec, ...]) -> tuple[ColumnSpec, ...]:
        hidden = self.permits.hidden(name)
        return tuple(column for column in columns if column.name.lower() not in hidden)

    def _late(self) -> bool:
        return self._deadline is not None and self._deadline.expired()

    def _real(self, name: str) -> str:
        return self.names.get(name.lower(), name)

    def _met(self, table: str, columns: list[str]) -> None:
        self._seen.reads.setdefault(table, set()).update(columns)

    def _authorize(self, action: int, first: str | None, second: str | None, *_: str | None) -> int:
        seen = self._seen
        if action == apsw.SQLITE_READ:
            return self._read(first or "", second or "")
        if action in {apsw.SQLITE_SELECT, apsw.SQLITE_RECURSIVE}:
            seen.selects = True
            return apsw.SQLITE_OK
        if action == apsw.SQLITE_FUNCTION:
            name = (second or "").lower()
            seen.functions.add(name)
            if name in self.permits.functions:
                return apsw.SQLITE_OK
            seen.refusal = f"function {name} may not be used here"
            return apsw.SQLITE_DENY
        verb = apsw.mapping_authorizer_function.get(action, str(action))
        seen.refusal = (
            f"found {str(verb).removeprefix('SQLITE_').replace('_', ' ')}, expected a SELECT"
        )
        return apsw.SQLITE_DENY

    def _read(self, table: str, column: str) -> int:
        name = table.lower()
        if name in self.names:
            # Without a column it may be a table of the statement's own WITH; the planner knows.
            if column:
                self._met(table, [column])
        elif name.startswith("sqlite_") or (column and name not in _HARMLESS):
            self._seen.refusal = f"table {table} may not be used here"
            return apsw.SQLITE_DENY
        return apsw.SQLITE_OK

    def _stop(self, cursor: apsw.Cursor, sql: str, _bindings: Any) -> bool:
        """Called when the statement is ready to run: note what it is, and do not run it."""
        seen = self._seen
        seen.text = sql
        seen.program = cursor.has_vdbe
        seen.readonly = cursor.is_readonly
        seen.explains = bool(cursor.is_explain)
        seen.description = cursor.description_full
        return False

    def _prepare(self, sql: str) -> None:
        cursor = self._connection.cursor()
        try:
            cursor.execute(sql)
        except apsw.ExecTraceAbort:
            return
        except apsw.AuthError as error:
            raise QueryRefused(f"SQL: {self._seen.refusal or error}", sql=sql) from None
        except apsw.Error as error:
            if self._late():
                raise QueryTimeout("the deadline passed while the SQL was read") from None
            if self._seen.refusal:
                raise QueryRefused(f"SQL: {self._seen.refusal}", sql=sql) from None
            raise self._reasons.explain(sql, error) from None
        except UnicodeEncodeError:
            raise QueryError("SQL: found text that is not valid Unicode", sql=sql) from None
        finally:
            cursor.close()

    def _judge(self, sql: str, seen: "_Seen") -> None:
        if not seen.program:
            raise QueryError("SQL: found no statement, expected one SELECT", sql=sql)
        if seen.explains:
            raise QueryRefused("SQL: found EXPLAIN, expected a SELECT", sql=sql)
        if not (seen.selects and seen.readonly):
            raise QueryRefused("SQL: found a statement that is no SELECT", sql=sql)
        if not is_blank(sql[len(seen.text) :]):
            raise QueryRefused("SQL: found more than one statement, expected one", sql=sql)

    def _reads(self, seen: "_Seen") -> dict[str, frozenset[str]]:
        merged: dict[str, set[str]] = {}
        for table, columns in seen.reads.items():
            merged.setdefault(self._real(table), set()).update(columns)
        return {table: frozenset(columns) for table, columns in merged.items()}

    def _results(self, sql: str, description: Any) -> tuple[ResultColumn, ...]:
        plain = [self._origin(one) for one in description]
        # SQLite tells the origin of a UNION's left side only.
        text = sql.upper()
        compound = any(word in text for word in _COMPOUND) and (
            len(sql) > _INFER_MAX or any(token.upper in _COMPOUND for token in tokenize(sql))
        )
        wanted = (compound or None in plain) and len(sql) <= _INFER_MAX
        inferred = infer(sql, self._outs) if wanted else None
        if inferred is None or len(inferred) != len(plain):
            inferred = [Out("")] * len(plain)
        results = []
        for one, known, own in zip(description, plain, inferred, strict=True):
            out = own if compound or known is None else known
            derived = out.type is not None and out.type != "null"
            type_: Any = out.type if derived else "text"
            results.append(ResultColumn(one[0], type_, out.origin, derived))
        return tuple(results)

    def _origin(self, description: Any) -> Out | None:
        """The column that SQLite says is shown, if it is one of ours."""
        _, _, _, table, column = description
        found = next((out for out in self._outs(table or "") or () if out.name == column), None)
        return found if found and found.origin else None

    def _outs(self, name: str) -> tuple[Out, ...] | None:
        name = name.lower()
        if name in JSON_TABLES:
            return JSON_COLUMNS
        real = self.names.get(name)
        if real is None:
            return None
        return tuple(Out(c.name, c.family, (real, c.name), c.hidden) for c in self.declared(name))


class _Seen:
    """What one preparation has shown."""

    def __init__(self) -> None:
        self.selects = False
        self.refusal = ""
        self.functions: set[str] = set()
        self.reads: dict[str, set[str]] = {}
        self.text = ""
        self.program = False
        self.readonly = False
        self.explains = False
        self.description: Any = ()


def _nothing(*_: Any) -> None:
    """Stands in for a function that only its name is needed of; never called."""


def _equal(_one: str, _other: str) -> int:
    return 0
