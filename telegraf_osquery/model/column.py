"""A result column: its name and its type, which never depends on a value."""

from typing import Literal

import msgspec

Type = Literal["text", "integer", "unsigned", "double", "boolean"]
"""The type families of a field. osquery's INTEGER and BIGINT are ``integer`` (int64), its
UNSIGNED_BIGINT is ``unsigned``, TEXT and BLOB are ``text``. ``boolean`` is only ever declared by a
pack or read from line protocol."""

TYPES: tuple[Type, ...] = ("text", "integer", "unsigned", "double", "boolean")


class Column(msgspec.Struct, frozen=True):
    """One column of a result."""

    name: str
    type: Type = "text"
    tag: bool = False
