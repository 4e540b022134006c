"""One JSON document per line: ``{"name", "tags", "fields", "timestamp"}``, time in ns.

The shape of Telegraf's own JSON, but exact: whole numbers stay whole and doubles keep their point
(``3.0``), strings are not changed, times are not rounded. orjson is imported when first used; it
would cost the start of the agent too much.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from math import isfinite
from typing import Any

import msgspec

from telegraf_osquery.errors import CodecError
from telegraf_osquery.model.batch import ROWS_MAX, Batch, Tags
from telegraf_osquery.model.column import Column, Type
from telegraf_osquery.model.names import RUN_MEASUREMENT, field
from telegraf_osquery.model.rows import Rows
from telegraf_osquery.model.run import Item, from_batch

_INT64 = 1 << 63


class Document(msgspec.Struct, forbid_unknown_fields=True):
    """One row."""

    name: str
    fields: dict[str, str | int | float | bool | None]
    timestamp: int
    tags: dict[str, str] = {}


def encode(batch: Batch) -> bytes:
    """One line per row; absent cells, empty tags and doubles that are not finite are left out."""
    from orjson import dumps

    tagged = [n for n, column in enumerate(batch.columns) if column.tag]
    plain = [n for n, column in enumerate(batch.columns) if not column.tag]
    tags, fields = _cells(batch, tagged), _cells(batch, plain)
    lines = []
    for time, row_tags, row_fields in zip(batch.times(), tags, fields, strict=True):
        document = {
            "name": batch.measurement,
            "tags": dict(batch.tags) | {key: str(value) for key, value in row_tags if value != ""},
            "fields": dict(row_fields),
            "timestamp": time,
        }
        try:
            lines.append(dumps(document))
        except TypeError:  # lone surrogates
            lines.append(dumps(_repaired(document)))
    return b"\n".join(lines) + b"\n" if lines else b""


def _cells(batch: Batch, indices: Sequence[int]) -> Iterator[Iterable[tuple[str, Any]]]:
    """Name and value of each cell that is there, row by row."""
    names = [field(batch.columns[index].name) for index in indices]
    columns = [_native(batch, index) for index in indices]
    rows = zip(*columns, strict=True) if columns else iter([()] * len(batch.rows))
    for row in rows:
        yield [(name, cell) for name, cell in zip(names, row, strict=True) if _present(cell)]


def _native(batch: Batch, index: int) -> Sequence[Any]:
    cells = batch.rows.values(index)
    if batch.columns[index].type != "double":
        return cells
    return [None if cell is None else float(cell) for cell in cells]  # 3.0, never 3


def _present(cell: Any) -> bool:
    return cell is not None and (not isinstance(cell, float) or isfinite(cell))


def _repaired(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, dict):
        return {_repaired(key): _repaired(cell) for key, cell in value.items()}
    return value


def decode(data: bytes, tag_columns: Collection[str] = ()) -> list[Item]:
    """All rows of ``data``, consecutive ones of one name and one envelope as a batch.

    ``decode(encode(batch), tag_columns=<columns marked tag>)`` gives the batch back, but for what
    JSON does not say: empty columns are gone, tags are text, ``unsigned`` is ``integer`` as long as
    no value lies above int64.

    Raises:
        CodecError: a line is no such document; ``line`` says which. Nothing of the data is taken.
    """
    decoder = msgspec.json.Decoder(Document)
    groups: list[_Group] = []
    for number, line in enumerate(data.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            document = decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            found = line[:80].decode("utf-8", "replace")
            message = f"line {number}: {error}, found {found!r}, expected one document per line"
            raise CodecError(message, line=number) from None
        row_tags = {k: v for k, v in document.tags.items() if k in tag_columns}
        envelope = tuple(sorted(document.tags.items() - row_tags.items()))
        if not groups or not groups[-1].takes(document, envelope):
            groups.append(_Group(document.name, envelope))
        groups[-1].add(document, row_tags)
    return [item for group in groups for item in group.items()]


class _Group:
    def __init__(self, name: str, tags: Tags) -> None:
        self._name = name
        self._tags = tags
        self._types: dict[str, Type] = {}
        self._row_tags: list[dict[str, str]] = []
        self._fields: list[dict[str, Any]] = []
        self._times: list[int] = []

    def takes(self, document: Document, tags: Tags) -> bool:
        same = document.name == self._name and tags == self._tags
        if not same or len(self._times) >= ROWS_MAX:
            return False
        kinds = _types(document.fields)
        return all(_joined(self._types.get(key, kind), kind) for key, kind in kinds.items())

    def add(self, document: Document, row_tags: dict[str, str]) -> None:
        for key, kind in _types(document.fields).items():
            self._types[key] = _joined(self._types.get(key, kind), kind) or kind
        self._row_tags.append(row_tags)
        self._fields.append(document.fields)
        self._times.append(document.timestamp)

    def items(self) -> Sequence[Item]:
        tag_names = list(dict.fromkeys(key for row in self._row_tags for key in row))
        columns = [Column(name, tag=True) for name in tag_names]
        columns += [Column(name, kind) for name, kind in self._types.items()]
        cells: list[list[Any]] = [[row.get(name) for row in self._row_tags] for name in tag_names]
        cells += [[row.get(name) for row in self._fields] for name in self._types]
        base = self._times[0]
        offsets = [time - base for time in self._times]
        rows = Rows(cells, length=len(offsets))
        batch = Batch(self._name, self._tags, tuple(columns), rows, base, offsets)
        try:
            return from_batch(batch) if self._name == RUN_MEASUREMENT else (batch,)
        except msgspec.ValidationError:
            return (batch,)


def _types(fields: dict[str, Any]) -> dict[str, Type]:
    return {key: _type(value) for key, value in fields.items() if value is not None}


def _joined(one: Type, other: Type) -> Type | None:
    """The type of a column that has both; a large whole number does not make another type."""
    if {one, other} == {"integer", "unsigned"}:
        return "unsigned"
    return one if one == other else None


def _type(value: Any) -> Type:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "unsigned" if value >= _INT64 else "integer"
    return "double" if isinstance(value, float) else "text"
