r"""The grammar of a line, as Telegraf's state machine has it.

Taken from ``plugins/parsers/influx/machine.go.rl`` and ``escape.go``: strings may hold any byte and
know two escapes only; a quote is special only where a field's value begins; a backslash before a
backslash stands for itself in tags and takes its neighbour along in keys; blanks are TAB, VT, FF
and space; ``\r`` belongs to a line end or is an error. After an error the machine looks for the
next ``\n`` from the byte that was wrong, so an open quote takes the lines behind it along.
"""

import re
from collections.abc import Callable, Iterator
from math import isinf

import msgspec

_Match = Callable[[bytes, int], "re.Match[bytes] | None"]
_INT64 = 1 << 63

_BLANK = rb"[\t\v\f ]"
_ESCAPE = rb"\\[^\t\n\v\f\r]"


def _run(plain: bytes, escape: bytes) -> bytes:
    """One or more of both, as fast as the matcher can: plain bytes in one go, escapes between."""
    return rb"(?:%b++(?:%b%b*+)*+|(?:%b%b*+)++)" % (plain, escape, plain, escape, plain)


_MEASUREMENT = rb"(?!\#)" + _run(rb"[^\t\n\v\f\r ,\\]", _ESCAPE)
_TAG_PART = _run(rb"[^\t\n\v\f\r ,=\\]", rb"(?:\\(?=\\)|\\[^\t\n\v\f\r\\])")
_KEY = _run(rb"[^\t\n\v\f\r ,=\\]", _ESCAPE)
_STRING_BODY = rb'[^"\\]*+(?:\\["\\][^"\\]*+)*+'
_STRING = rb'"%b"' % _STRING_BODY
_BOOLEAN = rb"(?:true|True|TRUE|t|T|false|False|FALSE|f|F)"
# What certainly fits int64 and float64; the rest is looked at one by one.
_INT64_SURELY = rb"(?:-?[1-8][0-9]{0,18}+|-?9[0-9]{0,17}+|0)"
_SHORT_INTEGER = _INT64_SURELY + rb"i"
_SHORT_FLOAT = rb"-?[0-9]{1,64}+(?:\.[0-9]*+)?+(?:[eE][-+]?[0-9]{1,2}+)?+"
_SHORT_VALUE = rb"(?:%b|%b|%b|%b)" % (_STRING, _SHORT_INTEGER, _SHORT_FLOAT, _BOOLEAN)
_HEAD = rb"%b(?:,%b=%b)*+" % (_MEASUREMENT, _TAG_PART, _TAG_PART)
_FIELDS = rb"%b=%b(?:,%b=%b)*+" % (_KEY, _SHORT_VALUE, _KEY, _SHORT_VALUE)

SKIP = re.compile(rb"(?:%b*+\r?\n|%b*+\#[^\n]*+\n|%b++)*+" % (_BLANK, _BLANK, _BLANK))
"""Blank lines, comments, leading blanks."""

LINE = re.compile(
    rb"(%b)%b++(%b)%b++(%b)%b*+\r?\n" % (_HEAD, _BLANK, _FIELDS, _BLANK, _INT64_SURELY, _BLANK)
)
"""Head, fields and time of an ordinary line; what does not match may still be valid."""

FIELD = re.compile(rb'(%b)=(%b|[^,"]++)' % (_KEY, _STRING))
"""Key and value of the fields that ``LINE`` has found."""

_measurement = re.compile(_MEASUREMENT).match
_tag_part = re.compile(_TAG_PART).match
_tag = re.compile(rb",(%b)=(%b)" % (_TAG_PART, _TAG_PART))
_equals = re.compile(rb"=").match
_key = re.compile(_KEY).match
_blanks = re.compile(_BLANK + rb"++").match
_end = re.compile(_BLANK + rb"*+\r?\n").match
_string_body = re.compile(_STRING_BODY).match
_value = re.compile(
    rb"-?(?:0|[1-9][0-9]*+)i|(?:0|[1-9][0-9]*+)u"
    rb"|-?(?:[0-9]++(?:\.[0-9]*+)?+|\.[0-9]++)(?:[eE][-+]?[0-9]++)?+|" + _BOOLEAN
).match
_time = re.compile(rb"-?[0-9]{1,19}+").match
_escaped_part = re.compile(rb'\\([ ,="])')
_escaped_name = re.compile(rb"\\([ ,])")


class Line(msgspec.Struct):
    """One line.

    Attributes:
        head: measurement and tags as they stand.
        fields: keys and values as they stand: quoted, or with their suffix.
        time: as it stands; empty when the line has none.
        end: offset behind the line.
    """

    head: bytes
    fields: dict[bytes, bytes]
    time: bytes
    end: int


class Wrong(Exception):  # noqa: N818 - leads to a record, is never shown
    """The byte at ``at`` cannot stand there; ``expected`` says what could."""

    def __init__(self, at: int, expected: str) -> None:
        super().__init__(expected)
        self.at = at
        self.expected = expected


class Unfinished(Exception):  # noqa: N818 - a state
    """The data ends inside the line."""


