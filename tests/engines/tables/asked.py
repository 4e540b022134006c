"""Asks the embedded engine over a folder, or over this host."""

from functools import cache
from pathlib import Path
from typing import Any

from telegraf_osquery.clock import Deadline
from telegraf_osquery.engines.embedded import Embedded
from telegraf_osquery.engines.embedded_tables.ask import Ask
from telegraf_osquery.schema.tables import Schema, load
from tests.fakes.clock import ManualClock

Row = tuple[Any, ...]


@cache
def schema() -> Schema:
    return load()


def rows(sql: str, root: Path | str = "") -> list[Row]:
    """The rows of one statement, native values."""
    clock = ManualClock()
    engine = Embedded(schema(), clock, root=str(root))
    try:
        answer = engine.execute(sql, Deadline(clock, 60))
        return [row for chunk in answer.chunks for row in zip(*chunk, strict=True)]
    finally:
        engine.close()


def scan(
    root: Path | str = "",
    *,
    used: str = "",
    equal: dict[str, Any] | None = None,
    like: dict[str, str] | None = None,
    seconds: float = 60,
) -> Ask:
    """What a table is handed; ``used`` names columns with blanks between."""
    clock = ManualClock()
    return Ask(
        str(root), frozenset(used.split()), equal or {}, like or {}, clock, Deadline(clock, seconds)
    )


def write(root: Path, path: str, text: str | bytes) -> Path:
    """A file of the examined host."""
    file = root / path.lstrip("/")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file
