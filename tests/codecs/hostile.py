"""Rows and lines that try to break a parser, by seed and fast enough for a million."""

import random
from collections.abc import Iterator, Sequence
from typing import Any

from telegraf_osquery.model.batch import Batch
from telegraf_osquery.model.column import Column
from telegraf_osquery.model.rows import Rows
from tests.codecs.batches import BASE

# Weighted towards what has a meaning in line protocol.
_ALPHABET = (
    list('"\\ ,=\n\r\t') * 4
    + list("\x00\x01\x0b\x0c\x1e\x1f\x7f#'{}:;i0u-+.eE")
    + ["é", "Ж", "日", "\U0001f600", "\u2028", "\ufeff", "\u0085"]
    + list("abcmnt") * 3
)
_INTEGERS = (0, -1, 1, 2**31, 2**63 - 1, -(2**63), 10**18, -(10**18))
_DOUBLES = (
    0.0,
    -0.0,
    0.1,
    1e300,
    -1e-300,
    5e-324,
    1.7976931348623157e308,
    1e16,
    123456789.125,
    3.0,
)

COLUMNS = (
    Column("n", "integer"),
    Column("tag", tag=True),
    Column("digits", "integer"),
    Column("size", "unsigned"),
    Column("share", "double"),
    Column("on", "boolean"),
    Column("text"),
    Column("note"),
)


class Hostile:
    """Batches of ``COLUMNS``, with holes."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - wanted: repeatable
        self._count = 0

    def text(self) -> str:
        ours = self._random
        return "".join(ours.choices(_ALPHABET, k=ours.randrange(10)))

    def batch(self, rows: int) -> Batch:
        """The next ``rows`` rows; column ``n`` counts them over all batches."""
        ours = self._random
        start, self._count = self._count, self._count + rows
        integers = [
            ours.choice(_INTEGERS) if ours.random() < 0.3 else ours.randrange(-(2**63), 2**63)
            for _ in range(rows)
        ]
        doubles = [
            ours.choice(_DOUBLES) if ours.random() < 0.5 else ours.uniform(-1e6, 1e6)
            for _ in range(rows)
        ]
        cells: list[Sequence[Any]] = [
            range(start, start + rows),
            [self.text() or None for _ in range(rows)],
            self._holed([str(number) for number in integers]),
            self._holed([number + 2**63 for number in integers]),
            self._holed(doubles),
            self._holed([number > 0 for number in integers]),
            [self.text() for _ in range(rows)],
            self._holed([self.text() for _ in range(rows)]),
        ]
        tags = (("host", "web-1"), ("osquery_query", f"q{start % 3}"))
        held = Rows(cells, digits=frozenset({2}))
        return Batch("osquery_main_q", tags, COLUMNS, held, BASE + start, range(rows))

    def named(self, number: int) -> Batch:
        """One row whose measurement, envelope and columns are called anything."""
        ours = self._random
        columns = tuple(Column(self.text(), tag=ours.random() < 0.3) for _ in range(4))
        tags = tuple(sorted({self.text(): self.text() or "x" for _ in range(2)}.items()))
        rows = Rows([[self.text()] for _ in columns])
        return Batch(self.text(), tags, columns, rows, BASE + number, range(1))

    def _holed(self, cells: list[Any]) -> list[Any]:
        ours = self._random
        return [cell if ours.random() < 0.9 else None for cell in cells]


_HEADS = (b"m", b"m,t=a", rb"m\ x,t=a\,b", rb"m,t=C:\Win\\x,u=\=", b'm,a"b=\xc3\xa9', b"m,t=a,t=b")
_FIELDS = (
    *(b"a=1i", b"b=-0i", b"c=9223372036854775807i", b"d=18446744073709551615u", b"e=1.5e-3"),
    *(b"f=007", b"g=.5", b"h=1.", b"i=t", b"j=FALSE", b'k=""', b'l="x\ny"', rb'm="\\ \""', b"a=2"),
    *(rb"n\ o=1i", b'p"q=1', rb'r="a\\"', b's="\xff"', b"e=" + b"1" * 80),
)
_TIMES = (b"", b" 1", b" -5", b" 1790000000000000001", b" 9223372036854775807", b"  7 ", b" 0012")
_ENDS = (b"\n", b"\n", b"\n", b"\r\n", b"\n\n", b'\n# c "\n', b" \n", b"\n  ")
_BYTES = b'm,= \\"\n\r\t\x0b\x0c\x00tfiu10.-+eE#\xff'


class Lines:
    """Line protocol of which about half is damaged by a byte or two."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - wanted: repeatable

    def data(self, count: int) -> bytes:
        return b"".join(self._lines(count)) + b'"\n\n'

    def _lines(self, count: int) -> Iterator[bytes]:
        ours = self._random
        for _ in range(count):
            fields = b",".join(ours.choices(_FIELDS, k=ours.randrange(1, 5)))
            line = ours.choice(_HEADS) + b" " + fields + ours.choice(_TIMES) + ours.choice(_ENDS)
            for _ in range(ours.choice((0, 0, 0, 1, 1, 2))):
                at = ours.randrange(len(line))
                with_ = bytes(ours.choices(_BYTES, k=ours.randrange(3)))
                line = line[:at] + with_ + line[at + ours.randrange(2) :]
            yield line
