"""The settings, read from their Structs."""

from collections.abc import Iterator

import msgspec

from docs.markdown import table
from telegraf_osquery.config.fields import Field, bare, describe, fields_of, toml
from telegraf_osquery.config.sample import sample
from telegraf_osquery.runtime.settings import CollectSettings


def settings() -> str:
    """One row per key, then the file with all defaults."""
    rows = table(("key", "value", "default", "meaning"), _rows(CollectSettings, "", None))
    return f"{rows}\n\n```toml\n{sample(CollectSettings).rstrip()}\n```"


def keys(struct: type[msgspec.Struct], above: str = "") -> Iterator[str]:
    """Every key, dotted."""
    for field in fields_of(struct):
        inner = _struct(field)
        if inner is None:
            yield f"{above}{field.name}"
        else:
            yield from keys(inner, f"{above}{field.name}.")


def _rows(
    struct: type[msgspec.Struct], above: str, set_: msgspec.Struct | None
) -> Iterator[tuple[str, str, str, str]]:
    """``set_`` is the default of the table around, which wins over the field's own."""
    for field in fields_of(struct):
        name = f"{above}{field.name}"
        inner = _struct(field)
        if inner is None:
            default = field.default if set_ is None else getattr(set_, field.name)
            shown = "required" if field.required else f"`{toml(default)}`"
            yield f"`{name}`", describe(field.type), shown, field.description
        else:
            yield f"`[{name}]`", "a table", "", field.description
            yield from _rows(inner, f"{name}.", field.default)


def _struct(field: Field) -> type[msgspec.Struct] | None:
    known = bare(field.type)
    return known.cls if isinstance(known, msgspec.inspect.StructType) else None
