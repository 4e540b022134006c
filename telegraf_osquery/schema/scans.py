"""How a statement would scan its tables, read from SQLite's own plan without running it.

Constraints reach a table by osquery's rules (osquery/sql/virtual_table.cpp): those with ``=``
(``IN`` is one scan per value) and ``LIKE`` on columns flagged required, index, additional or
optimized.
"""

from collections.abc import Sequence
from typing import Any

import apsw
import msgspec

from telegraf_osquery.schema.functions import COLLATIONS, OSQUERY
from telegraf_osquery.schema.spec import ColumnSpec
from telegraf_osquery.schema.tables import Schema

_SIGNS = {apsw.SQLITE_INDEX_CONSTRAINT_EQ: "=", apsw.SQLITE_INDEX_CONSTRAINT_LIKE: "LIKE"}
_COST_PUSHED, _COST_OF_ALL, _COST_OF_NOTHING = 10.0, 1e6, 1e12
_STEPS = 2_000_000
"""Of SQLite's planner and code generator; what a statement of a person needs is a thousandth."""


class Pushed(msgspec.Struct, frozen=True, array_like=True):
    """A constraint that the table is handed.

    Attributes:
        sign: ``=`` or ``LIKE``.
        value: what it is compared with where the statement says it outright, else None.
    """

    column: str
    sign: str
    value: str | None = None


class TableScan(msgspec.Struct, frozen=True, array_like=True):
    """One scan of one table.

    Attributes:
        table: as the schema names it, never an alias.
        missing: the table has required columns and the scan constrains none of them.
    """

    table: str
    pushed: tuple[Pushed, ...]
    missing: bool

    def constrains(self, *columns: str) -> bool:
        """Whether one of these columns is constrained by ``=``."""
        return any(one.column in columns and one.sign == "=" for one in self.pushed)


class Scans:
    """Plans statements for one platform and release. Not for two threads at once."""

    def __init__(self, schema: Schema, platform: str | None, version: str | None) -> None:
        """Open a connection in memory whose tables have columns and no rows."""
        self._schema = schema
        self._at = (platform, version)
        self._connection = apsw.Connection(":memory:", statementcachesize=0)
        self._connection.limit(apsw.SQLITE_LIMIT_VDBE_OP, 250_000)
        names = (*schema.names(platform, version), *schema.aliases())
        for name in names:
            self._connection.create_module(
                name,
                self,  # type: ignore[arg-type]
                use_bestindex_object=True,
                eponymous_only=True,
                read_only=True,
            )
        for name in OSQUERY:
            self._connection.create_scalar_function(name, _nothing)
        for name in COLLATIONS:
            self._connection.create_collation(name, _equal)
        self._connection.set_progress_handler(lambda: True, _STEPS)

    def of(self, sql: str) -> tuple[TableScan, ...]:
        """The scans of a statement that the analyzer accepts; none when there is no plan."""
        try:
            rows = [
                row for row in self._connection.execute(f"EXPLAIN {sql}") if row[1] == "VFilter"
            ]
            return tuple(msgspec.json.decode(row[5], type=TableScan) for row in rows if row[5])
        except (apsw.Error, UnicodeEncodeError, msgspec.DecodeError):
            return ()

    def close(self) -> None:
        """Let go of the connection; may be called twice."""
        self._connection.close()

    def Connect(  # noqa: N802 - the name apsw calls
        self, _connection: apsw.Connection, name: str, *_: str
    ) -> tuple[str, "_Planned"]:
        spec = self._schema.table(name)
        columns = spec.columns_for(*self._at) if spec else ()
        return _declaration(columns), _Planned(spec.name if spec else name, columns)


class _Planned:
    """One table, as the planner sees it."""

    def __init__(self, name: str, columns: Sequence[ColumnSpec]) -> None:
        self._name = name
        self._columns = columns
        self._required = any(column.required for column in columns)

    def BestIndexObject(self, info: apsw.IndexInfo) -> bool:  # noqa: N802 - the name apsw calls
        pushed = []
        required = False
        for which in range(info.nConstraint):
            column = self._taken(info, which)
            if column is None:
                continue
            value = info.get_aConstraint_rhs(which)
            sign = _SIGNS[info.get_aConstraint_op(which)]
            pushed.append(Pushed(column.name, sign, value if isinstance(value, str) else None))
            info.set_aConstraintUsage_argvIndex(which, len(pushed))
            required = required or column.required
        missing = self._required and not required
        info.estimatedCost = (
            _COST_OF_NOTHING if missing else _COST_PUSHED if pushed else _COST_OF_ALL
        )
        scan = TableScan(self._name, tuple(pushed), missing)
        info.idxStr = msgspec.json.encode(scan).decode()
        return True

    def _taken(self, info: apsw.IndexInfo, which: int) -> ColumnSpec | None:
        number = info.get_aConstraint_iColumn(which)
        known = info.get_aConstraint_op(which) in _SIGNS and info.get_aConstraint_usable(which)
        if number < 0 or not known:
            return None
        column = self._columns[number]
        flagged = column.required or column.index or column.additional or column.optimized
        return column if flagged else None

    def Disconnect(self) -> None:  # noqa: N802 - the name apsw calls
        """Nothing is held."""

    Destroy = Disconnect


def _declaration(columns: Sequence[ColumnSpec]) -> str:
    parts = (
        f'"{column.name}" {column.type.replace("_", " ")}{" HIDDEN" if column.hidden else ""}'
        for column in columns
    )
    return f"CREATE TABLE x({', '.join(parts)})"


def _nothing(*_: Any) -> None:
    """Stands in for a function that only its name is needed of."""


def _equal(_one: str, _other: str) -> int:
    return 0
