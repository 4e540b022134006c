"""Thrift's binary protocol as values, independent of the code under test.

A value is (type, content): numbers as int or float, strings as bytes, structs as a list of
(field id, value), maps as (key type, value type, list of pairs), lists as (type, list). What is
read can be written again byte for byte.
"""

import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

BOOL, BYTE, DOUBLE, I16, I32, I64, STRING, STRUCT, MAP, SET, LIST = (
    2,
    3,
    4,
    6,
    8,
    10,
    11,
    12,
    13,
    14,
    15,
)
CALL, REPLY, EXCEPTION = 1, 2, 3
_NUMBERS = {BOOL: "!b", BYTE: "!b", DOUBLE: "!d", I16: "!h", I32: "!i", I64: "!q"}
_SIZE_MAX = 100 << 20
"""Thrift's C++ library refuses larger messages."""

Read = Callable[[int], bytes]


class NonsenseError(Exception):
    """Bytes after which the real server closes the connection."""


def number(kind: int, value: float) -> bytes:
    return struct.pack(_NUMBERS[kind], value)


def string(value: bytes) -> bytes:
    return number(I32, len(value)) + value


def write(kind: int, content: Any) -> bytes:
    """One value."""
    if kind in _NUMBERS:
        return number(kind, content)
    if kind == STRING:
        return string(content)
    if kind == STRUCT:
        fields = (
            bytes((value[0],)) + number(I16, number_) + write(*value) for number_, value in content
        )
        return b"".join(fields) + b"\0"
    if kind == MAP:
        key_type, value_type, pairs = content
        body = b"".join(write(key_type, key) + write(value_type, value) for key, value in pairs)
        return bytes((key_type, value_type)) + number(I32, len(pairs)) + body
    element, items = content
    return bytes((element,)) + number(I32, len(items)) + b"".join(write(element, i) for i in items)


def read(take: Read, kind: int) -> Any:
    """The content of one value; ``take`` gives exactly so many bytes."""
    if kind in _NUMBERS:
        return struct.unpack(_NUMBERS[kind], take(struct.calcsize(_NUMBERS[kind])))[0]
    if kind == STRING:
        return take(_size(take))
    if kind == STRUCT:
        fields = []
        while field := take(1)[0]:
            fields.append((read(take, I16), (field, read(take, field))))
        return fields
    if kind == MAP:
        key_type, value_type = take(2)
        pairs = [(read(take, key_type), read(take, value_type)) for _ in range(_size(take))]
        return key_type, value_type, pairs
    if kind not in {SET, LIST}:
        raise NonsenseError(kind)
    element = take(1)[0]
    return element, [read(take, element) for _ in range(_size(take))]


def _size(take: Read) -> int:
    size = int(read(take, I32))
    if not 0 <= size <= _SIZE_MAX:
        raise NonsenseError(size)
    return size


def head(name: bytes, kind: int, sequence: int) -> bytes:
    """The strict header of a message."""
    return number(I32, (0x8001 << 16 | kind) - (1 << 32)) + string(name) + number(I32, sequence)


def read_head(take: Read) -> tuple[bytes, int, int]:
    """Name, type and sequence id; the header without a version is understood as well."""
    first = int(read(take, I32))
    if first >= 0:
        if first > _SIZE_MAX:
            raise NonsenseError(first)
        return take(first), take(1)[0], read(take, I32)
    if first >> 16 & 0xFFFF != 0x8001:
        raise NonsenseError(first)
    return take(_size(take)), first & 0xFF, read(take, I32)


def message(name: bytes, kind: int, sequence: int, fields: Sequence[Any]) -> bytes:
    return head(name, kind, sequence) + write(STRUCT, fields)


def status(code: int = 0, text: bytes = b"OK", uuid: int = 0) -> Any:
    """ExtensionStatus."""
    return STRUCT, [(1, (I32, code)), (2, (STRING, text)), (3, (I64, uuid))]


def response(ended: Any, rows: Sequence[Mapping[bytes, bytes]]) -> Any:
    """ExtensionResponse; osquery's maps are sorted by key."""
    maps = [(STRING, STRING, sorted(row.items())) for row in rows]
    # osquery declares the element type also for an empty list.
    return STRUCT, [(1, ended), (2, (LIST, (MAP, maps)))]
