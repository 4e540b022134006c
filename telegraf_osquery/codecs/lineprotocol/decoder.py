"""Line protocol to batches: strict as Telegraf's own parser, columns out.

A bad line costs itself only: it is counted and kept aside with its place and what was expected, and
reading goes on behind the next newline.
"""

from collections.abc import Collection

import msgspec

from telegraf_osquery.codecs.lineprotocol.grammar import (
    FIELD,
    Line,
    Thing,
    Wrong,
    scan,
)
from telegraf_osquery.codecs.lineprotocol.group import Group, Heads
from telegraf_osquery.model.run import Item

BAD_KEPT = 100
"""So many bad lines are kept aside; all are counted."""
_TEXT_KEPT = 1024
LINE_MAX = 16 << 20
"""Longest line taken, bytes. An open quote would otherwise collect the stream for ever."""


class BadLine(msgspec.Struct, frozen=True):
    """A line that is no metric.

    Attributes:
        line: where the fault is, from 1; newlines inside strings count.
        column: byte in that line, from 1.
        reason: what was expected there.
        text: the beginning of the line.
    """

    line: int
    column: int
    reason: str
    text: bytes


class Decoded(msgspec.Struct, frozen=True):
    """What a piece of line protocol held."""

    items: list[Item]
    bad: list[BadLine]


def decode(
    data: bytes, tag_columns: Collection[str] = (), *, default_time: int | None = None
) -> Decoded:
    """All metrics of ``data``; the last line needs no newline.

    Consecutive lines with one measurement and one set of envelope tags form a batch, up to 500 rows
    or until a field changes its type. Fields that a line lacks are absent cells. Run ends
    (``osquery_run``) come as such. The field ``osquery_row`` of a row that has no other is not
    taken for a column.

    ``decode(encode(batch, "keep"), tag_columns=<columns marked tag>)`` gives the batch back: same
    measurement, tags, times and cells by column name. What differs: empty columns are gone, names
    are those on the wire, tags are text and an empty one is absent, ``unsigned`` without its suffix
    is ``integer``, and columns stand in the order in which the rows first show them, tags first.

    Args:
        data: whole lines.
        tag_columns: tags that are columns and not part of the envelope. The exact value of a tag
            that had to be changed is put back from its field ``exact_<tag>``.
        default_time: ns, for lines without a time (Telegraf takes the time of reading); without it
            such lines are bad.
    """
    decoder = Decoder(tag_columns, default_time=default_time)
    items = decoder.feed(data, last=True)
    return Decoded(items, decoder.bad)


def split_lines(data: bytes) -> tuple[list[bytes], bytes]:
    """The lines of ``data`` byte for byte, and the unfinished rest.

    Newlines inside strings do not split. Comments and blank lines stand alone; bad lines go as far
    as the newline where reading would go on. Joined, lines and rest are ``data`` again.
    """
    lines = []
    end = 0
    for start, end, _ in scan(data, last=False):
        lines.append(data[start:end])
    return lines, data[end:]


class Decoder:
    """A stream of line protocol, fed in chunks of any size.

    Attributes:
        bad: the first bad lines.
        bad_count: all of them.
    """

    def __init__(
        self, tag_columns: Collection[str] = (), *, default_time: int | None = None
    ) -> None:
        """As ``decode``."""
        self.bad: list[BadLine] = []
        self.bad_count = 0
        self._tag_columns = frozenset(tag_columns)
        self._heads = Heads(self._tag_columns)
        self._default_time = default_time
        self._rest = b""
        self._newlines = 0
        self._overlong = False
        self._group: Group | None = None
        self._items: list[Item] = []

    def feed(self, chunk: bytes, *, last: bool = False) -> list[Item]:
        """The items of the lines that are now complete.

        A line cut by the end of a chunk waits for the next. With ``last`` the end of the data ends
        the line; a stream that broke off should be closed with ``finish`` instead, since a cut line
        may be a valid wrong metric.
        """
        data = self._rest + chunk
        if self._overlong:
            data = self._drop_to_newline(data)
        end = 0
        if last or b"\n" in chunk:
            for start, stop, found in scan(data, last=last):
                self._found(data, start, stop, found)
                # Blanks before an unfinished line stay with it, so that its columns count right.
                end = stop if found else data.rfind(b"\n", start, stop) + 1 or start
        self._newlines += data.count(b"\n", 0, end)
        self._rest = data[end:]
        if len(self._rest) > LINE_MAX:
            self._set_aside(
                self._rest, slice(0, LINE_MAX), LINE_MAX, f"a line of at most {LINE_MAX} bytes"
            )
            self._rest, self._overlong = b"", True
        self._flush()
        items, self._items = self._items, []
        return items

    def finish(self) -> None:
        """The stream has ended: what is unfinished is a bad line."""
        if self._rest.strip():
            self._set_aside(self._rest, slice(None), len(self._rest), "the rest of the line")
        self._rest = b""

    def _found(self, data: bytes, start: int, stop: int, found: Thing) -> None:
        if found is None:
            return
        if isinstance(found, Wrong):
            self._set_aside(data, slice(start, stop), found.at, found.expected)
            return
        if isinstance(found, Line):
            head, fields, time = found.head, found.fields, found.time
        else:
            head, text, time = found.groups()
            fields = dict(FIELD.findall(text))
        if time:
            when = int(time)
        elif self._default_time is not None:
            when = self._default_time
        else:
            self._set_aside(data, slice(start, stop), stop, "a time in ns at the end of the line")
            return
        parsed = self._heads.get(head)
        if self._group is None or not self._group.takes(parsed):
            self._flush()
            self._group = Group(parsed, self._tag_columns)
        self._group.add(parsed, fields, when)

    def _flush(self) -> None:
        if self._group is not None:
            self._items += self._group.items()
        self._group = None

    def _set_aside(self, data: bytes, where: slice, at: int, expected: str) -> None:
        self.bad_count += 1
        if len(self.bad) >= BAD_KEPT:
            return
        line = self._newlines + data.count(b"\n", 0, at) + 1
        column = at - data.rfind(b"\n", 0, at)
        found = f"{data[at : at + 1]!r}" if at < len(data) else "the end"
        reason = f"line {line}, column {column}: found {found}, expected {expected}"
        self.bad.append(BadLine(line, column, reason, data[where][:_TEXT_KEPT]))

    def _drop_to_newline(self, data: bytes) -> bytes:
        """Behind an overlong line: what follows its newline."""
        end = data.find(b"\n")
        if end < 0:
            return b""
        self._overlong = False
        self._newlines += 1
        return data[end + 1 :]
