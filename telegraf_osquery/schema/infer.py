"""Types of result columns from the tree of a SELECT.

The rules are fixed: they look at the statement and the declared columns, never at a value, and do
not depend on the SQLite that runs the statement. What they cannot tell is None.
"""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from telegraf_osquery.schema.functions import Known, agree, arithmetic, result
from telegraf_osquery.schema.sql_expr import Lost
from telegraf_osquery.schema.sql_parse import parse
from telegraf_osquery.schema.sql_tree import (
    Arithmetic,
    Call,
    Case,
    Core,
    Cte,
    Expression,
    Item,
    Literal,
    Name,
    Query,
    Same,
    Scalar,
    Source,
    Star,
)

Origin = tuple[str, str] | None


class Out(msgspec.Struct, frozen=True):
    """A column that a query or a table offers."""

    name: str
    type: Known = None
    origin: Origin = None
    hidden: bool = False


Declared = Callable[[str], Sequence[Out] | None]
"""The columns of a table by its name, hidden ones marked; None when there is no such table."""

_ROWID = frozenset({"rowid", "oid", "_rowid_"})
_BOOLEAN = frozenset({"true", "false"})
# A recursive table is read until its types stand still; they only go NULL, integer, double, text.
_ROUNDS = 4


def infer(sql: str, declared: Declared) -> list[Out] | None:
    """The result columns of a statement that SQLite accepts; None when the text is beyond us."""
    try:
        return _Scope(declared, {}).query(parse(sql))
    except (Lost, RecursionError):
        return None


class _Term(msgspec.Struct, frozen=True):
    """One term of FROM; ``merged`` columns are shown by a term on its left."""

    alias: str
    columns: Sequence[Out]
    merged: frozenset[str]
    shown: bool = True


class _Scope:
    """Where names are looked up: the terms of one FROM, then those around it."""

    def __init__(
        self, declared: Declared, ctes: Mapping[str, "_With"], outer: "_Scope | None" = None
    ) -> None:
        self._declared = declared
        self._ctes = dict(ctes)
        self._outer = outer
        self._terms: list[_Term] = []

    def query(self, query: Query) -> list[Out]:
        inner = _Scope(self._declared, self._ctes, self._outer)
        inner._terms = self._terms
        for cte in query.ctes:
            inner._ctes[cte.name.lower()] = _With(cte, inner)
        columns: list[Out] = []
        for core in query.cores:
            more = inner._core(core)
            columns = _joined(columns, more, core.operator) if core.operator else more
        return columns

    def _core(self, core: Core) -> list[Out]:
        scope = _Scope(self._declared, self._ctes, self if self._terms else self._outer)
        for source in core.sources:
            scope._add(source)
        return [out for item in core.items for out in scope._item(item)]

    def _add(self, source: Source) -> None:
        columns = self._columns(source)
        merged = frozenset(name.lower() for name in source.using)
        if source.natural:
            left = {out.name.lower() for term in self._terms for out in term.columns if term.shown}
            merged |= {out.name.lower() for out in columns if not out.hidden} & left
        self._terms.append(_Term(source.alias.lower(), columns, merged))

    def _columns(self, source: Source) -> Sequence[Out]:
        if source.group:
            return self._group(source.group)
        if source.query is not None:
            return _Scope(self._declared, self._ctes, self._outer).query(source.query)
        name = source.table.lower()
        found = self._ctes[name].columns() if name in self._ctes else self._declared(name)
        if found is None:
            raise Lost
        return found

    def _group(self, members: Sequence[Source]) -> Sequence[Out]:
        """A join in parentheses shows its own ``*``; its members can still be named."""
        inner = _Scope(self._declared, self._ctes, self._outer)
        for member in members:
            inner._add(member)
        self._terms += [_Term(t.alias, t.columns, t.merged, shown=False) for t in inner._terms]
        return inner._star("")

    def _item(self, item: Item) -> list[Out]:
        if isinstance(item.value, Star):
            return self._star(item.value.table.lower())
        found: Out | None = None
        if isinstance(item.value, Name):
            found = self.find(item.value)
        elif isinstance(item.value, Scalar):
            found = self._value(item.value)
        # Without an alias a column has the name it was declared with, an expression its own text.
        plain = found.name if found and isinstance(item.value, Name) else item.text
        kind = found.type if found else self._type(item.value)
        return [Out(item.alias or plain or item.text, kind, found.origin if found else None)]

    def _star(self, table: str) -> list[Out]:
        return [
            out
            for term in self._terms
            if (table == term.alias if table else term.shown)
            for out in term.columns
            if not out.hidden and (table or out.name.lower() not in term.merged)
        ]

    def find(self, name: Name) -> Out | None:
        column = name.parts[-1].lower()
        table = name.parts[-2].lower() if len(name.parts) > 1 else ""
        for term in self._terms:
            if table in {"", term.alias}:
                for out in term.columns:
                    if out.name.lower() == column:
                        return out
        if self._outer:
            return self._outer.find(name)
        if column in _ROWID or (column in _BOOLEAN and not table and not name.quoted):
            return Out("", "integer")
        return Out("", "text") if name.quoted else None

    def _type(self, value: Expression) -> Known:
        kind: Known = None
        if isinstance(value, Literal):
            kind = value.type
        elif isinstance(value, Name):
            found = self.find(value)
            kind = found.type if found else None
        elif isinstance(value, Call):
            kind = result(value.name, self._types(value.arguments))
        elif isinstance(value, Same):
            kind = self._type(value.operand)
        elif isinstance(value, Arithmetic):
            kind = arithmetic(self._types(value.operands))
        elif isinstance(value, Case):
            kind = agree(self._types(value.branches))
        elif isinstance(value, Scalar):
            kind = self._value(value).type
        return kind

    def _value(self, value: Scalar) -> Out:
        columns = self.query(value.query)
        if not columns:
            raise Lost
        return columns[0]

    def _types(self, values: Sequence[Expression]) -> list[Known]:
        return [self._type(value) for value in values]


class _With:
    """A table of a WITH; read when it is first named: one that nobody names does not count."""

    def __init__(self, cte: Cte, scope: _Scope) -> None:
        self._cte = cte
        self._scope = scope
        self._columns: list[Out] | None = None

    def columns(self) -> list[Out]:
        """A table that names itself sees what is known so far, until that stands still."""
        if self._columns is None:
            query = self._cte.query
            found = self._read(Query(query.cores[:1], query.ctes))
            for _ in range(_ROUNDS):
                if found == self._columns:
                    break
                self._columns = found
                found = self._read(query)
        return self._columns or []

    def _read(self, query: Query) -> list[Out]:
        return _renamed(self._scope.query(query), self._cte.columns)


def _joined(left: list[Out], right: list[Out], operator: str) -> list[Out]:
    """UNION must hold what both sides give; EXCEPT and INTERSECT give rows of the left side."""
    if len(left) != len(right):
        raise Lost
    if operator != "UNION":
        return left
    return [
        Out(one.name, agree((one.type, two.type)), one.origin if one.origin == two.origin else None)
        for one, two in zip(left, right, strict=True)
    ]


def _renamed(columns: list[Out], names: Sequence[str]) -> list[Out]:
    if not names:
        return columns
    if len(names) != len(columns):
        raise Lost
    return [Out(n, out.type, out.origin) for n, out in zip(names, columns, strict=True)]
