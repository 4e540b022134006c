"""Batches to line protocol, column by column.

Every loop over cells runs in C: a column is joined with a separator, searched and replaced as one
string and split again, and the lines are joined from zipped columns. To keep all strings one byte
wide, text beyond ASCII is turned into its UTF-8 bytes early and carried as Latin-1.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat
from typing import Any, Literal

import msgspec

from telegraf_osquery.codecs.lineprotocol import cells, names
from telegraf_osquery.codecs.lineprotocol.cells import Newline, Wire, latin
from telegraf_osquery.errors import CodecError
from telegraf_osquery.model.batch import Batch
from telegraf_osquery.model.column import Column
from telegraf_osquery.model.names import ROW_FIELD, field

Unsigned = Literal["i", "u"]

_INT64 = 1 << 63


class Encoded(msgspec.Struct, frozen=True):
    """Whole lines, each with its newline.

    Attributes:
        lines: metrics in ``data``, one per row; with ``newline="keep"`` a metric may span lines.
        exact: cells whose exact value went to a field ``exact_<name>``.
        left_out: cells that no field can hold: NaN, infinite, not of the column's type.
    """

    data: bytes
    lines: int
    exact: int = 0
    left_out: int = 0


def encode(batch: Batch, newline: Newline = "escape", *, unsigned: Unsigned = "i") -> Encoded:
    r"""One line per row, in the order of the rows.

    Envelope tags come first, then columns marked ``tag``, then fields in the order of the columns.
    Of columns with one name on the wire the last one counts. Absent cells leave their field or tag
    out; a row without any field gets ``osquery_row=<offset>i``.

    Integers outside int64 (osquery's UNSIGNED_BIGINT) are clamped and their digits kept as text in
    ``exact_<name>``, so that the field has one type for ever; ``unsigned="u"`` writes columns of
    type ``unsigned`` with the suffix ``u``, which InfluxDB 1 and 2 take only where enabled.

    Args:
        batch: what to write.
        newline: line feeds in text values: ``escape`` writes the two characters ``\n``, ``space`` a
            blank, ``keep`` the byte itself, which Telegraf takes but tools that split at newlines
            do not. Only ``keep`` is reversible.
        unsigned: the suffix of columns of type ``unsigned``.

    Raises:
        CodecError: a row's time is outside int64 nanoseconds.
    """
    count = len(batch.rows)
    if not count:
        return Encoded(b"", 0)
    times = _times(batch)
    sheet = _Sheet(batch, newline, unsigned)
    parts: list[str | Iterable[str]] = [sheet.head(), *sheet.tags, " "]
    parts += sheet.fields() or [_bodies(sheet.all_fields(), batch.offsets, count)]
    parts += [" ", map(str, times), "\n"]
    text = "".join(map("".join, zip(*_columns(parts), strict=False)))
    return Encoded(text.encode("latin-1"), count, sheet.exact, sheet.left_out)


def _times(batch: Batch) -> Sequence[int]:
    offsets = batch.offsets
    if isinstance(offsets, range):
        base = batch.base
        times: Sequence[int] = range(base + offsets.start, base + offsets.stop, offsets.step)
    else:
        times = batch.times()
    first, last = min(times), max(times)
    if first < -_INT64 or last >= _INT64:
        raise CodecError(
            f"{batch.measurement}: the time {first if first < -_INT64 else last} ns is outside "
            "int64; correct the clock or the record it came from"
        )
    return times


def _columns(parts: list[str | Iterable[str]]) -> Iterator[Iterable[str]]:
    """Constants side by side become one, and repeat for every row."""
    constant = ""
    for part in parts:
        if isinstance(part, str):
            constant += part
            continue
        if constant:
            yield repeat(constant)
            constant = ""
        yield part
    yield repeat(constant)


def _bodies(holed: Iterable[Wire], offsets: Sequence[int], count: int) -> list[str]:
    """The field sets where no column has a value in every row."""
    pieces = [wire_.pieces(",", "") for wire_ in holed]
    rows = map("".join, zip(*pieces, strict=True)) if pieces else repeat("", count)
    return [row[1:] or f"{ROW_FIELD}={offset}i" for row, offset in zip(rows, offsets, strict=True)]


class _Sheet:
    """The columns of one batch, ready to be laid side by side."""

    def __init__(self, batch: Batch, newline: Newline, unsigned: Unsigned) -> None:
        self._batch = batch
        self._newline: Newline = newline
        self._unsigned = unsigned
        self.tags: list[Sequence[str]] = []
        self.holed: list[Wire] = []
        self.exact = 0
        self.left_out = 0
        self._extra: list[Wire] = []
        last = {names.key(field(column.name)): n for n, column in enumerate(batch.columns)}
        self._taken = frozenset(last)
        self._envelope = {names.key(key): value for key, value in batch.tags}
        self._head = latin(names.measurement(batch.measurement) + self._envelope_tags())
        for key, index in last.items():
            self._column(key, batch.columns[index], index)

    def head(self) -> str:
        """Measurement and envelope tags."""
        return self._head

    def fields(self) -> list[str | Iterable[str]]:
        """The field set, built around a column without holes; empty if there is none."""
        fields = self.all_fields()
        anchor = next((n for n, wire in enumerate(fields) if not wire.holes), -1)
        if anchor < 0:
            return []
        parts: list[str | Iterable[str]] = [wire.pieces("", ",") for wire in fields[:anchor]]
        parts += fields[anchor].parts("")
        for wire in fields[anchor + 1 :]:
            parts += wire.parts(",")
        return parts

    def all_fields(self) -> list[Wire]:
        """Fields of columns, then the exact values."""
        return self.holed + self._extra

    def _envelope_tags(self) -> str:
        text = ""
        for key, given in self._envelope.items():
            value = names.tag_value(given)
            text += f",{key}={names.escape(value)}" if value else ""
            if value != given:
                self._keep(key, [given] * len(self._batch.rows))
        return text

    def _column(self, key: str, column: Column, index: int) -> None:
        rows = self._batch.rows
        if column.tag and key not in self._envelope:
            made = cells.tags(key, rows.cells(index))
            self.tags.append(made.cells)  # type: ignore[arg-type]
        else:
            made = self._field(latin(key), column, rows.cells(index), digits=rows.is_digits(index))
        self.left_out += made.left_out
        if made.exact:
            self._keep(key, made.exact)

    def _field(
        self, key: str, column: Column, held: Sequence[Any], *, digits: bool
    ) -> cells.Column:
        before = after = ""
        if column.type in ("integer", "unsigned"):
            unsigned = column.type == "unsigned"
            after = self._unsigned if unsigned else "i"
            made = cells.integers(held, digits=digits, unsigned=unsigned, suffix=after)
        elif column.type == "double":
            made = cells.doubles(held)
        elif column.type == "boolean":
            made = cells.booleans(held)
        else:
            before = after = '"'
            made = cells.text(held, self._newline)
        self.holed.append(Wire(key, before, after, made.cells, made.holes))
        return made

    def _keep(self, key: str, exact: cells.Cells) -> None:
        """Add the field that holds what ``key`` cannot."""
        name = names.EXACT_PREFIX + key
        count = len(exact) - sum(1 for cell in exact if cell is None)
        if name in self._taken:
            self.left_out += count
            return
        self.exact += count
        made = cells.text(exact, self._newline)
        self._extra.append(Wire(latin(name), '"', '"', made.cells, made.holes))
