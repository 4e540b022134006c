"""The commented sample of a settings file, made from its Struct so that both never differ.

The look is that of Telegraf's samples: ``## `` for prose, ``# key = default`` for what may be left
out, two spaces inside a table.
"""

import textwrap
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import inspect

from telegraf_osquery.config.fields import (
    Field,
    bare,
    describe,
    fields_in,
    fields_of,
    structs,
    toml,
)

WIDTH = 80
# Types that the value itself shows.
_PLAIN = frozenset({"text", "text that is not empty", "true or false"})


def sample(struct: type[msgspec.Struct], title: str = "") -> str:
    """A TOML file with every key of ``struct``: required keys set, the others commented out."""
    lines = [*_prose(title, ""), *([""] if title else [])]
    lines += _table(fields_of(struct), "", off=False)
    return "\n".join(lines).strip() + "\n"


def _table(fields: tuple[Field, ...], name: str, *, off: bool) -> Iterator[str]:
    """Keys first, then the tables below: TOML gives a key to the table above it."""
    indent = "  " if name else ""
    for field in fields:
        if not _is_table(field):
            yield from _key(field, indent, off=off)
    for field in fields:
        if _is_table(field):
            yield from _below(field, f"{name}.{field.name}" if name else field.name, off=off)


def _key(field: Field, indent: str, *, off: bool) -> Iterator[str]:
    yield from _prose(field.description, indent)
    allowed = describe(field.type)
    if allowed not in _PLAIN:
        yield from _prose(f"Allowed: {allowed}.", indent)
    mark = "# " if off or not field.required else ""
    yield f"{indent}{mark}{field.name} = {_value(field)}"
    yield ""


def _below(field: Field, name: str, *, off: bool) -> Iterator[str]:
    yield from _prose(field.description, "")
    # A table that may be left out as a whole is shown, but switched off.
    off = off or not (field.required or isinstance(field.default, msgspec.Struct))
    many = not isinstance(bare(field.type), inspect.StructType | inspect.UnionType)
    mark = "# " if off else ""
    yield f"{mark}[[{name}]]" if many else f"{mark}[{name}]"
    shown = _struct(field)[0]
    if shown.tag_field:
        yield f"  {mark}{shown.tag_field} = {toml(shown.tag)}"
        yield ""
    yield from _table(_as_set(fields_in(shown), field.default), name, off=off)


def _as_set(fields: tuple[Field, ...], default: Any) -> tuple[Field, ...]:
    """The fields as the default of the whole table sets them: what it changes must be written."""
    if not isinstance(default, msgspec.Struct):
        return fields
    values = ((field, getattr(default, field.name)) for field in fields)
    return tuple(
        field
        if field.default == value
        else msgspec.structs.replace(field, default=msgspec.NODEFAULT, examples=(value,))
        for field, value in values
    )


def _is_table(field: Field) -> bool:
    return bool(_struct(field))


def _struct(field: Field) -> tuple[inspect.StructType, ...]:
    known = bare(field.type)
    if isinstance(known, inspect.ListType | inspect.VarTupleType):
        known = bare(known.item_type)
    return structs(known)


def _value(field: Field) -> str:
    if field.examples and (field.required or field.default is None):
        return toml(field.examples[0])
    return '""' if field.required or field.default is None else toml(field.default)


def _prose(text: str, indent: str) -> list[str]:
    head = f"{indent}## "
    return textwrap.wrap(
        text, WIDTH, initial_indent=head, subsequent_indent=head, break_on_hyphens=False
    )
