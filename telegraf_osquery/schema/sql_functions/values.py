"""Values between SQL and osquery's C++: C strings, 32-bit integers, doubles."""

import re
from typing import Any

from telegraf_osquery.errors import QueryError
from telegraf_osquery.schema.coerce import as_text

_INT64 = 1 << 63
_INTEGER = re.compile(rb"[ \t\n\v\f\r]*([+-]?[0-9]+)")
_DOUBLE = re.compile(rb"[ \t\n\v\f\r]*([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)")


def failure(text: str) -> QueryError:
    """The SQL error of a call; ``text`` begins as osquery words it."""
    return QueryError(text, code=1)


def raw(value: Any) -> bytes:
    """The text form of a value that is not NULL."""
    if isinstance(value, str):
        return value.encode()
    return value if isinstance(value, bytes) else as_text(value).encode()


def c_string(value: Any) -> bytes:
    """The text form up to its first NUL byte."""
    return raw(value).partition(b"\0")[0]


def text(value: bytes) -> str | bytes:
    """A result; the bytes themselves where they are no valid UTF-8."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value


def int32(value: Any) -> int:
    """sqlite3_value_int: the low 32 bits, signed, of the number that the value begins with."""
    if isinstance(value, float):
        number = int(max(-_INT64, min(value, _INT64)))
    elif isinstance(value, int):
        number = value
    else:
        found = _INTEGER.match(raw(value))
        number = int(found[1]) if found else 0
    number = max(-_INT64, min(number, _INT64 - 1)) & 0xFFFF_FFFF
    return number - (1 << 32) if number >> 31 else number


def double(value: Any) -> float:
    """sqlite3_value_double: the number that the value begins with, 0 for none."""
    if isinstance(value, (float, int)):
        return float(value)
    found = _DOUBLE.match(raw(value))
    return float(found[1]) if found else 0.0
