"""Batches for tests: hostile ones by strategy, and what must come back of them."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

from hypothesis import strategies as st

from telegraf_osquery.model.batch import Batch
from telegraf_osquery.model.column import Column, Type
from telegraf_osquery.model.names import field
from telegraf_osquery.model.rows import Rows
from telegraf_osquery.model.run import Item

BASE = 1_790_000_000_000_000_000
INT64 = st.integers(-(2**63), 2**63 - 1)
# What line protocol gives a meaning to, what splits lines, what is long in UTF-8.
NASTY = st.sampled_from(" ,=\"\\\n\r\t\x00\x0b\x0c\x1e\x7f#'{}éы\U0001f600")
LETTERS = st.characters(codec="utf-8", exclude_categories=["Cs"])
TEXT = st.text(st.one_of(NASTY, st.sampled_from("abi0u1."), LETTERS), max_size=12)
NAMES = st.text(st.sampled_from('abhost#,= "\\\n\tя_.'), max_size=6)

_CELLS: dict[Type, st.SearchStrategy[Any]] = {
    "text": TEXT,
    "integer": INT64,
    "unsigned": st.integers(0, 2**64 - 1),
    "double": st.floats(allow_nan=False, allow_infinity=False),
    "boolean": st.booleans(),
}


def batch(
    columns: dict[str, tuple[Type, Sequence[Any]]],
    *,
    tags: Iterable[str] = (),
    name: str = "osquery_main_q",
    envelope: tuple[tuple[str, str], ...] = (("host", "web-1"),),
) -> Batch:
    """A batch from name → (type, cells)."""
    made = tuple(Column(key, type_, key in tags) for key, (type_, _) in columns.items())
    cells = [cells for _, cells in columns.values()]
    rows = Rows(cells)
    return Batch(name, envelope, made, rows, BASE, range(len(rows)))


@st.composite
def batches(draw: st.DrawFn, *, names: st.SearchStrategy[str] = NAMES) -> Batch:
    """Any batch with rows; columns may share a name, be tags, have holes, be held as digits."""
    count = draw(st.integers(1, 6))
    columns, cells, digits = [], [], set()
    for index in range(draw(st.integers(0, 5))):
        type_: Type = draw(st.sampled_from(list(_CELLS)))
        tag = type_ == "text" and draw(st.booleans())
        columns.append(Column(draw(names), type_, tag))
        cell = _CELLS[type_]
        column = draw(
            st.lists(
                st.none() | cell if draw(st.booleans()) else cell, min_size=count, max_size=count
            )
        )
        if type_ in ("integer", "unsigned") and draw(st.booleans()):
            digits.add(index)
            column = [None if number is None else str(number) for number in column]
        cells.append(column)
    tags = draw(st.dictionaries(names.filter(bool), TEXT.filter(bool), max_size=3))
    rows = Rows(cells, digits=frozenset(digits), length=count)
    offsets = draw(
        st.sampled_from([range(count), range(7, 7 + count), [n * n for n in range(count)]])
    )
    return Batch(draw(names), tuple(sorted(tags.items())), tuple(columns), rows, BASE, offsets)


def plain_batches() -> st.SearchStrategy[Batch]:
    """Batches whose names the wire can carry, each once; cells are as hostile as can be."""
    names = st.text(st.sampled_from("abcdы. ,="), min_size=1, max_size=6)
    return batches(names=names).filter(_names_differ)


def _names_differ(made: Batch) -> bool:
    names = [column.name for column in made.columns] + [key for key, _ in made.tags]
    return len(set(names)) == len(names)


def table(made: Batch) -> dict[str, tuple[Type, bool, list[Any]]]:
    """What is comparable of a batch: type, tag or not, and cells by name.

    Empty columns do not count, an empty tag is an absent one, and tags are text.
    """
    found: dict[str, tuple[Type, bool, list[Any]]] = {}
    for index, column in enumerate(made.columns):
        cells = list(made.rows.values(index))
        if column.tag:
            cells = [None if cell is None or cell == "" else str(cell) for cell in cells]
        if any(cell is not None for cell in cells):
            found[field(column.name)] = ("text" if column.tag else column.type, column.tag, cells)
    return found


Point = tuple[str, tuple[tuple[str, str], ...], dict[str, Any], int]


def points(items: Iterable[Item]) -> list[Point]:
    """Name, tags, fields and time of every row; values carry their type."""
    found = []
    for item in items:
        assert isinstance(item, Batch)
        for index, time in enumerate(item.times()):
            tags = dict(item.tags)
            fields = {}
            for number, column in enumerate(item.columns):
                cell = item.rows.values(number)[index]
                if cell is None:
                    continue
                if column.tag:
                    tags[column.name] = cell
                else:
                    fields[column.name] = (type(cell).__name__, _sign(cell), cell)
            found.append((item.measurement, tuple(sorted(tags.items())), fields, time))
    return found


def _sign(cell: Any) -> float:
    return math.copysign(1, cell) if isinstance(cell, float) else 0
