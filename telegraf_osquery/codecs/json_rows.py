r"""osquery's answers in JSON: one array of flat objects, all values text.

``osqueryi --json`` prints ``[``, one row per line, ``]``; keys are sorted by name and of two
columns with one name the last one is there. Strings are written raw, so they may hold bytes that
are no UTF-8 (a file name in Latin-1): these become U+FFFD.

An answer is never held as Python objects whole: rows are cut from the bytes, 250 at a time (they
then stay in the processor's cache on their way to the wire), and each piece is decoded and turned
into columns. The decoder is a struct with the columns as fields, made for the answer; it needs half
the time of decoding to dictionaries.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
from msgspec.structs import astuple

from telegraf_osquery.errors import CodecError

PIECE = 250

Columns = list[Sequence[Any]]
"""The cells of some rows, column by column; None where a row lacks the column."""

_RAW_ROWS = msgspec.json.Decoder(list[msgspec.Raw])
_ODD_NAME = re.compile(r'[\x00-\x1f"\\\ud800-\udfff]')
_EXCERPT = 80
_READS_MAX = 256


Read = Callable[[bytes], Columns]


class Reader:
    """Reads answers; who asks the same again and again keeps one, and with it the decoders."""

    def __init__(self) -> None:
        self._reads: dict[tuple[str, ...], Read] = {}

    def decode(
        self, data: bytes, names: Sequence[str] = (), *, size: int = PIECE
    ) -> tuple[tuple[str, ...], Iterator[Columns]]:
        """Column names and the rows in pieces of ``size``, decoded as they are pulled.

        Args:
            data: the document.
            names: the columns wanted, in this order; without it the keys of the first row. A row
                may lack some; one that has others is an error.
            size: rows per piece.

        Raises:
            CodecError: not an array of objects, or broken off, or a row with other columns. It may
                come after some pieces, which stay valid.
        """
        pieces = _pieces(data, size)
        if not names:
            first = next(_pieces(data, 1), b"[]")
            names = tuple(key for row in _objects(first) for key in row)
        names = tuple(names)
        read = self._read(names)
        return names, (read(piece) for piece in pieces)

    def _read(self, names: tuple[str, ...]) -> Read:
        read = self._reads.get(names)
        if read is None:
            if len(self._reads) >= _READS_MAX:
                self._reads.clear()
            read = self._reads[names] = _reader(names)
        return read


def decode(
    data: bytes, names: Sequence[str] = (), *, size: int = PIECE
) -> tuple[tuple[str, ...], Iterator[Columns]]:
    """One answer, as ``Reader.decode``."""
    return Reader().decode(data, names, size=size)


def _pieces(data: bytes, size: int) -> Iterator[bytes]:
    """Arrays of ``size`` rows each."""
    if data.startswith((b"[\n", b"[\r\n")):
        return _line_pieces(data.rstrip(), size)
    return _raw_pieces(data, size)


def _line_pieces(data: bytes, size: int) -> Iterator[bytes]:
    """One row per line: a line feed never stands inside a JSON string."""
    start = data.index(b"\n") + 1
    last = data.rfind(b"\n") + 1
    while start < last:
        end = start
        for _ in range(size):
            end = data.find(b"\n", end, last) + 1 or last
        rows = data[start:end].rstrip().removesuffix(b",")
        if rows:
            yield b"[" + rows + b"]"
        start = end
    if data[last:].strip() != b"]":
        raise CodecError(_message(data[last:], "found no ']' at the end"))


def _raw_pieces(data: bytes, size: int) -> Iterator[bytes]:
    """Any layout: the array is sliced by the JSON parser."""
    try:
        rows = _RAW_ROWS.decode(data)
    except msgspec.DecodeError as error:
        raise CodecError(_message(data, error)) from None
    for start in range(0, len(rows), size):
        yield b"[" + b",".join(rows[start : start + size]) + b"]"


def _reader(names: Sequence[str]) -> Read:
    unique = tuple(dict.fromkeys(names))
    decode_rows = _row_decoder(unique)
    positions = [unique.index(name) for name in names] if len(unique) < len(names) else []

    def read(piece: bytes) -> Columns:
        try:
            columns: Columns = list(zip(*map(astuple, decode_rows(piece)), strict=True))
        except (msgspec.DecodeError, UnicodeDecodeError):
            columns = []
        if len(columns) != len(unique):
            columns = _columns(_objects(piece), unique)
        return [columns[position] for position in positions] if positions else columns

    return read


def _row_decoder(names: Sequence[str]) -> Callable[[bytes], Sequence[msgspec.Struct]]:
    fields = {f"c{index}": name for index, name in enumerate(names)}
    if any(_ODD_NAME.search(name) for name in names):
        fields = {}  # msgspec has no struct for such names; every piece then goes the slow way
    row = msgspec.defstruct(
        "Row",
        [(field, str, None) for field in fields],
        rename=fields,
        forbid_unknown_fields=True,
        gc=False,
    )
    return msgspec.json.Decoder(list[row]).decode  # type: ignore[valid-type]


def _objects(piece: bytes) -> list[dict[str, Any]]:
    """Rows that hold other things than text, or text that is no UTF-8."""
    try:
        rows = json.loads(piece.decode("utf-8", "replace"))
    except ValueError as error:
        raise CodecError(_message(piece, error)) from None
    for row in rows:
        if not isinstance(row, dict):
            raise CodecError(_message(json.dumps(row).encode(), "found no object"))
    return list(rows)


def _columns(rows: list[dict[str, Any]], names: tuple[str, ...]) -> Columns:
    for row in rows:
        if unknown := row.keys() - set(names):
            raise CodecError(_message(json.dumps(row).encode(), f"found columns {sorted(unknown)}"))
    return [[row.get(name) for row in rows] for name in names]


def _message(data: bytes, fault: object) -> str:
    excerpt = data[:_EXCERPT].decode("utf-8", "replace")
    return f"rows in JSON: {fault}, expected an array of flat objects; it begins {excerpt!r}"
