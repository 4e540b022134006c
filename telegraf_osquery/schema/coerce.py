"""Raw cells to typed rows, column by column.

An engine gives text as osquery writes it, or native values; both forms of one value become the same
typed value. What cannot be typed becomes absent and is counted. Rules that osquery makes necessary
(``osquery/sql/sqlite_util.cpp``, ``osquery/utils/conversions/castvariant.h``):

- NULL is written ``""``: absent in a number column, ``""`` in a text column, whichever engine.
- Doubles have 15 digits, and ``.0`` is put behind an exponent: ``1e+20.0``, ``inf.0``; the shell
  writes ``1.0e+20``, ``Inf``. What is not finite has no place in a time series: absent, counted.
- SQLite has no unsigned integers: a value above 2^63-1 comes out of it as the negative number with
  the same 64 bits, so a negative cell of an ``unsigned`` column is that large number.
"""

import math
import re
from array import array
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from telegraf_osquery.model.column import Column, Type
from telegraf_osquery.model.rows import Rows

Cells = Sequence[Any]

_MIN, _MAX, _WRAP = -(1 << 63), (1 << 63) - 1, 1 << 64
_EXACT = 1 << 53
_EXAMPLE = 60

# Canonical decimal text of at most 18 digits; one match for the whole column. Alternatives that
# begin with different characters are what the matcher is fastest at.
_DIGITS = re.compile(r"(?:[1-9][0-9]{0,17}+\n|0\n|-[1-9][0-9]{0,17}+\n)*+")
_DIGITS_OR_NOTHING = re.compile(r"(?:[1-9][0-9]{0,17}+\n|0\n|\n|-[1-9][0-9]{0,17}+\n)*+")
_LONG = re.compile(r"(?:(?:-?[1-9][0-9]{0,19}+|0|)\n)*+")
_INTEGER = re.compile(r"([+-]?)0*([0-9]{1,20})", re.ASCII)
_DOUBLE = re.compile(r"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)(?:\.0*)?", re.ASCII)
_DOUBLE_LETTERS = b"0123456789.+-eE"
_NO_SCALAR = re.compile("[\ud800-\udfff]")
_ESCAPES = re.compile(r"(?:\\x[0-9A-Fa-f]{2})+")
_BOOLEANS = {"1": True, "0": False, "true": True, "false": False}


class Fault(msgspec.Struct, frozen=True):
    """Cells of one column that could not be typed: how many, and one of them."""

    column: str
    count: int
    example: str


class _Typed:
    """A column on its way: the cells, whether they are decimal text, the cells that did not fit."""

    __slots__ = ("bad", "cells", "digits")

    def __init__(self, cells: Cells, *, digits: bool = False, bad: Cells = ()) -> None:
        self.cells = cells
        self.digits = digits
        self.bad = bad


def coerce(chunk: Sequence[Cells], columns: Sequence[Column]) -> tuple[Rows, tuple[Fault, ...]]:
    """Type a chunk whose columns are in the order of ``columns``.

    Integers that arrive as text stay text (``Rows.is_digits``), checked but never converted.
    """
    typed = [_BY_TYPE[column.type](cells) for cells, column in zip(chunk, columns, strict=True)]
    digits = frozenset(index for index, one in enumerate(typed) if one.digits)
    rows = Rows([one.cells for one in typed], digits=digits)
    faults = tuple(
        Fault(column.name, len(one.bad), repr(one.bad[0])[:_EXAMPLE])
        for one, column in zip(typed, columns, strict=True)
        if one.bad
    )
    return rows, faults


def unescape(cells: Iterable[Any]) -> list[Any]:
    r"""Undo the ``\xHH`` that osquery before 5.22 wrote for every byte outside ASCII.

    A run that is no valid UTF-8 stays as it is: it may be a path of Windows. Only for texts that
    are known to come from such a release.
    """
    return [
        _ESCAPES.sub(_plain, cell) if isinstance(cell, str) and "\\x" in cell else cell
        for cell in cells
    ]


def _plain(found: re.Match[str]) -> str:
    try:
        return bytes.fromhex(found[0].replace("\\x", "")).decode()
    except UnicodeDecodeError:
        return found[0]


def _each(cells: Cells, convert: Callable[[Any], Any]) -> _Typed:
    """The slow way, for columns with something odd in them."""
    made: list[Any] = []
    bad = []
    for cell in cells:
        try:
            made.append(convert(cell))
        except ValueError:
            made.append(None)
            bad.append(cell)
    return _Typed(made, bad=bad)


def _texts(cells: Cells) -> _Typed:
    try:
        joined = "".join(cells)
        if not joined.isascii():
            joined.encode("utf-16-le")  # the fastest way to find lone surrogates
    except (TypeError, UnicodeEncodeError):
        return _Typed([as_text(cell) for cell in cells])
    return _Typed(cells)


def as_text(cell: Any) -> str:
    """Any cell as SQLite prints it, valid Unicode in any case."""
    if isinstance(cell, str):
        return _NO_SCALAR.sub("\ufffd", cell)
    if cell is None:
        return ""
    if isinstance(cell, float):
        return _printed(cell)
    if isinstance(cell, bytes):
        return cell.decode("utf-8", "replace")
    return str(int(cell))


