"""Why SQLite could not read a statement, and what was probably meant."""

import re
from collections.abc import Iterable

import apsw

from telegraf_osquery.errors import QueryError, QueryRefused
from telegraf_osquery.schema.functions import RULES
from telegraf_osquery.schema.spec import TableSpec
from telegraf_osquery.schema.sql_tokens import tokenize
from telegraf_osquery.schema.tables import Schema

_MISSING = re.compile(r"no such (table|column|function): (.+)", re.DOTALL)


class Reasons:
    """Turns SQLite's messages into ones that name the cure."""

    def __init__(
        self, schema: Schema, names: dict[str, str], platform: str | None, version: str | None
    ) -> None:
        """``names`` holds what may be used: each name with the table it stands for."""
        self._schema = schema
        self.names = names
        self._platform = platform
        self._version = version

    def explain(self, sql: str, error: apsw.Error) -> QueryError:
        """The error to raise for what SQLite said."""
        text = str(error)
        code = getattr(error, "result", 0) or 0
        if text.endswith("may not be modified"):
            return QueryRefused("SQL: found a write, expected a SELECT", sql=sql, code=code)
        if isinstance(error, apsw.BindingsError):
            text = "found a parameter (? or :name), expected values written out"
        found = _MISSING.match(text)
        if found is None:
            where = _place(sql, getattr(error, "error_offset", -1))
            return QueryError(f"SQL: {text}{where}", sql=sql, code=code)
        kind, name = found.groups()
        if kind == "table":
            return self._table(sql, name.rpartition(".")[2], code)
        hint = self._column(sql, name) if kind == "column" else _nearest(name, RULES)
        return QueryError(f"SQL: {text}{hint}", sql=sql, code=code)

    def _table(self, sql: str, name: str, code: int) -> QueryError:
        spec = self._schema.table(name)
        if spec is None:
            near = _nearest(name, self.names) or "; the tables are listed by: schema"
            return QueryError(f"SQL: no such table: {name}{near}", sql=sql, code=code)
        reason = self._absent(spec)
        if reason:
            near = _nearest(name, self.names)
            return QueryError(f"SQL: no such table: {name}, it {reason}{near}", sql=sql, code=code)
        return QueryRefused(f"SQL: table {spec.name} is not available here", sql=sql, code=code)

    def _absent(self, spec: TableSpec) -> str:
        if spec.until and not spec.lives(None, self._version):
            return f"went after osquery {spec.until}"
        if not spec.lives(None, self._version):
            return f"came with osquery {spec.since}, this is {self._version}"
        if not spec.lives(self._platform, self._version):
            return f"exists only on {' and '.join(spec.platforms)}"
        return ""

    def _column(self, sql: str, name: str) -> str:
        column = name.rpartition(".")[2]
        used = {token.text.lower() for token in tokenize(sql)} & self.names.keys()
        specs = [spec for spec in map(self._schema.table, sorted(used)) if spec]
        for spec in specs:
            found = spec.column(column)
            if found and not found.lives(self._version):
                life = f"went after osquery {found.until}" if found.until else ""
                life = life or f"came with osquery {found.since}, this is {self._version}"
                return f", {spec.name}.{found.name} {life}"
        columns = {c.name for s in specs for c in s.columns_for(self._platform, self._version)}
        return _nearest(column, columns)


def _nearest(name: str, known: Iterable[str]) -> str:
    import difflib  # only where something went wrong

    close = difflib.get_close_matches(name.lower(), sorted(known), 3, 0.6)
    return f"; did you mean {' or '.join(close)}?" if close else ""


def _place(sql: str, offset: int) -> str:
    """Line and column of SQLite's byte offset."""
    if offset < 0:
        return ""
    before = sql.encode()[:offset].decode("utf-8", "replace")
    line = before.count("\n") + 1
    return f" (line {line}, column {len(before) - before.rfind(chr(10))})"