def parse_head(head: bytes) -> tuple[str, dict[str, str]]:
    """Measurement and tags; of two tags with one key the last counts."""
    found = _measurement(head)
    end = found.end() if found else 0
    name = _escaped_name.sub(rb"\1", head[:end])
    tags = {}
    for key, value in _tag.findall(head, end):
        tags[part(key)] = part(value)
    return name.decode("utf-8", "replace"), tags


def part(raw: bytes) -> str:
    r"""A tag key, tag value or field key without its escapes.

    Telegraf looks for escapes only where a separator occurs; in other parts ``\"`` stays.
    """
    if b"\\" in raw and (b" " in raw or b"," in raw or b"=" in raw):
        raw = _escaped_part.sub(rb"\1", raw)
    return raw.decode("utf-8", "replace")


def parse_line(data: bytes, start: int, *, last: bool) -> Line:
    """Take the line at ``start`` apart, token by token.

    ``last`` says that no more data will come: its end then ends the line.

    Raises:
        Wrong: where Telegraf's machine would stop.
        Unfinished: more data may make it a line, or is needed to find the end of a wrong one.
    """
    try:
        return _Parser(data, start, last=last).line()
    except Wrong as wrong:
        if last or data.find(b"\n", wrong.at) >= 0:
            raise
        raise Unfinished from None


class _Parser:
    def __init__(self, data: bytes, start: int, *, last: bool) -> None:
        self._data = data
        self._at = start
        self._last = last

    def line(self) -> Line:
        start = self._at
        self._take(_measurement, "a measurement")
        while self._next() == b",":
            self._at += 1
            self._take(_tag_part, "a tag key")
            self._take(_equals, "'=' after the tag key")
            self._take(_tag_part, "a tag value")
        head = self._data[start : self._at]
        self._take(_blanks, "',' or a blank before the fields")
        fields: dict[bytes, bytes] = {}
        self._field(fields)
        while self._next() == b",":
            self._at += 1
            self._field(fields)
        time = self._time()
        return Line(head, fields, time, self._at)

    def _next(self) -> bytes:
        byte = self._data[self._at : self._at + 1]
        if not byte and not self._last:
            raise Unfinished
        return byte

    def _take(self, match: _Match, expected: str) -> bytes:
        found = match(self._data, self._at)
        if not found:
            raise Wrong(self._at, expected)
        self._at = found.end()
        return found.group()

    def _field(self, fields: dict[bytes, bytes]) -> None:
        key = self._take(_key, "a field key")
        self._take(_equals, "'=' after the field key")
        if self._next() == b'"':
            fields[key] = self._string()
            return
        value = self._take(_value, "a value: 1i, 1u, 1.5, true, false or a quoted string")
        if value.endswith(b"i") and not -_INT64 <= int(value[:-1]) < _INT64:
            raise Wrong(self._at, "an integer inside int64")
        if value.endswith(b"u") and int(value[:-1]) >= _INT64 * 2:
            raise Wrong(self._at, "an unsigned integer inside uint64")
        if value[-1:].isdigit() and isinf(float(value)):
            raise Wrong(self._at, "a float inside float64")
        fields[key] = b"0i" if value == b"-0i" else value

    def _string(self) -> bytes:
        start = self._at
        self._at += 1
        self._take(_string_body, "a string")
        if self._next() != b'"':
            raise Wrong(self._at, 'a closing quote, \\\\ or \\"')
        self._at += 1
        return self._data[start : self._at]

    def _time(self) -> bytes:
        """The time and the end of the line."""
        blanks = _blanks(self._data, self._at)
        time = b""
        if blanks:
            self._at = blanks.end()
            found = _time(self._data, self._at)
            time = found.group() if found else b""
            self._at += len(time)
            if time and not -_INT64 <= int(time) < _INT64:
                raise Wrong(self._at, "a time inside int64 nanoseconds")
        end = _end(self._data, self._at)
        if not end:
            if self._next():
                raise Wrong(self._at, "',', a time or the end of the line")
            return time
        self._at = end.end()
        return time


Thing = re.Match[bytes] | Line | Wrong | None
"""An ordinary line (head, fields, time), an odd but valid one, a bad one; None: blank, comment."""


def scan(data: bytes, *, last: bool) -> Iterator[tuple[int, int, Thing]]:
    """What lies from where to where in ``data``, without gaps; an unfinished end is not given."""
    at = 0
    while at < len(data):
        start = at
        at = SKIP.match(data, at).end()  # type: ignore[union-attr]
        if last and data.startswith(b"#", at):
            at = len(data)  # a comment that the end of the data ends
        if at > start:
            yield start, at, None
            continue
        if ordinary := LINE.match(data, at):
            at = ordinary.end()
            yield start, at, ordinary
            continue
        try:
            odd = parse_line(data, at, last=last)
            at = odd.end
            yield start, at, odd
        except Unfinished:
            return
        except Wrong as wrong:
            at = data.find(b"\n", wrong.at) + 1 or len(data)
            yield start, at, wrong
