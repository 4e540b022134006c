"""JSON Schema (2020-12) of a settings Struct, for editors that complete and check TOML."""

from typing import Any

import msgspec
from msgspec import inspect

from telegraf_osquery.config.fields import Field, bare, fields_in, fields_of
from telegraf_osquery.config.units import DURATION_PATTERN, SIZE_PATTERN, Duration, Size

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_CUSTOM: dict[type, dict[str, Any]] = {
    Duration: {"type": "string", "pattern": DURATION_PATTERN, "examples": ["10s"]},
    Size: {"type": "string", "pattern": SIZE_PATTERN, "examples": ["64KiB"]},
}
_SIMPLE: dict[type, dict[str, Any]] = {
    inspect.BoolType: {"type": "boolean"},
    inspect.NoneType: {"type": "null"},
}
_NUMBERS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}


def json_schema(struct: type[msgspec.Struct], title: str) -> dict[str, Any]:
    """The schema of a TOML file that holds ``struct``."""
    return {"$schema": DIALECT, "title": title, **_table(fields_of(struct))}


def _table(fields: tuple[Field, ...]) -> dict[str, Any]:
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {field.name: _property(field) for field in fields},
        "additionalProperties": False,
    }
    required = [field.name for field in fields if field.required]
    return schema | ({"required": required} if required else {})


def _property(field: Field) -> dict[str, Any]:
    schema = _schema(field.type)
    if field.description:
        schema |= {"description": field.description}
    if field.examples:
        schema |= {"examples": [_plain(example) for example in field.examples]}
    # Null cannot be written in TOML: a key without a value is left out.
    if not field.required and field.default is not None:
        schema |= {"default": _plain(field.default)}
    return schema


def _schema(known: inspect.Type) -> dict[str, Any]:  # noqa: PLR0911 - one line per type
    known = bare(known)
    match known:
        case inspect.IntType() | inspect.FloatType():
            name = "integer" if isinstance(known, inspect.IntType) else "number"
            return {"type": name} | _set({_NUMBERS[key]: getattr(known, key) for key in _NUMBERS})
        case inspect.StrType():
            least, most, pattern = known.min_length, known.max_length, known.pattern
            limits = {"minLength": least, "maxLength": most, "pattern": pattern}
            return {"type": "string"} | _set(limits)
        case inspect.LiteralType(values):
            return {"enum": list(values)}
        case inspect.StructType():
            return _tagged(known)
        case inspect.UnionType(types):
            return {"anyOf": [_schema(part) for part in types]}
        case inspect.DictType(_, value):
            return {"type": "object", "additionalProperties": _schema(value)}
        case inspect.ListType(inner) | inspect.VarTupleType(inner) | inspect.SetType(inner):
            return {"type": "array", "items": _schema(inner)}
        case inspect.CustomType(cls):
            return dict(_CUSTOM.get(cls, {}))
    return dict(_SIMPLE.get(type(known), {}))


def _set(limits: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in limits.items() if value is not None}


def _tagged(known: inspect.StructType) -> dict[str, Any]:
    schema = _table(fields_in(known))
    if known.tag_field:
        tag = {known.tag_field: {"const": known.tag}}
        schema["properties"] = tag | schema["properties"]
        schema["required"] = [known.tag_field, *schema.get("required", ())]
    return schema


def _plain(value: Any) -> Any:
    if isinstance(value, Duration | Size):
        return str(value)
    return msgspec.to_builtins(value, enc_hook=str)
