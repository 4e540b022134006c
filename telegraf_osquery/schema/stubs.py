"""Tables that can be named in SQL but never read: what a checking connection is made of."""

from collections.abc import Callable, Sequence
from typing import Any

import apsw

from telegraf_osquery.schema.infer import Out
from telegraf_osquery.schema.spec import ColumnSpec

Columns = Sequence[ColumnSpec]

DECLARED = "declared"
"""The name SQLite sees while a stub tells its columns; it is no table anyone could ask for."""

# SQLite's own table-valued functions (https://www.sqlite.org/json1.html#jeach).
JSON_TABLES = ("json_each", "json_tree")
JSON_COLUMNS = (
    Out("key"),
    Out("value"),
    Out("type", "text"),
    Out("atom"),
    Out("id", "integer"),
    Out("parent", "integer"),
    Out("fullkey", "text"),
    Out("path", "text"),
    Out("json", hidden=True),
    Out("root", hidden=True),
)
_BUILT_IN = ("jsonb_each", "jsonb_tree", "carray")


class Stubs:
    """One module for all tables; SQLite asks for the columns of a table when it first meets it.

    ``met`` takes the name and the columns used of each table that the statement at hand will open.
    The authorizer alone misses what is reached by USING or NATURAL only; the planner does not.
    """

    def __init__(
        self, columns: Callable[[str], Columns], met: Callable[[str, list[str]], None]
    ) -> None:
        self._columns = columns
        self._met = met

    def register(self, connection: apsw.Connection, names: Sequence[str]) -> None:
        """Make these tables, and no other, known to the connection."""
        pragmas = [f"pragma_{row[0]}" for row in connection.execute("PRAGMA pragma_list")]
        connection.drop_modules(JSON_TABLES)
        for name in (*pragmas, *_BUILT_IN):
            # A module that is not eponymous: naming it gives "no such table".
            connection.create_module(name, _NEVER)
        for name in names:
            connection.create_module(
                name,
                self,  # type: ignore[arg-type]
                use_bestindex_object=True,
                eponymous_only=True,
                read_only=True,
            )

    def Connect(  # noqa: N802 - the name apsw calls
        self, _connection: apsw.Connection, _module: str, _database: str, table: str, *_: str
    ) -> tuple[str, "_Stub"]:
        columns = self._columns(table)
        return _declaration(columns), _Stub(table, columns, self._met)


class _Stub:
    """A table without rows."""

    def __init__(self, name: str, columns: Columns, met: Callable[[str, list[str]], None]) -> None:
        self._name = name
        self._names = [column.name for column in columns]
        self._met = met

    def BestIndexObject(self, index: Any) -> bool:  # noqa: N802 - the name apsw calls
        used = [self._names[place] for place in index.colUsed if place < len(self._names)]
        self._met(self._name, used)
        return True

    def Disconnect(self) -> None:  # noqa: N802 - the name apsw calls
        """Nothing is held."""

    Destroy = Disconnect


def _declaration(columns: Columns) -> str:
    parts = [
        f'"{column.name}" {column.type.replace("_", " ")}{" HIDDEN" if column.hidden else ""}'
        for column in columns
    ]
    # osquery's tables have a rowid only where no column is marked as a key. The key of a stub is a
    # column of its own that nobody can guess at, since SQLite counts a key as read.
    keyed = any(c.index or c.additional for c in columns)
    end = ', " " HIDDEN PRIMARY KEY) WITHOUT ROWID' if keyed else ")"
    # A table of which every column is hidden still has rows that can be counted.
    declared = ", ".join(parts) or '" " HIDDEN'
    return f"CREATE TABLE {DECLARED} ({declared}{end}"


class _Never:
    """Stands in for a table of SQLite's own that must not be reached."""


_NEVER: Any = _Never()
