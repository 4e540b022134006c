"""Result columns held against what the pack declares about them."""

from collections.abc import Iterator

from telegraf_osquery.model.column import Type
from telegraf_osquery.model.names import field
from telegraf_osquery.packs.lint.facts import FEW_VALUES, MANY_VALUES, VOLATILE
from telegraf_osquery.packs.lint.report import Said
from telegraf_osquery.packs.pack import ScheduledQuery
from telegraf_osquery.schema.analyze import Analysis, ResultColumn
from telegraf_osquery.schema.sql_expr import Lost
from telegraf_osquery.schema.sql_parse import parse
from telegraf_osquery.schema.sql_tree import Star

_NUMBERS = frozenset({"integer", "unsigned", "double", "boolean"})
_LOSSY = {
    "double": frozenset({"integer", "unsigned", "boolean", "text"}),
    "integer": frozenset({"text"}),
    "unsigned": frozenset({"text"}),
}
"""Derived type → declared types that lose something of it."""


def look(query: ScheduledQuery, analysis: Analysis) -> Iterator[Said]:
    """The findings in the result columns of a query."""
    yield from _names(analysis)
    yield from _types(query, analysis)
    yield from _additions(query, analysis)
    yield from _tags(query, analysis)
    if not query.snapshot:
        yield from _volatile(query, analysis)


def types(query: ScheduledQuery, analysis: Analysis) -> dict[str, Type]:
    """Field on the wire → its type."""
    declared = query.additions.types
    return {
        field(column.name): declared.get(column.name, column.type) for column in analysis.columns
    }


def _names(analysis: Analysis) -> Iterator[Said]:
    names = [field(column.name) for column in analysis.columns]
    for name in dict.fromkeys(name for name in names if names.count(name) > 1):
        yield Said(
            "duplicate-column",
            f"{names.count(name)} result columns are named {name}; expected one: give the others "
            "an alias with AS",
        )


def _types(query: ScheduledQuery, analysis: Analysis) -> Iterator[Said]:
    for column in analysis.columns:
        declared = query.additions.types.get(column.name)
        if declared is None and not column.derived:
            yield Said(
                "untyped-column",
                f"the type of column {column.name} cannot be told, it is stored as text; declare "
                f'it: types = {{ "{column.name}" = "double" }}, or CAST it',
            )
        elif declared and column.derived and declared in _LOSSY.get(column.type, ()):
            yield Said(
                "declared-type",
                f"column {column.name} is declared {declared}, the statement gives {column.type}, "
                f"which is cut or lost; declare {column.type} or CAST it",
            )


def _additions(query: ScheduledQuery, analysis: Analysis) -> Iterator[Said]:
    returned = [column.name for column in analysis.columns]
    for name in sorted(query.additions.columns() - set(returned)):
        near = next((one for one in returned if one.lower() == name.lower()), "")
        cure = f"did you mean {near}?" if near else f"it returns {', '.join(returned[:20])}"
        yield Said("addition-column", f"column {name} is named in the additions; {cure}")


def _tags(query: ScheduledQuery, analysis: Analysis) -> Iterator[Said]:
    for column in analysis.columns:
        if column.name in query.additions.tags and (why := _many(column)):
            yield Said("unbounded-tag", f"tag {column.name} {why}; leave it a field")


def _many(column: ResultColumn) -> str:
    if column.type == "double":
        return "is a measured value: each one makes a series"
    if column.origin and column.origin[1] in MANY_VALUES and column.origin not in FEW_VALUES:
        return f"is {column.origin[0]}.{column.origin[1]}: each of its many values makes a series"
    return ""


def _volatile(query: ScheduledQuery, analysis: Analysis) -> Iterator[Said]:
    ignored = query.additions.ignore
    names = [
        column.name
        for column in analysis.columns
        if column.origin
        and column.origin[1] in VOLATILE.get(column.origin[0], ())
        and column.name not in ignored
    ]
    if not names:
        return
    shown = ", ".join(names[:6]) + (", …" if len(names) > 6 else "")
    if _has_star(analysis.sql):
        yield Said(
            "volatile-star",
            f"SELECT * brings {shown}, which differ at every run: name the columns, or set "
            '"snapshot": true',
        )
    else:
        yield Said(
            "volatile-column",
            f"{shown} differ at every run, so every row counts as changed; set "
            '"snapshot": true, or list them under ignore',
        )


def _has_star(sql: str) -> bool:
    try:
        query = parse(sql)
    except (Lost, RecursionError):
        return False
    return any(isinstance(item.value, Star) for core in query.cores for item in core.items)
