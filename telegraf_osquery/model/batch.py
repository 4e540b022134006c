"""A batch: one chunk of a run with one set of envelope tags."""

from collections.abc import Sequence

import msgspec

from telegraf_osquery.model.column import Column
from telegraf_osquery.model.rows import Rows

ROWS_MAX = 500
BYTES_MAX = 1 << 20

Tags = tuple[tuple[str, str], ...]


class Batch(msgspec.Struct, frozen=True):
    """At most 500 rows and 1 MiB of one run; never mutated.

    Attributes:
        measurement: ``osquery_<pack>_<query>``, or any name for what is not ours.
        tags: envelope tags, sorted by key, no empty values.
        columns: one per column of ``rows``; those marked ``tag`` are written as tags per row.
        rows: the typed cells.
        base: time of the run in ns since 1970.
        offsets: row ``i`` has the time ``base + offsets[i]`` ns; a range for rows as the engine
            gave them, a list after a processor has picked some.
    """

    measurement: str
    tags: Tags
    columns: tuple[Column, ...]
    rows: Rows
    base: int
    offsets: Sequence[int]

    def tag(self, key: str) -> str:
        """The envelope tag's value, empty when absent."""
        return next((value for name, value in self.tags if name == key), "")

    def times(self) -> list[int]:
        """The time of each row, ns since 1970."""
        return [self.base + offset for offset in self.offsets]
