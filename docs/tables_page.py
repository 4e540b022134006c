"""The tables of the embedded engine, read from the engine and the schema."""

from importlib import import_module

from docs.markdown import table
from telegraf_osquery.engines import embedded_tables
from telegraf_osquery.engines.embedded_tables.ask import Table
from telegraf_osquery.schema.spec import ColumnSpec, TableSpec
from telegraf_osquery.schema.tables import Schema, load


def tables() -> str:
    """One section per table."""
    schema = load()
    return "\n\n".join(_section(name, schema) for name in sorted(embedded_tables.MODULES))


def limited() -> str:
    """The tables that show less without root, and what they lack."""
    lacking = ((name, held(name).lacks) for name in sorted(embedded_tables.MODULES))
    return table(
        ("table", "without root"),
        [(f"[`{name}`](../reference/tables.md#{name})", lacks) for name, lacks in lacking if lacks],
    )


def held(name: str) -> Table:
    """The table as the engine has it."""
    module = import_module(f"{embedded_tables.__name__}.{embedded_tables.MODULES[name]}")
    found: Table = module.TABLES[name]
    return found


def _section(name: str, schema: Schema) -> str:
    spec, kept = schema.table(name), held(name)
    if spec is None:
        raise KeyError(name)
    columns = [column for column in spec.columns_for("linux") if not column.hidden]
    given = [column for column in columns if column.name in kept.columns]
    empty = [f"`{column.name}`" for column in columns if column.name not in kept.columns]
    lines = [f"## {name}", "", ", ".join(map(_column, given)) + "."]
    if needed := _needed(spec):
        lines += ["", f"WHERE must constrain {' or '.join(needed)}."]
    if empty:
        lines += ["", f"Always absent here: {', '.join(empty)}."]
    if kept.lacks:
        lines += ["", f"Without root: {kept.lacks}."]
    return "\n".join(lines)


def _column(column: ColumnSpec) -> str:
    return f"`{column.name}` {column.type}"


def _needed(spec: TableSpec) -> list[str]:
    return [f"`{column.name}`" for column in spec.columns if column.required]
