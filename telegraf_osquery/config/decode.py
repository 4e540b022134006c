"""From parsed TOML to a settings Struct.

msgspec checks types, ranges and unknown keys and stops at the first fault; numbers that are not
finite and the ranges of durations and sizes are checked here.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec import inspect

from telegraf_osquery.config.explain import explain
from telegraf_osquery.config.fields import Field, fields_of, item, toml
from telegraf_osquery.config.trail import Path, T, convert, dotted
from telegraf_osquery.config.units import Duration, Size
from telegraf_osquery.errors import ConfigError


def decode(data: Mapping[str, Any], struct: type[T], where: str) -> T:
    """``data`` as ``struct``; ``where`` names the file in messages.

    Raises:
        ConfigError: an unknown key, a missing one, a wrong type or a value out of range.
    """
    _finite(data, (), where)
    try:
        made = convert(data, struct)
    except msgspec.ValidationError as error:
        raise ConfigError(explain(str(error), data, struct, where)) from None
    info = inspect.type_info(struct)
    for path, field, value in _values(made, info, ()):
        _in_bounds(where, path, field, value)
    return made


def _finite(value: Any, path: Path, where: str) -> None:
    """TOML has nan and inf, and nan passes every comparison of a range."""
    if isinstance(value, float) and not math.isfinite(value):
        raise ConfigError(f"{where}: {dotted(path)}: found {value}; expected a finite number")
    steps: Any = ()
    if isinstance(value, Mapping):
        steps = value.items()
    elif isinstance(value, list):
        steps = enumerate(value)
    for step, inner in steps:
        _finite(inner, (*path, step), where)


def _values(made: Any, known: inspect.Type, path: Path) -> Iterator[tuple[Path, Field, Any]]:
    """Every set value of the decoded Structs with its field and path."""
    if isinstance(made, msgspec.Struct):
        for field in fields_of(type(made)):
            value = getattr(made, field.name, None)
            yield (*path, field.name), field, value
            yield from _values(value, field.type, (*path, field.name))
    elif isinstance(made, dict):
        for key, value in made.items():
            yield from _values(value, item(known) or known, (*path, str(key)))
    elif isinstance(made, list | tuple):
        for index, value in enumerate(made):
            yield from _values(value, item(known) or known, (*path, index))


def _in_bounds(where: str, path: Path, field: Field, value: Any) -> None:
    low, high = field.extra.get("min"), field.extra.get("max")
    if not isinstance(value, Duration | Size):
        return
    kind = type(value)
    if low is not None and value < low:
        expected = f"at least {toml(kind(low))}"
    elif high is not None and value > high:
        expected = f"at most {toml(kind(high))}"
    else:
        return
    raise ConfigError(f"{where}: {dotted(path)}: found {toml(value)}; expected {expected}")
