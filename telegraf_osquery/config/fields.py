"""The fields of a settings Struct as messages, samples and schemas need them."""

import re
from typing import Any

import msgspec
from msgspec import inspect

from telegraf_osquery.config.units import Duration, Size, show_duration, show_size

# A field named so is treated as secret even where its author forgot to say it.
_SECRET = re.compile(r"(?:^|_)(?:password|passphrase|secret|token|credential|api_key)s?$")


class Field(msgspec.Struct, frozen=True):
    """One key of a settings table.

    Attributes:
        name: the key in TOML.
        type: what msgspec knows of its type, without documentation around it.
        default: the value when the key is left out; NODEFAULT where the key is required.
        extra: ``min``, ``max`` and ``secret`` as the author marked them.
    """

    name: str
    type: inspect.Type
    default: Any
    description: str
    examples: tuple[Any, ...]
    extra: dict[str, Any]

    @property
    def required(self) -> bool:
        return self.default is msgspec.NODEFAULT

    @property
    def secret(self) -> bool:
        return bool(self.extra.get("secret")) or _SECRET.search(self.name) is not None


def fields_of(struct: type[msgspec.Struct]) -> tuple[Field, ...]:
    """The fields of ``struct`` in the order they are declared."""
    info = inspect.type_info(struct)
    return fields_in(info) if isinstance(info, inspect.StructType) else ()


def fields_in(struct: inspect.StructType) -> tuple[Field, ...]:
    """As ``fields_of``, for a Struct met inside another type."""
    return tuple(_field(field) for field in struct.fields)


def _field(field: inspect.Field) -> Field:
    known, shown, extra = field.type, dict[str, Any](), dict[str, Any]()
    while isinstance(known, inspect.Metadata):
        shown |= known.extra_json_schema or {}
        extra |= known.extra or {}
        known = known.type
    default = field.default
    if field.default_factory is not msgspec.NODEFAULT:
        default = field.default_factory()
    return Field(
        name=field.encode_name,
        type=known,
        default=default,
        description=shown.get("description", ""),
        examples=tuple(shown.get("examples", ())),
        extra=extra,
    )


def bare(known: inspect.Type) -> inspect.Type:
    """The type without documentation and without "or nothing"."""
    while isinstance(known, inspect.Metadata):
        known = known.type
    if isinstance(known, inspect.UnionType):
        rest = tuple(part for part in known.types if not isinstance(part, inspect.NoneType))
        return bare(rest[0]) if len(rest) == 1 else inspect.UnionType(rest)
    return known


def structs(known: inspect.Type) -> tuple[inspect.StructType, ...]:
    """The Structs that a table at this place may be (several for a tagged union)."""
    known = bare(known)
    parts = known.types if isinstance(known, inspect.UnionType) else (known,)
    return tuple(part for part in parts if isinstance(part, inspect.StructType))


def item(known: inspect.Type) -> inspect.Type | None:
    """The type of the items of a list or of the values of a table of free keys."""
    known = bare(known)
    if isinstance(known, inspect.DictType):
        return known.value_type
    if isinstance(known, inspect.ListType | inspect.VarTupleType | inspect.CollectionType):
        return known.item_type
    return None


_WORDS: dict[type, str] = {
    inspect.BoolType: "true or false",
    inspect.StructType: "a table",
    inspect.AnyType: "any value",
    inspect.DateTimeType: "a date and time",
}
_CUSTOM = {Duration: 'a duration such as "10s"', Size: 'a size such as "64KiB"'}


def describe(known: inspect.Type) -> str:  # noqa: PLR0911 - one line per type
    """What may stand here, in words: ``an integer from 1 to 9``."""
    known = bare(known)
    match known:
        case inspect.IntType() | inspect.FloatType():
            noun = "an integer" if isinstance(known, inspect.IntType) else "a number"
            return noun + _range(known)
        case inspect.StrType():
            return _text(known)
        case inspect.LiteralType(values):
            return " or ".join(toml(value) for value in values)
        case inspect.UnionType(types):
            return " or ".join(dict.fromkeys(describe(part) for part in types))
        case inspect.DictType(_, value):
            return f"a table whose values are {describe(value)}"
        case inspect.TupleType(types):
            return f"a list of {', '.join(describe(part) for part in types)}"
        case inspect.CustomType(cls):
            return _CUSTOM.get(cls, cls.__name__)
    inner = item(known)
    if inner is not None:
        return f"a list, each item {describe(inner)}"
    return _WORDS.get(type(known), type(known).__name__)


def _range(known: inspect.IntType | inspect.FloatType) -> str:
    if known.ge is not None and known.le is not None:
        return f" from {known.ge} to {known.le}"
    bounds = ((">=", known.ge), (">", known.gt), ("<=", known.le), ("<", known.lt))
    said = [f"{sign} {bound}" for sign, bound in bounds if bound is not None]
    if known.multiple_of is not None:
        said.append(f"a multiple of {known.multiple_of}")
    return " " + " and ".join(said) if said else ""


def _text(known: inspect.StrType) -> str:
    if known.pattern is not None:
        return f"text that matches {known.pattern}"
    if known.min_length == 1 and known.max_length is None:
        return "text that is not empty"
    if known.min_length is not None or known.max_length is not None:
        most = f" to {known.max_length}" if known.max_length is not None else " or more"
        return f"text of {known.min_length or 0}{most} characters"
    return "text"


def toml(value: Any) -> str:  # noqa: PLR0911 - one line per type of TOML
    """A value as TOML writes it inline."""
    match value:
        case Duration():
            return f'"{show_duration(value)}"'
        case Size():
            return f'"{show_size(value)}"'
        case bool():
            return str(value).lower()
        case str():
            # JSON's escapes are TOML's, but for DEL, which JSON leaves as it stands.
            return msgspec.json.encode(value).decode().replace("\x7f", "\\u007f")
        case list() | tuple() | set() | frozenset():
            return f"[{', '.join(toml(part) for part in value)}]"
        case dict() | msgspec.Struct():
            pairs = value if isinstance(value, dict) else msgspec.structs.asdict(value)
            inner = (
                f"{_key(key)} = {toml(part)}" for key, part in pairs.items() if part is not None
            )
            return f"{{ {', '.join(inner)} }}" if pairs else "{}"
    return str(value)


def _key(name: str) -> str:
    plain = name.replace("_", "").replace("-", "")
    return name if plain.isascii() and plain.isalnum() else toml(name)
