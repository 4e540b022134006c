"""version_compare (osquery/sql/sqlite_version.cpp)."""

from collections.abc import Callable, Mapping
from typing import Any

from telegraf_osquery.schema.sql_functions.around import Around
from telegraf_osquery.schema.sql_functions.orders import ORDERS
from telegraf_osquery.schema.sql_functions.values import c_string, failure


def functions(_: Around) -> Mapping[str, Callable[..., Any]]:
    """Name → function."""
    return {"version_compare": _compare}


def _compare(*arguments: Any) -> int:
    """-1, 0 or 1; texts only, the third names the flavour, more are ignored."""
    versions = arguments[:2]
    if len(versions) < 2 or not all(isinstance(version, str) for version in versions):
        raise failure("Must provide two version strings to compare.")
    flavour = ""
    if len(arguments) > 2:
        if not isinstance(arguments[2], str):
            raise failure("The optional third parameter is not a string.")
        flavour = arguments[2].upper()
        if not flavour or flavour not in ORDERS:
            known = ", ".join(name for name in ORDERS if name)
            raise failure(f"The optional third parameter does not match one of: ({known}).")
    one, two = versions
    return ORDERS[flavour](c_string(one), c_string(two))
