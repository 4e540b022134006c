"""``schema``: osquery's tables and columns by platform and release."""

import sys
from typing import Any, Literal

from telegraf_osquery.cli import render
from telegraf_osquery.cli.options import Shape
from telegraf_osquery.engines.embedded_tables import MODULES
from telegraf_osquery.errors import QueryError
from telegraf_osquery.schema.spec import RELEASE, ColumnSpec, TableSpec
from telegraf_osquery.schema.tables import Schema, load

Platform = Literal["linux", "darwin", "windows"]


def schema(
    table: str | None = None,
    /,
    *,
    platform: Platform | None = None,
    version: str | None = None,
    format: Shape = "table",  # noqa: A002 - the option's name
) -> None:
    """List osquery's tables, or the columns of one.

    The note "embedded" marks tables that the embedded engine answers.

    Args:
        table: The table whose columns to list; all tables when left out.
        platform: Only what this platform has.
        version: As this release of osquery has it, the newest one when left out.
        format: table for eyes, json for programs.
    """
    known = load()
    if table:
        _columns(_table(known, table), platform, version, format)
        return
    specs = [_table(known, name) for name in known.names(platform, version)]
    if format == "json":
        render.json([_describe(spec, platform, version) for spec in specs], sys.stdout)
        return
    rows = [
        (spec.name, len(_visible(spec, platform, version)), " ".join(spec.platforms), _notes(spec))
        for spec in specs
    ]
    render.table(("table", "columns", "platforms", "notes"), rows, sys.stdout, right=[1])


def _table(known: Schema, name: str) -> TableSpec:
    found = known.table(name)
    if found is None:
        near = known.nearest(name)
        cure = f"did you mean {' or '.join(near)}?" if near else "telegraf-osquery schema lists all"
        raise QueryError(f'table "{name}": osquery {RELEASE} has none of this name; {cure}')
    return found


def _columns(spec: TableSpec, platform: str | None, version: str | None, shape: Shape) -> None:
    if not spec.lives(platform, version):
        where = " ".join(word for word in (platform, version) if word)
        lives = f"{' '.join(spec.platforms)}{_span(spec)}"
        raise QueryError(f'table "{spec.name}": not on {where or "the newest release"}; on {lives}')
    if shape == "json":
        render.json(_describe(spec, platform, version), sys.stdout)
        return
    rows = [
        (column.name, column.type, column.family, _column_notes(column))
        for column in _visible(spec, platform, version)
    ]
    render.table(("column", "osquery type", "field type", "notes"), rows, sys.stdout)
    if notes := _notes(spec):
        sys.stdout.write(f"{spec.name}: {notes}\n")


def _visible(spec: TableSpec, platform: str | None, version: str | None) -> list[ColumnSpec]:
    return [column for column in spec.columns_for(platform, version) if not column.hidden]


def _notes(spec: TableSpec) -> str:
    needed = [column.name for column in spec.columns if column.required]
    notes = ["embedded"] if spec.name in MODULES else []
    notes += [f"needs {' or '.join(needed)} in WHERE"] if needed else []
    notes += ["evented"] if spec.evented else []
    span = _span(spec).strip()
    return "; ".join([*notes, span] if span else notes)


def _column_notes(column: ColumnSpec) -> str:
    notes = ["required in WHERE"] if column.required else []
    notes += [f"only {' '.join(column.platforms)}"] if column.platforms else []
    span = _span(column).strip()
    return "; ".join([*notes, span] if span else notes)


def _span(spec: TableSpec | ColumnSpec) -> str:
    since = f" since {spec.since}" if spec.since else ""
    return f"{since} until {spec.until}" if spec.until else since


def _describe(spec: TableSpec, platform: str | None, version: str | None) -> dict[str, Any]:
    return {
        "name": spec.name,
        "platforms": list(spec.platforms),
        "evented": spec.evented,
        "embedded": spec.name in MODULES,
        "since": spec.since,
        "until": spec.until,
        "columns": [
            {
                "name": column.name,
                "type": column.type,
                "family": column.family,
                "required": column.required,
                "platforms": list(column.platforms),
                "since": column.since,
                "until": column.until,
            }
            for column in _visible(spec, platform, version)
        ],
    }
