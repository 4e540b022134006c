"""The fields of many lines, as they stand, turned into typed columns."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import itemgetter, methodcaller
from typing import Any

from telegraf_osquery.codecs.lineprotocol.grammar import part
from telegraf_osquery.model.column import Column, Type

Fields = dict[bytes, bytes]
"""Key and value of one line's fields, as they stand."""

_BETWEEN = b"\x1e"
_LAST: Callable[[bytes], int] = itemgetter(-1)
# What the last byte of a value says about its type.
_LAST_BYTES: tuple[tuple[Type, bytes], ...] = (
    ("integer", b"i"),
    ("unsigned", b"u"),
    ("text", b'"'),
    ("double", b"0123456789."),
    ("boolean", b"tTfFeE"),
)
_KINDS = {byte: kind for kind, last in _LAST_BYTES for byte in last}

Table = dict[str, tuple[Column, Sequence[Any]]]
"""Columns and their cells by name."""


def typed(rows: Sequence[Fields]) -> Table | None:
    """The columns of these rows; None where a field changes its type among them.

    Integers stay decimal text, as ``Rows`` may hold them.
    """
    table: Table = {}
    for key, raw in _raw(rows):
        present = raw if all(raw) else tuple(filter(None, raw))
        kinds = set(map(_KINDS.__getitem__, set(map(_LAST, present))))
        if len(kinds) > 1:
            return None
        kind = kinds.pop()
        cells: Sequence[Any] = _CONVERT[kind](present)
        if len(present) < len(raw):
            given = iter(cells)
            cells = [None if value is None else next(given) for value in raw]
        column = Column(part(key), kind)
        table[column.name] = column, cells
    return table


def one_type(rows: Sequence[Fields]) -> int:
    """How many of the first rows can be in one batch: no field changes its type there."""
    seen: dict[bytes, Type] = {}
    for index, row in enumerate(rows):
        for key, value in row.items():
            kind = _KINDS[value[-1]]
            if seen.setdefault(key, kind) != kind:
                return index
    return len(rows)


def _raw(rows: Sequence[Fields]) -> Iterator[tuple[bytes, tuple[bytes, ...]]]:
    """The values by key, None where a line lacks the field."""
    keys = tuple(rows[0])
    if len(keys) > 1 and set(map(len, rows)) == {len(keys)}:
        try:
            return zip(keys, zip(*map(itemgetter(*keys), rows), strict=True), strict=True)
        except KeyError:
            pass
    order = _union(dict.fromkeys(map(tuple, rows)))
    return ((key, tuple(map(methodcaller("get", key), rows))) for key in order)


def _union(shapes: Iterable[tuple[bytes, ...]]) -> list[bytes]:
    """All keys, new ones behind the key they follow in their line."""
    order: list[bytes] = []
    for shape in shapes:
        at = 0
        for key in shape:
            if key in order:
                at = order.index(key) + 1
            else:
                order.insert(at, key)
                at += 1
    return order


def _digits(values: Sequence[bytes]) -> list[str]:
    suffix = values[0][-1:]
    return _BETWEEN.join(values)[:-1].decode("ascii").split((suffix + _BETWEEN).decode("ascii"))


def _texts(values: Sequence[bytes]) -> list[str]:
    if _BETWEEN in b"".join(values):
        return [_unescape(value[1:-1].decode("utf-8", "replace")) for value in values]
    joined = _BETWEEN.join(values)[1:-1].decode("utf-8", "replace")
    texts = joined.split('"\x1e"')
    if "\\" in joined:
        return [_unescape(text) if "\\" in text else text for text in texts]
    return texts


def _unescape(text: str) -> str:
    return "\\".join(piece.replace('\\"', '"') for piece in text.split(r"\\"))


def _booleans(values: Sequence[bytes]) -> list[bool]:
    return [value[0] in b"tT" for value in values]


def _doubles(values: Sequence[bytes]) -> list[float]:
    return list(map(float, values))


_CONVERT: dict[Type, Callable[[Sequence[bytes]], Sequence[Any]]] = {
    "integer": _digits,
    "unsigned": _digits,
    "text": _texts,
    "boolean": _booleans,
    "double": _doubles,
}
