"""One column of cells as the texts that stand in the lines.

All texts made here are one byte wide: what is beyond ASCII is carried as its UTF-8 bytes read as
Latin-1, and the finished lines are encoded as Latin-1, which is a plain copy.
"""

from array import array
from collections.abc import Iterable, Sequence
from math import isfinite
from typing import Any, Literal

import msgspec

from telegraf_osquery.codecs.lineprotocol import names

Newline = Literal["escape", "keep", "space"]
Cells = Sequence[str | None]

_FOLDED: dict[Newline, str] = {"escape": r"\\n", "keep": "\n", "space": " "}
_BOOLEANS = {True: "true", False: "false"}
# Joins a column into one string; any character does, since a split that gives another number of
# cells shows that a cell held it.
_BETWEEN = "\x1e"
_INT64_DIGITS = 19


class Wire(msgspec.Struct):
    """A field of every row: ``key=`` + ``before`` + cell + ``after``.

    Attributes:
        cells: the texts, escaped; None where the value is absent.
        holes: whether any cell is None.
    """

    key: str
    before: str
    after: str
    cells: Cells
    holes: bool

    def parts(self, lead: str) -> list[str | Iterable[str]]:
        """Constants and columns whose concatenation is the field, with ``lead`` before it."""
        if self.holes:
            return [self.pieces(lead, "")]
        return [f"{lead}{self.key}={self.before}", self.cells, self.after]  # type: ignore[list-item]

    def pieces(self, lead: str, trail: str) -> list[str]:
        """The whole field as one text per row, empty where the value is absent."""
        head = f"{lead}{self.key}={self.before}"
        tail = self.after + trail
        return ["" if cell is None else f"{head}{cell}{tail}" for cell in self.cells]


class Column(msgspec.Struct):
    """A column on its way to the wire.

    Attributes:
        cells: texts, None where absent.
        holes: whether any is None.
        exact: the exact texts of cells that had to be changed, None elsewhere; empty if none had.
        left_out: cells that were there but cannot be written.
    """

    cells: Cells
    holes: bool = False
    exact: Cells = ()
    left_out: int = 0


def utf8(text: str) -> bytes:
    """UTF-8 with U+FFFD in place of lone surrogates."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()


def latin(text: str) -> str:
    """The UTF-8 bytes of ``text``, one per character."""
    return text if text.isascii() else utf8(text).decode("latin-1")


def escaped(cells: Sequence[str], newline: Newline) -> Sequence[str]:
    """String values: backslash and quote escaped, line feeds as asked."""
    joined = _BETWEEN.join(cells)
    plain = '"' not in joined and "\\" not in joined
    if plain and joined.isascii() and (newline == "keep" or "\n" not in joined):
        return cells
    parts = _escape(joined, newline).split(_BETWEEN)
    if len(parts) != len(cells):
        return [_escape(cell, newline) for cell in cells]
    return parts


def _escape(text: str, newline: Newline) -> str:
    text = latin(text).replace("\\", r"\\").replace('"', r"\"")
    return text if newline == "keep" else text.replace("\n", _FOLDED[newline])


def text(cells: Sequence[Any], newline: Newline) -> Column:
    """A text column; what is no text is written as Python prints it."""
    try:
        return Column(escaped(cells, newline))
    except TypeError:
        given = [cell if cell is None or isinstance(cell, str) else _plain(cell) for cell in cells]
    wire = escaped(["" if cell is None else cell for cell in given], newline)
    return Column(
        [None if cell is None else done for cell, done in zip(given, wire, strict=True)],
        holes=None in given,
    )


def _plain(cell: Any) -> str:
    if isinstance(cell, bool):
        return _BOOLEANS[cell]
    return cell.decode("utf-8", "replace") if isinstance(cell, bytes) else str(cell)


def integers(cells: Sequence[Any], *, digits: bool, unsigned: bool, suffix: str) -> Column:
    """Whole numbers, clamped to what ``suffix`` can carry; ``digits``: held as decimal text."""
    if digits:
        holes = not all(cells)  # decimal text is never empty
        if not unsigned or max(map(len, filter(None, cells)), default=0) < _INT64_DIGITS:
            return Column(cells, holes)
        return _clamped([None if cell is None else int(cell) for cell in cells], suffix)
    return _printed(cells, suffix) or _clamped(cells, suffix)


def _printed(cells: Sequence[Any], suffix: str) -> Column | None:
    """Native numbers, all in range: one JSON array of them, cut at its commas."""
    code = "Q" if suffix == "u" else "q"
    held = cells if isinstance(cells, (list, tuple)) else list(cells)
    holes = False
    try:
        array(code, held)  # the check: whole numbers in range, no None
    except OverflowError:
        return None
    except TypeError:
        holes = True
        numbers = [cell for cell in held if cell is not None]
        if not _fit(code, numbers):
            return None
    text = msgspec.json.encode(held)[1:-1].decode()
    if "e" in text:  # true, false
        return None
    texts = text.split(",")
    return Column([None if t == "null" else t for t in texts] if holes else texts, holes)


def _fit(code: str, numbers: list[Any]) -> bool:
    try:
        array(code, numbers)
    except (TypeError, OverflowError):
        return False
    return True


def _clamped(cells: Sequence[Any], suffix: str) -> Column:
    low, high = (0, (1 << 64) - 1) if suffix == "u" else (-1 << 63, (1 << 63) - 1)
    numbers = [cell if isinstance(cell, int) else None for cell in cells]
    texts = [None if n is None else int.__repr__(min(max(n, low), high)) for n in numbers]
    exact = [None if n is None or low <= n <= high else str(n) for n in numbers]
    missing = texts.count(None)
    return Column(texts, missing > 0, exact if any(exact) else (), missing - _nones(cells))


def doubles(cells: Sequence[Any]) -> Column:
    """Finite doubles in the shortest form that reads back as the same value."""
    try:
        texts = list(map(float.__repr__, cells))
    except TypeError:
        return _finite(cells)
    if "n" in "".join(texts):  # nan, inf
        return _finite(cells)
    return Column(texts)


def _finite(cells: Sequence[Any]) -> Column:
    numbers = [_double(cell) for cell in cells]
    texts = [None if n is None or not isfinite(n) else repr(n) for n in numbers]
    missing = texts.count(None)
    return Column(texts, missing > 0, left_out=missing - _nones(cells))


def _double(cell: Any) -> float | None:
    try:
        return float(cell) if isinstance(cell, (int, float)) else None
    except OverflowError:
        return None


def booleans(cells: Sequence[Any]) -> Column:
    """``true`` and ``false``."""
    texts = list(map(_BOOLEANS.get, cells))
    missing = texts.count(None)
    return Column(texts, missing > 0, left_out=missing - _nones(cells))


def _nones(cells: Sequence[Any]) -> int:
    return sum(1 for cell in cells if cell is None)


def tags(key: str, cells: Sequence[Any]) -> Column:
    """``,key=value`` per row, nothing where the value is absent or empty.

    ``exact`` holds the values that could not be written as they are.
    """
    pieces: dict[Any, str] = {}
    exact: dict[Any, str] = {}
    for cell in set(cells):
        plain = "" if cell is None else cell if isinstance(cell, str) else _plain(cell)
        value = names.tag_value(plain)
        pieces[cell] = latin(f",{key}={names.escape(value)}") if value else ""
        if value != plain:
            exact[cell] = plain
    texts = list(map(pieces.__getitem__, cells))
    return Column(texts, exact=list(map(exact.get, cells)) if exact else ())
