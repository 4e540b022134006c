"""Lines of one measurement and one set of envelope tags, on their way to batches."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from telegraf_osquery.codecs.lineprotocol import names
from telegraf_osquery.codecs.lineprotocol.columns import Fields, Table, one_type, typed
from telegraf_osquery.codecs.lineprotocol.grammar import parse_head
from telegraf_osquery.model.batch import ROWS_MAX, Batch, Tags
from telegraf_osquery.model.column import Column
from telegraf_osquery.model.names import ROW_FIELD, RUN_MEASUREMENT
from telegraf_osquery.model.rows import Rows
from telegraf_osquery.model.run import Item, from_batch

_HEADS_MAX = 4096
_ROW_KEY = ROW_FIELD.encode()

RowTags = dict[str, str]


class Head(msgspec.Struct, frozen=True):
    """Measurement and tags of a line; ``row_tags`` are those that are columns."""

    measurement: str
    tags: Tags
    row_tags: RowTags


class Heads:
    """Heads already taken apart, by their bytes."""

    def __init__(self, tag_columns: frozenset[str]) -> None:
        self._tag_columns = tag_columns
        self._known: dict[bytes, Head] = {}

    def get(self, raw: bytes) -> Head:
        head = self._known.get(raw)
        if head is None:
            if len(self._known) >= _HEADS_MAX:
                self._known.clear()
            head = self._known[raw] = self._parse(raw)
        return head

    def _parse(self, raw: bytes) -> Head:
        measurement, tags = parse_head(raw)
        row_tags = {key: value for key, value in tags.items() if key in self._tag_columns}
        envelope = sorted(item for item in tags.items() if item[0] not in row_tags)
        return Head(measurement, tuple(envelope), row_tags)


class Group:
    """Rows of one batch, as long as no field changes its type."""

    def __init__(self, head: Head, tag_columns: Iterable[str]) -> None:
        self._head = head
        self._tag_columns = sorted(tag_columns)
        self._tags: list[RowTags] = []
        self._fields: list[Fields] = []
        self._times: list[int] = []

    def takes(self, head: Head) -> bool:
        """Whether a line with this head may join."""
        return (
            len(self._times) < ROWS_MAX
            and head.measurement == self._head.measurement
            and head.tags == self._head.tags
        )

    def add(self, head: Head, fields: Fields, time: int) -> None:
        self._tags.append(head.row_tags)
        self._fields.append({} if len(fields) == 1 and _ROW_KEY in fields else fields)
        self._times.append(time)

    def items(self) -> Iterator[Item]:
        """The rows as batches: one, or more where a field changes its type; run ends as such."""
        start, count = 0, len(self._times)
        while start < count:
            end = count
            table = typed(self._fields[start:])
            if table is None:
                end = start + one_type(self._fields[start:])
                table = typed(self._fields[start:end]) or {}
            batch = self._batch(slice(start, end), table)
            start = end
            yield from _run_ends(batch) if batch.measurement == RUN_MEASUREMENT else (batch,)

    def _batch(self, rows: slice, table: Table) -> Batch:
        times = self._times[rows]
        columns: list[Column] = []
        cells: list[Sequence[Any]] = []
        for name in self._tag_columns:
            values: list[str | None] = [tags.get(name) for tags in self._tags[rows]]
            values = _put_back(name, values, table)
            if any(values):
                columns.append(Column(name, tag=True))
                cells.append(values)
        tags = _put_back_envelope(self._head.tags, table)
        digits = set()
        for column, held in table.values():
            if column.type in ("integer", "unsigned"):
                digits.add(len(columns))
            columns.append(column)
            cells.append(held)
        held_rows = Rows(cells, digits=frozenset(digits), length=len(times))
        name = self._head.measurement
        return Batch(name, tags, tuple(columns), held_rows, times[0], _offsets(times))


def _put_back_envelope(tags: Tags, table: Table) -> Tags:
    """The envelope with the exact values, where a field of all rows holds one."""
    exact = {}
    for key, value in tags:
        _, cells = table.get(names.EXACT_PREFIX + key, (None, ()))
        given = cells[0] if len(set(cells)) == 1 else None
        if isinstance(given, str) and names.tag_value(given) == value:
            exact[key] = given
            del table[names.EXACT_PREFIX + key]
    return tuple((key, exact.get(key, value)) for key, value in tags)


def _put_back(name: str, values: list[str | None], table: Table) -> list[str | None]:
    """The tag's exact values, if all that its ``exact_`` field holds belong to it."""
    key = names.EXACT_PREFIX + name
    column, exact = table.get(key, (None, ()))
    if column is None or column.type != "text":
        return values
    for tag, cell in zip(values, exact, strict=True):
        if cell is not None and names.tag_value(cell) != (tag or ""):
            return values
    del table[key]
    return [tag if cell is None else cell for tag, cell in zip(values, exact, strict=True)]


def _offsets(times: list[int]) -> Sequence[int]:
    offsets = [time - times[0] for time in times]
    return range(len(times)) if offsets == list(range(len(times))) else offsets


def _run_ends(batch: Batch) -> Sequence[Item]:
    """The run ends; a foreign metric of that name stays a batch."""
    try:
        return from_batch(batch)
    except msgspec.ValidationError:
        return (batch,)
