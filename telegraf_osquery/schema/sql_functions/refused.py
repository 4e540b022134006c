"""Functions that hold the engine: known by name, refused where they would do it."""

from collections.abc import Callable, Mapping
from typing import Any

from telegraf_osquery.schema.sql_functions.around import Around
from telegraf_osquery.schema.sql_functions.values import failure, int32


def functions(_: Around) -> Mapping[str, Callable[..., Any]]:
    """Name → function."""
    return {"sleep": _sleep}


def _sleep(seconds: Any) -> int:
    """0 for no or negative time, as osquery answers."""
    if seconds is not None and int32(seconds) > 0:
        raise failure("sleep: this engine does not wait; leave it out")
    return 0
