"""Statements over tables of which a caller lacks columns, made safe for an engine that has them.

A statement that is valid without the columns can still reach them where they exist: by ``*``, by
NATURAL and USING, or by a name that means something else where the column is missing (an alias, a
column of an outer query). So ``*`` is written out here, joins by name are refused, and the caller
(``analyze``) asks a second connection, one that has the columns, whether any of them is read.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from telegraf_osquery.schema.sql_expr import Lost
from telegraf_osquery.schema.sql_parse import parse
from telegraf_osquery.schema.sql_tree import (
    Arithmetic,
    Call,
    Case,
    Core,
    Expression,
    Query,
    Same,
    Scalar,
    Source,
    Star,
)

Shown = Callable[[str], Sequence[str] | None]
"""The columns that ``*`` shows of a restricted table, by any of its names; None for all else."""

# Looked for in the text itself, so that no way of quoting or commenting hides them.
_BY_NAME = re.compile(r"\b(?:natural|using)\b", re.IGNORECASE | re.ASCII)


def joined_by_name(sql: str, names: Iterable[str]) -> list[str]:
    """Those of the tables that the text may join over columns of equal name."""
    if _BY_NAME.search(sql) is None:
        return []
    text = sql.lower()
    return sorted(name for name in names if name in text)


def written_out(sql: str, shown: Shown) -> str:
    """The text with every ``*`` over a restricted table as a list of columns.

    Where the reader is lost, or a term of FROM has no name, the ``*`` stays.
    """
    try:
        found = sorted(_stars(parse(sql), frozenset(), shown))
    except (Lost, RecursionError):
        return sql
    for start, end, text in reversed(found):
        sql = sql[:start] + text + sql[end:]
    return sql


Replacement = tuple[int, int, str]


def _stars(query: Query, hidden: frozenset[str], shown: Shown) -> Iterator[Replacement]:
    """``hidden`` are names of tables that a WITH has taken over."""
    hidden |= {cte.name.lower() for cte in query.ctes}
    for cte in query.ctes:
        yield from _stars(cte.query, hidden, shown)
    for core in query.cores:
        yield from _core(core, hidden, shown)


def _core(core: Core, hidden: frozenset[str], shown: Shown) -> Iterator[Replacement]:
    for source in _flat(core.sources):
        if source.query is not None:
            yield from _stars(source.query, hidden, shown)
    for item in core.items:
        if isinstance(item.value, Star):
            yield from _star(item.value, core.sources, hidden, shown)
        else:
            for query in _queries(item.value):
                yield from _stars(query, hidden, shown)


def _flat(sources: Iterable[Source]) -> Iterator[Source]:
    for source in sources:
        yield source
        yield from _flat(source.group)


def _star(
    star: Star, sources: Sequence[Source], hidden: frozenset[str], shown: Shown
) -> Iterator[Replacement]:
    terms = [one for one in sources if not star.table or one.alias.lower() == star.table.lower()]
    lists = [None if one.table.lower() in hidden else shown(one.table.lower()) for one in terms]
    if any(columns is not None for columns in lists) and all(one.alias for one in terms):
        parts = [
            f"{_quoted(one.alias)}.{_quoted(column) if column != '*' else column}"
            for one, columns in zip(terms, lists, strict=True)
            for column in (("*",) if columns is None else columns)
        ]
        if parts:
            yield star.start, star.end, ", ".join(parts)


def _queries(value: Expression) -> Iterator[Query]:
    """The sub-selects in an expression."""
    inner: tuple[Expression, ...] = ()
    if isinstance(value, Scalar):
        yield value.query
    elif isinstance(value, Call):
        inner = value.arguments
    elif isinstance(value, Same):
        inner = (value.operand,)
    elif isinstance(value, Arithmetic):
        inner = value.operands
    elif isinstance(value, Case):
        inner = value.branches
    for one in inner:
        yield from _queries(one)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