def _printed(value: float) -> str:
    """A double as the SQLite inside osquery prints it: 15 digits and always a point."""
    if not math.isfinite(value):
        return "" if math.isnan(value) else "Inf" if value > 0 else "-Inf"
    mantissa, mark, exponent = format(value or 0.0, ".15g").partition("e")
    return mantissa + ("" if "." in mantissa else ".0") + mark + exponent


def _integers(cells: Cells) -> _Typed:
    return _whole(cells, _MIN, _MAX, as_integer)


def _unsigned(cells: Cells) -> _Typed:
    return _whole(cells, 0, _WRAP - 1, as_unsigned)


def _whole(cells: Cells, low: int, high: int, convert: Callable[[Any], int | None]) -> _Typed:
    try:
        text = "\n".join(cells) + "\n"
    except TypeError:
        return _native(cells, "q" if low else "Q", convert)
    # One line per cell, so that no cell with a line break slips through; no sign where all is >= 0.
    plain = text.count("\n") == len(cells) and (low < 0 or "-" not in text)
    if plain and _DIGITS.fullmatch(text):
        return _Typed(cells, digits=True)
    if plain and (_DIGITS_OR_NOTHING.fullmatch(text) or _fits(cells, text, low, high)):
        return _Typed([cell or None for cell in cells] if "" in cells else cells, digits=True)
    return _each(cells, convert)


def _fits(cells: Cells, text: str, low: int, high: int) -> bool:
    """Whether a column with numbers of 19 or 20 digits (nanoseconds, addresses) is in range."""
    if not _LONG.fullmatch(text):
        return False
    numbers = [int(cell) for cell in cells if len(cell) > 18]
    return min(numbers) >= low and max(numbers) <= high


def _native(cells: Cells, code: str, convert: Callable[[Any], int | None]) -> _Typed:
    kinds = set(map(type, cells))
    if kinds <= {int, type(None)}:
        numbers = cells if kinds == {int} else [cell for cell in cells if cell is not None]
        try:
            array(code, numbers)  # a range check in one C loop
        except OverflowError:
            pass
        else:
            return _Typed(cells)
    return _each(cells, convert)


def as_integer(cell: Any) -> int | None:
    """A cell as int64; ``None`` where there is nothing.

    Raises:
        ValueError: not a whole number, or outside int64.
    """
    value = _number(cell)
    if value is not None and not _MIN <= value <= _MAX:
        raise ValueError(cell)
    return value


def as_unsigned(cell: Any) -> int | None:
    """A cell as uint64; a negative one is what SQLite made of a number above 2^63-1.

    Raises:
        ValueError: not a whole number, or outside both ranges.
    """
    value = _number(cell)
    if value is None or 0 <= value < _WRAP:
        return value
    if value < _MIN or value >= _WRAP:
        raise ValueError(cell)
    return value + _WRAP


def _number(cell: Any) -> int | None:
    if cell is None or isinstance(cell, int):
        return cell if cell is None else int(cell)
    if isinstance(cell, bytes):
        cell = cell.decode("utf-8", "replace")
    if isinstance(cell, str):
        cell = cell.strip()
        if found := _INTEGER.fullmatch(cell):
            return int(found[1] + found[2])
    value = as_double(cell)
    if value is None:
        return None
    # A double stands for one whole number only as long as it is exact.
    if not value.is_integer() or abs(value) > _EXACT:
        raise ValueError(cell)
    return int(value)


def _doubles(cells: Cells) -> _Typed:
    kinds = set(map(type, cells))
    if kinds == {float} and math.isfinite(sum(cells)):
        return _Typed(cells)
    if kinds == {str}:
        # Letters first: Python's float() takes more than numbers ("1_0", "nan").
        letters = "".join(cells).encode("utf-8", "replace").translate(None, _DOUBLE_LETTERS)
        try:
            values = [float(cell) if cell else None for cell in cells] if not letters else []
        except ValueError:
            values = []
        if values and math.isfinite(sum(filter(None, values))):
            return _Typed(values)
    return _each(cells, as_double)


def as_double(cell: Any) -> float | None:
    """A cell as a finite double; ``None`` where there is nothing.

    Raises:
        ValueError: not a number, or not finite.
    """
    if cell is None:
        return None
    if isinstance(cell, bytes):
        cell = cell.decode("utf-8", "replace")
    if isinstance(cell, str):
        cell = cell.strip()
        if not cell:
            return None
        found = _DOUBLE.fullmatch(cell)
        if not found:
            raise ValueError(cell)
        cell = found[1]
    value = float(cell)
    if not math.isfinite(value):
        raise ValueError(cell)
    return value


def _booleans(cells: Cells) -> _Typed:
    return _each(cells, as_boolean)


def as_boolean(cell: Any) -> bool | None:
    """A cell as a declared boolean: 0, 1, true, false; ``None`` where there is nothing.

    Raises:
        ValueError: anything else, such as the ``-1`` that tables use for "not known".
    """
    if cell is None or isinstance(cell, bool):
        return cell
    text = as_text(cell).strip().lower()
    if not text:
        return None
    if text not in _BOOLEANS:
        raise ValueError(cell)
    return _BOOLEANS[text]


_BY_TYPE: dict[Type, Callable[[Cells], _Typed]] = {
    "text": _texts,
    "integer": _integers,
    "unsigned": _unsigned,
    "double": _doubles,
    "boolean": _booleans,
}
