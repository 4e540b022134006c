"""osquery tables as SQLite virtual tables: which constraints a table is handed.

The rules are osquery's (osquery/sql/virtual_table.cpp): ``=`` (``IN`` is one scan per value) and
``LIKE`` on columns flagged required, index, additional or optimized reach the table; every other
operator is left to SQLite, which also checks again whatever was handed down. ``GLOB`` on a required
column is enough for osquery to scan, but its tables find nothing by it: no rows, no refusal.
"""

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

import apsw
import msgspec

from telegraf_osquery.engines.embedded_tables.ask import Table
from telegraf_osquery.engines.scan import Host, Plan, Scan
from telegraf_osquery.schema.spec import ColumnSpec, TableSpec

_SIGNS = {apsw.SQLITE_INDEX_CONSTRAINT_EQ: "=", apsw.SQLITE_INDEX_CONSTRAINT_LIKE: "~"}
_COSTS = {"=": 10.0, "~": 1e3}
_COST_OF_ALL = 1e5
_COST_OF_NOTHING = 1e12
_WIDE = 63  # SQLite has one bit for all columns from here on
_PLANS_MAX = 256

Arrange = Callable[[Sequence[Any]], Sequence[Any]]


def declaration(columns: Sequence[ColumnSpec]) -> str:
    """The CREATE TABLE text of a virtual table.

    No primary key is declared: osquery's lets SQLite drop a DISTINCT that was needed.
    """
    parts = []
    for column in columns:
        collation = f" COLLATE {column.collation}" if column.collation else ""
        hidden = " HIDDEN" if column.hidden else ""
        parts.append(f'"{column.name}" {column.type}{hidden}{collation}')
    return f"CREATE TABLE x({', '.join(parts)})"


def _source(column: ColumnSpec) -> str:
    return column.alias_of or column.name


def _arranger(columns: Sequence[ColumnSpec], table: Table) -> Arrange | None:
    """Puts a table's row into the schema's order.

    Where the table has no such column a text is empty and a number is NULL, as in osquery.
    """
    names = [_source(column) for column in columns]
    if names == list(table.columns):
        return None
    places = {name: place for place, name in enumerate(table.columns)}
    count = len(table.columns)
    absent = (count if column.family == "text" else count + 1 for column in columns)
    numbers = [places.get(name, other) for name, other in zip(names, absent, strict=True)]
    if len(numbers) == 1:
        return lambda row: ((*row, "", None)[numbers[0]],)
    pick = itemgetter(*numbers)
    return lambda row: pick((*row, "", None))


class Module:
    """SQLite's xConnect: called when a statement of this connection first names a table."""

    def __init__(self, find: Callable[[str], "VirtualTable"]) -> None:
        self._find = find

    def Connect(  # noqa: N802 - apsw's name
        self, connection: apsw.Connection, name: str, *_: str
    ) -> "tuple[str, VirtualTable]":
        connection.vtab_config(apsw.SQLITE_VTAB_INNOCUOUS)
        table = self._find(name)
        return declaration(table.columns), table


class VirtualTable:
    """One table of one connection; the methods are SQLite's xBestIndex, xOpen, xDisconnect."""

    def __init__(self, spec: TableSpec, table: Table, host: Host) -> None:
        self.name = spec.name
        self.generate = table.generate
        self.host = host
        self.columns = spec.columns_for("linux")
        self.arrange = _arranger(self.columns, table)
        self.required = tuple(column.name for column in self.columns if column.required)
        self._plans: dict[str, Plan] = {}

    def BestIndexObject(self, info: apsw.IndexInfo) -> bool:  # noqa: N802 - apsw's name
        """Choose what a scan is handed; False when a required column is known only later."""
        pushed: list[tuple[int, str]] = []
        late = False
        for which in range(info.nConstraint):
            sign = self._takes(info, which)
            if not sign:
                continue
            number = info.get_aConstraint_iColumn(which)
            if info.get_aConstraint_usable(which):
                pushed.append((number, sign))
                info.set_aConstraintUsage_argvIndex(which, len(pushed))
            else:
                late = late or self.columns[number].required
        named = any(self.columns[n].required for n, _ in pushed) or self._globbed(info)
        missing = bool(self.required) and not named
        if missing and late:
            return False
        cost = min((_COSTS[sign] for _, sign in pushed), default=_COST_OF_ALL)
        info.estimatedCost = _COST_OF_NOTHING if missing else cost
        numbers = [n for n in range(len(self.columns)) if min(n, _WIDE) in info.colUsed]
        info.idxStr = msgspec.json.encode([numbers, pushed, missing]).decode()
        return True

    def _takes(self, info: apsw.IndexInfo, which: int) -> str:
        """The sign under which the table takes this constraint; empty when it does not."""
        number = info.get_aConstraint_iColumn(which)
        sign = _SIGNS.get(info.get_aConstraint_op(which), "")
        if number < 0 or not sign:
            return ""
        column = self.columns[number]
        flagged = column.required or column.index or column.additional or column.optimized
        # an equality that ignores case is not the table's
        if not flagged or (sign == "=" and info.get_aConstraint_collation(which) != "BINARY"):
            return ""
        return sign

    def _globbed(self, info: apsw.IndexInfo) -> bool:
        """Whether a required column is matched by GLOB."""
        for which in range(info.nConstraint):
            if info.get_aConstraint_op(which) == apsw.SQLITE_INDEX_CONSTRAINT_GLOB:
                number = info.get_aConstraint_iColumn(which)
                if number >= 0 and self.columns[number].required:
                    return True
        return False

    def plan(self, text: str) -> Plan:
        """The plan that BestIndexObject wrote down."""
        plan = self._plans.get(text)
        if plan is None:
            if len(self._plans) >= _PLANS_MAX:
                self._plans.clear()
            numbers, pushed, missing = msgspec.json.decode(text)
            columns = [self.columns[number] for number in numbers]
            plan = self._plans[text] = Plan(
                used=frozenset(map(_source, columns)),
                numbers=tuple(numbers),
                pushed=tuple(
                    (_source(self.columns[n]), self.columns[n].family, s) for n, s in pushed
                ),
                missing=missing,
            )
        return plan

    def Open(self) -> Scan:  # noqa: N802 - apsw's name
        return Scan(self)

    def Disconnect(self) -> None:  # noqa: N802 - apsw's name
        """Nothing is held per table."""

    Destroy = Disconnect
