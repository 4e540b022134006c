"""What a statement would do for one caller, found out without running it."""

from collections.abc import Iterable

import msgspec

from telegraf_osquery.clock import Deadline
from telegraf_osquery.errors import QueryError, QueryRefused
from telegraf_osquery.schema.checking import Analysis, Checking, ResultColumn
from telegraf_osquery.schema.policy import EVERYTHING, Permits, Policy
from telegraf_osquery.schema.restricted import joined_by_name, written_out
from telegraf_osquery.schema.spec import HOST, ColumnSpec, TableSpec
from telegraf_osquery.schema.tables import Schema

__all__ = ["Analysis", "Analyzer", "ResultColumn"]


class Analyzer(Checking):
    """Judges statements for one caller. Not for two threads at once: one per lane."""

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
        """As ``Checking``; where the policy hides columns, with a second connection."""
        extra = tuple(extra)
        tables = None if tables is None else tuple(tables)
        super().__init__(
            schema, tables, policy=policy, platform=platform, version=version, extra=extra
        )
        self._whole: _Whole | None = None
        if self.permits.restricted:
            self._whole = _Whole(self.permits, schema, tables, policy, (platform, version), extra)

    def analyze(self, sql: str, deadline: Deadline | None = None) -> Analysis:
        """The columns, tables and functions of a statement.

        Args:
            sql: one statement.
            deadline: some texts keep SQLite's planner busy for minutes; then it is stopped.

        Raises:
            QueryRefused: it is not one plain SELECT, or uses what this caller may not use.
            QueryError: SQLite cannot read it, or a name is unknown.
            QueryTimeout: the deadline passed.
        """
        if self._whole is None:
            return self.look(sql, deadline)
        try:
            found = self.look(sql, deadline)
        except QueryRefused:
            raise
        except QueryError:
            self._whole.refuse_hidden(sql, self._whole.look(sql, deadline))
            raise
        return self._held_against(self._whole, sql, found, deadline)

    def _held_against(
        self, whole: "_Whole", sql: str, found: Analysis, deadline: Deadline | None
    ) -> Analysis:
        """The statement as an engine that has every column may be asked it.

        What it reads there must be what it reads here: see ``restricted``.
        """
        joined = joined_by_name(sql, (name for name in self.names if self.permits.hidden(name)))
        if joined:
            raise QueryRefused(
                f"SQL: found NATURAL or USING in a statement over {', '.join(joined)}, of which "
                "columns are not available here; write ON",
                sql=sql,
            )
        text = written_out(sql, self._starred)
        here = found if text == sql else self.look(text, deadline)
        there = whole.look(text, deadline)
        whole.refuse_hidden(sql, there)
        if not found.names() == here.names() == there.names():
            raise QueryRefused("SQL: * cannot be written out here; name the columns", sql=sql)
        return here

    def _starred(self, name: str) -> list[str] | None:
        """What ``*`` shows of a table that lacks columns; None for any other."""
        if name not in self.names or not self.permits.hidden(name):
            return None
        return [column.name for column in self.declared(name) if not column.hidden]

    def close(self) -> None:
        super().close()
        if self._whole is not None:
            self._whole.close()


class _Whole(Checking):
    """A connection that has the columns which the caller lacks, to see whether they are read."""

    def __init__(
        self,
        hiding: Permits,
        schema: Schema,
        tables: Iterable[str] | None,
        policy: Policy,
        at: tuple[str | None, str | None],
        extra: Iterable[TableSpec],
    ) -> None:
        self._hiding = hiding
        platform, version = at
        policy = msgspec.structs.replace(policy, denied_columns={})
        super().__init__(
            schema, tables, policy=policy, platform=platform, version=version, extra=extra
        )

    def refuse_hidden(self, sql: str, found: Analysis) -> None:
        """Refuse what reads a column that the caller lacks.

        Raises:
            QueryRefused: with the columns.
        """
        read = sorted(
            f"{table}.{column}"
            for table, columns in found.reads.items()
            for column in columns
            if column.lower() in self._hiding.hidden(table)
        )
        if read:
            raise QueryRefused(
                f"SQL: {', '.join(read)} may not be used here; name other columns", sql=sql
            )

    def _available(self, name: str, columns: tuple[ColumnSpec, ...]) -> tuple[ColumnSpec, ...]:
        """All of them, and those that only another release has."""
        known = {column.name.lower() for column in columns}
        unknown = sorted(self._hiding.hidden(name) - known)
        return (*columns, *(ColumnSpec(name=one, hidden=True) for one in unknown))
