"""The names on the wire."""

import re

PREFIX = "osquery_"
RUN_MEASUREMENT = "osquery_run"
SELF_MEASUREMENT = "osquery_self"
MAIN_PACK = "main"
ALERT_PACK = "alert"
ROW_FIELD = "osquery_row"
OWN_MEASUREMENTS = frozenset({RUN_MEASUREMENT, SELF_MEASUREMENT})

# Every sink must be able to carry a measurement unescaped: letters, digits, "_", "." and "-".
_UNSAFE = re.compile(r"[^\w.\-]+")
_CLASH = {"host": "column_host", "time": "column_time"}


def clean(name: str) -> str:
    """The name with every run of other characters replaced by one underscore."""
    return _UNSAFE.sub("_", name)


def measurement(pack: str, query: str) -> str:
    """``osquery_<pack>_<query>``, cleaned."""
    return f"{PREFIX}{clean(pack)}_{clean(query)}"


def field(column: str) -> str:
    """A result column's name on the wire: only ``host`` and ``time`` are renamed."""
    return _CLASH.get(column, column)
