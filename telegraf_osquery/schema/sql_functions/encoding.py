"""to_base64, from_base64, conditional_to_base64: of all bytes of a text or blob, NUL too.

Sources: osquery/sql/sqlite_encoding.cpp, osquery/utils/base64.cpp.
"""

import re
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable, Mapping
from typing import Any

from telegraf_osquery.schema.sql_functions.around import Around
from telegraf_osquery.schema.sql_functions.values import raw, text

_PRINTABLE = re.compile(rb"[ -~]*")
_ALPHABET = re.compile(rb"[A-Za-z0-9+/=]*")


def functions(_: Around) -> Mapping[str, Callable[..., Any]]:
    """Name → function."""
    return {
        "conditional_to_base64": _conditionally,
        "from_base64": _decode,
        "to_base64": _encode,
    }


def _encode(value: Any) -> str | None:
    return None if value is None else b2a_base64(raw(value), newline=False).decode()


def _conditionally(value: Any) -> str | None:
    """The text itself where all of it is printable ASCII."""
    if value is None:
        return None
    given = raw(value)
    return given.decode() if _PRINTABLE.fullmatch(given) else _encode(given)


def _decode(value: Any) -> str | bytes | None:
    """Line breaks and padding at the end are dropped; anything else that is foreign gives ``''``.

    A ``=`` further in counts as six zero bits, a rest of six bits spoils the whole.
    """
    if value is None:
        return None
    given = raw(value).replace(b"\r\n", b"").replace(b"\n", b"").rstrip(b"=")
    if len(given) % 4 == 1 or not _ALPHABET.fullmatch(given):
        return ""
    padding = b"=" * (-len(given) % 4)
    return text(a2b_base64(given.replace(b"=", b"A") + padding))
