"""md5, sha1, sha256 of a C string (osquery/sql/sqlite_hashing.cpp)."""

from collections.abc import Callable, Mapping
from typing import Any

from telegraf_osquery.schema.sql_functions.around import Around
from telegraf_osquery.schema.sql_functions.digests import DIGESTS, Maker, maker
from telegraf_osquery.schema.sql_functions.values import c_string


def functions(_: Around) -> Mapping[str, Callable[..., Any]]:
    """Name → function."""
    return {name: _hexadecimal(maker(name)) for name in DIGESTS}


def _hexadecimal(start: Maker) -> Callable[[Any], str | None]:
    def call(value: Any) -> str | None:
        if value is None:
            return None
        digest = start()
        digest.update(c_string(value))
        return digest.hexdigest()

    return call
