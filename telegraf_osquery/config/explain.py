"""What msgspec found wrong, said in the order where, found, expected, cure."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import inspect

from telegraf_osquery.config.fields import Field, bare, describe, toml
from telegraf_osquery.config.trail import (
    Path,
    T,
    at,
    dotted,
    field_at,
    known_keys,
    known_tags,
    secret,
    trail,
)

FOUND_MAX = 80
# The forms of msgspec's messages; anything else comes from our own hooks and is passed on.
_PLACE = re.compile(r"^(?P<text>.*) - at `\$(?P<path>[^`]*)`$", re.DOTALL)
_UNKNOWN = re.compile(r"^Object contains unknown field `(.*)`$", re.DOTALL)
_MISSING = re.compile(r"^Object missing required field `(.*)`$", re.DOTALL)
_STOCK = ("Expected ", "Invalid ", "Object ", "Integer ")


def explain(message: str, data: Mapping[str, Any], struct: type[T], where: str) -> str:
    """The message of a ConfigError for msgspec's ``message`` about ``data``."""
    match = _PLACE.match(message)
    text = match["text"] if match else message
    path = trail(data, struct, message, match["path"] if match else "")
    place = f"{where}: {dotted(path)}: " if path else f"{where}: "
    if found := _UNKNOWN.match(text):
        return _unknown(where, (*path, found[1]), known_keys(data, struct, path))
    if found := _MISSING.match(text):
        path = (*path, found[1])
        return f"{where}: {dotted(path)}: {_missing(field_at(data, struct, path))}"
    if text.startswith("Invalid value ") and (tags := known_tags(data, struct, path)):
        return f"{place}found {_shown(at(data, path))}; expected {tags}; correct it"
    field = field_at(data, struct, path)
    if secret(data, struct, path):
        expected = describe(field.type) if field else "another type of value"
        return f"{place}found ********; expected {expected}; correct it"
    if not text.startswith(_STOCK):
        return f"{place}{text}"
    return f"{place}{_wrong(field, at(data, path))}"


def _unknown(where: str, path: Path, known: tuple[str, ...]) -> str:
    nearest = _nearest(str(path[-1]), known)
    cure = f'did you mean "{nearest}"?' if nearest else "correct or remove it"
    keys = ", ".join(sorted(known)) or "none"
    return f"{where}: {dotted(path)}: unknown key; expected one of {keys}; {cure}"


def _missing(field: Field | None) -> str:
    if field is None:
        return "missing; expected a value; add the key"
    example = toml(field.examples[0]) if field.examples else "..."
    return f"missing; expected {describe(field.type)}; add {field.name} = {example}"


def _wrong(field: Field | None, value: Any) -> str:
    found = _shown(value)
    if field is None:
        return f"found {found}; expected another type of value; correct it"
    return f"found {found}; expected {describe(field.type)}; {_cure(field, value)}"


def _cure(field: Field, value: Any) -> str:
    known = bare(field.type)
    if isinstance(known, inspect.LiteralType) and isinstance(value, str):
        near = _nearest(value, tuple(str(one) for one in known.values))
        if near:
            return f'did you mean "{near}"?'
    if isinstance(known, inspect.IntType) and isinstance(value, str) and value.isdecimal():
        return f"write {field.name} = {value} without quotes"
    if isinstance(known, inspect.StrType) and isinstance(value, int | float):
        return "put it in quotes"
    if field.examples:
        return f"write for instance {field.name} = {toml(field.examples[0])}"
    if field.required or field.default is None or isinstance(field.default, msgspec.Struct):
        return "correct it"
    return f"correct it or leave it out for the default {toml(field.default)}"


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    text = toml(value)
    return text if len(text) <= FOUND_MAX else f"{text[:FOUND_MAX]}..."


def _nearest(name: str, known: tuple[str, ...]) -> str:
    # Needed only on the way to an error.
    from difflib import get_close_matches

    return next(iter(get_close_matches(name, known, 1)), "")
