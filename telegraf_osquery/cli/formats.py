"""How the rows of one query are printed. Each format is a function; ``FORMATS`` is the list.

=======  =========================================================================================
table    for eyes: columns lined up, one table per 500 rows, control characters made visible
line     for eyes: one ``name = value`` per line, a blank line between rows
json     one array of objects; numbers are numbers, absent values are null
csv      RFC 4180 with a header; absent values are empty
influx   line protocol as the agent writes it: typed fields, row ``i`` at base + ``i`` ns
=======  =========================================================================================
"""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import IO, Any, Literal, Protocol

import msgspec

from telegraf_osquery.cli import render
from telegraf_osquery.codecs import lineprotocol
from telegraf_osquery.model.batch import Batch, Tags
from telegraf_osquery.model.column import Column
from telegraf_osquery.model.rows import Rows

Format = Literal["table", "json", "csv", "influx", "line"]


class Answered(Protocol):
    """A typed answer that is still being pulled."""

    @property
    def columns(self) -> tuple[Column, ...]: ...

    def __iter__(self) -> Iterator[Rows]: ...


class Envelope(msgspec.Struct, frozen=True):
    """What line protocol needs beside the rows; ``base`` in ns since 1970."""

    measurement: str
    tags: Tags
    base: int


Print = Callable[[Answered, Envelope, IO[str]], int]
"""Prints the answer and returns how many rows it had."""


def table(answered: Answered, _envelope: Envelope, out: IO[str]) -> int:
    count = 0
    names = [column.name for column in answered.columns]
    numbers = [index for index, column in enumerate(answered.columns) if column.type != "text"]
    for rows in answered:
        render.table(names, rows.tuples(), out, right=numbers)
        count += len(rows)
    if not count:
        render.table(names, (), out)
    out.write(f"{count} row{'' if count == 1 else 's'}\n")
    return count


def line(answered: Answered, _envelope: Envelope, out: IO[str]) -> int:
    count = 0
    names = [column.name for column in answered.columns]
    width = max(map(len, names), default=0)
    for row in _rows(answered):
        if count:
            out.write("\n")
        count += 1
        for name, value in zip(names, row, strict=True):
            out.write(f"{name:>{width}} = {render.cell(value)}\n")
    return count


def json(answered: Answered, _envelope: Envelope, out: IO[str]) -> int:
    count = 0
    names = [column.name for column in answered.columns]
    encode = msgspec.json.Encoder().encode
    for row in _rows(answered):
        document = encode(dict(zip(names, row, strict=True))).decode()
        out.write(f"{',' if count else '['}\n  {document}")
        count += 1
    out.write("\n]\n" if count else "[]\n")
    return count


def csv_(answered: Answered, _envelope: Envelope, out: IO[str]) -> int:
    count = 0
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([column.name for column in answered.columns])
    for rows in answered:
        writer.writerows(rows.tuples())
        count += len(rows)
    return count


def influx(answered: Answered, envelope: Envelope, out: IO[str]) -> int:
    count = 0
    for rows in answered:
        out.write(lines(answered.columns, rows, envelope, count).decode())
        count += len(rows)
    return count


def lines(columns: Sequence[Column], rows: Rows, envelope: Envelope, first: int) -> bytes:
    """Line protocol of one chunk whose first row is row ``first`` of the run."""
    offsets = range(first, first + len(rows))
    batch = Batch(envelope.measurement, envelope.tags, tuple(columns), rows, envelope.base, offsets)
    return lineprotocol.encode(batch).data


def _rows(answered: Iterable[Rows]) -> Iterator[tuple[Any, ...]]:
    for rows in answered:
        yield from rows.tuples()


FORMATS: dict[Format, Print] = {
    "table": table,
    "json": json,
    "csv": csv_,
    "influx": influx,
    "line": line,
}


def text(print_: Print, answered: Answered, envelope: Envelope) -> str:
    """What the format prints, as a string."""
    out = io.StringIO()
    print_(answered, envelope, out)
    return out.getvalue()
