"""Typed rows, held column by column."""

from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import Any


def _numbers(texts: Sequence[str | None]) -> list[int | None]:
    if None in texts:
        return [None if text is None else int(text) for text in texts]
    return list(map(int, texts))  # type: ignore[arg-type]


class Rows:
    """The cells of a batch: ``cells[column][row]``, ``None`` where a value is absent.

    A column of integers may be held as canonical decimal text (``"-12"``, no sign ``+``, no leading
    zeros, in range) as engines that answer in text deliver it: line protocol writes it as it
    stands, and whoever needs numbers calls ``values``. Rows are never mutated.
    """

    __slots__ = ("_cells", "_digits", "_length")

    def __init__(
        self,
        cells: Sequence[Sequence[Any]],
        *,
        digits: frozenset[int] = frozenset(),
        length: int = -1,
    ) -> None:
        """Take over ``cells``; ``digits`` names the columns held as decimal text.

        ``length`` is needed only where there are no columns.
        """
        self._cells = tuple(cells)
        self._digits = digits
        self._length = length if length >= 0 else len(self._cells[0]) if self._cells else 0

    def __len__(self) -> int:
        return self._length

    @property
    def width(self) -> int:
        return len(self._cells)

    def is_digits(self, column: int) -> bool:
        """Whether this column is held as decimal text."""
        return column in self._digits

    def cells(self, column: int) -> Sequence[Any]:
        """The column as it is held: decimal text where ``is_digits``, else native values."""
        return self._cells[column]

    def values(self, column: int) -> Sequence[Any]:
        """The column as native values (str, int, float, bool, None)."""
        held = self._cells[column]
        return _numbers(held) if column in self._digits else held

    def take(self, indices: Sequence[int]) -> "Rows":
        """These rows, in this order, as new rows."""
        if not indices:
            cells: list[Sequence[Any]] = [() for _ in self._cells]
        elif len(indices) == 1:
            cells = [(column[indices[0]],) for column in self._cells]
        else:
            pick = itemgetter(*indices)
            cells = [pick(column) for column in self._cells]
        return Rows(cells, digits=self._digits, length=len(indices))

    def extended(self, cells: Sequence[Sequence[Any]]) -> "Rows":
        """These rows with more columns at their end, held natively."""
        return Rows((*self._cells, *cells), digits=self._digits, length=self._length)

    def tuples(self) -> Iterator[tuple[Any, ...]]:
        """Row by row, native values. For display and tests, not for the data path."""
        columns = [self.values(index) for index in range(len(self._cells))]
        return zip(*columns, strict=True) if columns else iter([()] * self._length)
