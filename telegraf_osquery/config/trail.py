"""Following msgspec's path (``$.lanes[0].sql``) through the data and the types."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from telegraf_osquery.config.fields import Field, bare, fields_in, item, structs, toml
from telegraf_osquery.config.units import hook

T = TypeVar("T", bound=msgspec.Struct)
Step = str | int
Path = tuple[Step, ...]

_STEP = re.compile(r"\.([^.\[]+)|\[(\d+|\.\.\.)\]")


def convert(data: Any, struct: type[T]) -> T:
    """``data`` as ``struct``; raises msgspec.ValidationError."""
    return msgspec.convert(data, struct, dec_hook=hook)


def dotted(path: Path) -> str:
    """The path as people write it: ``lanes[0].sql``."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{_quoted(step)}"
    return text.lstrip(".")


def _quoted(step: str) -> str:
    plain = step.replace("_", "").replace("-", "")
    return step if plain.isalnum() else toml(step)


def trail(data: Mapping[str, Any], struct: type[T], message: str, text: str) -> Path:
    """The steps of ``text``; msgspec does not name keys of a free table, so they are tried."""
    path: Path = ()
    for name, index in _STEP.findall(text):
        if index == "...":
            path = (*path, _culprit(data, struct, message, path))
        else:
            path = (*path, name or int(index))
    return path


def _culprit(data: Mapping[str, Any], struct: type[T], message: str, path: Path) -> str:
    table = at(data, path)
    for key in table if isinstance(table, Mapping) else ():
        try:
            convert(_with(data, path, {key: table[key]}), struct)
        except msgspec.ValidationError as error:
            if str(error) == message:
                return str(key)
    return "..."


def _with(data: Any, path: Path, value: Any) -> Any:
    if not path:
        return value
    copy: Any = list(data) if isinstance(data, list) else dict(data)
    copy[path[0]] = _with(copy[path[0]], path[1:], value)
    return copy


def at(data: Any, path: Path) -> Any:
    """The value at the path, None where there is none."""
    for step in path:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            return None
    return data


def _fields_along(data: Any, struct: type[T], path: Path) -> Iterator[Field | None]:
    """The field that each step of the path stands for; None for an item of a list or free table."""
    known: inspect.Type = inspect.type_info(struct)
    for depth, step in enumerate(path):
        inner = item(known)
        if inner is not None:
            known = inner
            yield None
            continue
        here = [field for field in _keys(known, at(data, path[:depth])) if field.name == step]
        if not here:
            return
        known = here[0].type
        yield here[0]


def _keys(known: inspect.Type, table: Any) -> tuple[Field, ...]:
    """The fields of the table; in a tagged union those of the Struct the tag chooses."""
    options = structs(known)
    if isinstance(table, Mapping):
        chosen = [one for one in options if one.tag and table.get(one.tag_field or "") == one.tag]
        options = tuple(chosen) or options
    return tuple(field for struct in options for field in fields_in(struct))


def field_at(data: Any, struct: type[T], path: Path) -> Field | None:
    """The field at the end of the path; for an item of a list, the list's field with its type."""
    last: Field | None = None
    count = 0
    for field in _fields_along(data, struct, path):
        count += 1
        if field is not None:
            last = field
        elif last is not None and (inner := item(last.type)) is not None:
            last = Field(
                last.name, bare(inner), msgspec.NODEFAULT, last.description, (), last.extra
            )
    return last if count == len(path) else None


def known_keys(data: Any, struct: type[T], path: Path) -> tuple[str, ...]:
    """The keys that the table at the path may have."""
    field = field_at(data, struct, path)
    if path and field is None:
        return ()
    known = field.type if field else inspect.type_info(struct)
    tags = {one.tag_field for one in structs(known) if one.tag_field}
    return (*{field.name for field in _keys(known, at(data, path))}, *tags)


def known_tags(data: Any, struct: type[T], path: Path) -> str:
    """The values a tag at the path may have, empty where the path is no tag."""
    if not path:
        return ""
    field = field_at(data, struct, path[:-1])
    options = structs(field.type) if field else ()
    return " or ".join(toml(one.tag) for one in options if one.tag_field == path[-1])


def secret(data: Any, struct: type[T], path: Path) -> bool:
    """Whether a step of the path is marked secret."""
    return any(field is not None and field.secret for field in _fields_along(data, struct, path))
