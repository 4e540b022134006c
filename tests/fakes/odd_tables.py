"""Tables that a test of engines needs: a slow one, and one that opens files."""

from collections.abc import Iterator, Sequence
from typing import Any

from telegraf_osquery.clock import Deadline, SystemClock
from telegraf_osquery.engines.embedded_tables.ask import Ask, Table

_CLOCK = SystemClock()


def _slow(_: Ask) -> Iterator[Sequence[Any]]:
    """Spins for 20 ms per row: what a table does inside is out of SQLite's sight."""
    number = 0
    while True:
        pause = Deadline(_CLOCK, 0.02)
        while not pause.expired():
            pass
        number += 1
        yield (number,)


def _open_files(_: Ask) -> Iterator[Sequence[Any]]:
    for number in range(600):
        with open("/proc/self/stat", "rb") as file:
            yield (len(file.read(1)), str(number))


TABLES = {
    "last": Table(("pid",), _slow),
    "shadow": Table(("last_change", "username"), _open_files),
}
