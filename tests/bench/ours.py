"""What we do with a row: from osquery's JSON or from native cells to line protocol."""

from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from telegraf_osquery.codecs import json_rows
from telegraf_osquery.codecs.lineprotocol import encode
from telegraf_osquery.model.batch import Batch
from telegraf_osquery.schema.coerce import coerce
from tests.bench.rows import COLUMNS, INTEGERS

NAMES = tuple(column.name for column in COLUMNS)
TAGS = (("host", "web-1"), ("osquery_pack", "main"), ("osquery_query", "processes"))
BASE = 1_790_000_000_000_000_000


def from_json(reader: json_rows.Reader, document: bytes) -> Iterator[bytes]:
    """An answer of osqueryi as line protocol, piece by piece."""
    _, pieces = reader.decode(document, NAMES)
    return from_chunks(pieces)


def from_chunks(chunks: Iterator[Sequence[Sequence[Any]]]) -> Iterator[bytes]:
    """Raw cells, column by column, as line protocol."""
    offset = 0
    for chunk in chunks:
        rows, _ = coerce(chunk, COLUMNS)
        offsets = range(offset, offset + len(rows))
        offset += len(rows)
        yield encode(Batch("osquery_main_processes", TAGS, COLUMNS, rows, BASE, offsets)).data


def consume(pieces: Iterator[bytes]) -> int:
    """Let every piece go at once, as a pipe would take it; the bytes that came."""
    return sum(map(len, pieces))


def loads(documents: Sequence[bytes]) -> int:
    """Bare orjson over the same rows in pieces of the same size, each let go at once."""
    return sum(len(orjson.loads(document)) for document in documents)


def native(rows: Sequence[dict[str, str]]) -> list[tuple[Any, ...]]:
    """The rows as the embedded engine would give them: whole numbers as int, unknown ones None."""
    columns = []
    for name in NAMES:
        cells: list[Any] = [row[name] for row in rows]
        if name in INTEGERS:
            cells = [int(cell) if cell else None for cell in cells]
        columns.append(tuple(cells))
    return columns
