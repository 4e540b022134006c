"""Telegraf's grammar, line by line."""

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telegraf_osquery.codecs.lineprotocol import decoder as decoder_module
from telegraf_osquery.codecs.lineprotocol import encode
from telegraf_osquery.codecs.lineprotocol.decoder import Decoder, decode, split_lines
from telegraf_osquery.codecs.lineprotocol.grammar import Line, scan
from telegraf_osquery.model.batch import ROWS_MAX, Batch
from telegraf_osquery.model.run import RunEnd, as_batch
from tests.codecs.batches import batch, points, table


def _fields(text: bytes) -> dict[str, Any]:
    """The fields of one line with this field set; empty when it is refused."""
    decoded = decode(b"m " + text + b" 1\n")
    assert len(decoded.items) + len(decoded.bad) >= 1
    return {
        name: value
        for _, _, fields, _ in points(decoded.items)
        for name, (_, _, value) in fields.items()
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"1i", 1),
        (b"-0i", 0),
        (b"0i", 0),
        (b"-9223372036854775808i", -(2**63)),
        (b"9223372036854775807i", 2**63 - 1),
        (b"18446744073709551615u", 2**64 - 1),
        (b"1.", 1.0),
        (b".5", 0.5),
        (b"-.5", -0.5),
        (b"1e10", 1e10),
        (b"1E+3", 1000.0),
        (b"-2.5e-3", -0.0025),
        (b"007", 7.0),
        (b"1e-400", 0.0),
        (b"1" * 70, float("1" * 70)),
        *((word, True) for word in (b"t", b"T", b"true", b"True", b"TRUE")),
        *((word, False) for word in (b"f", b"F", b"false", b"False", b"FALSE")),
        (b'""', ""),
        (b'"a\nb\r\nc\rd\te\x00\x0b\x1b"', "a\nb\r\nc\rd\te\x00\x0b\x1b"),
        ('"\u2028é"'.encode(), "\u2028é"),
        (rb'"\\ \" x"', '\\ " x'),
        (b'"\xff\xfe"', "\ufffd\ufffd"),
        (b'" , = \x1e"', " , = \x1e"),
    ],
)
def test_values_that_are_taken(text: bytes, value: object) -> None:
    """Value and type are what Telegraf makes of them."""
    fields = _fields(b"a=" + text)
    assert fields == {"a": value}
    assert type(fields["a"]) is type(value)


@pytest.mark.parametrize(
    "text",
    [
        *(b"007i", b"+1i", b"9223372036854775808i", b"-9223372036854775809i", b"i", b"1ii"),
        *(b"-1u", b"18446744073709551616u", b"01u"),
        *(b"+1.5", b"NaN", b"Inf", b"+Inf", b"0x10", b"1_000", b"1e400", b"1e", b"-", b".", b"1i2"),
        *(b"tRUE", b"yes", b"truefalse"),
        *(rb'"\n"', rb'"\x"', b"'x'", b'"x"y', b'"x', b""),
        *(b"1i, b=2i", b"1i,", b"1i,b", b"1i,=2i", b"1i,b=", b"1i b=2i"),
    ],
)
def test_values_that_are_refused(text: bytes) -> None:
    """One bad value costs the whole line, and says where."""
    decoded = decode(b"m a=" + text + b" 1\n")
    assert decoded.items == []
    assert len(decoded.bad) == 1
    assert decoded.bad[0].reason.startswith(f"line {decoded.bad[0].line}, column ")
    assert decoded.bad[0].text == b"m a=" + text + b" 1\n"


@pytest.mark.parametrize(
    ("head", "name", "tags"),
    [
        (b"m,t=a", "m", {"t": "a"}),
        (b'm,t="a"', "m", {"t": '"a"'}),
        (rb"m,t=a\,b\=c\ d", "m", {"t": "a,b=c d"}),
        (rb"m,t=C:\Win\sys", "m", {"t": r"C:\Win\sys"}),
        (rb"m,t=C:\\Win", "m", {"t": r"C:\\Win"}),
        (rb"m,t=a\\\ b", "m", {"t": r"a\\ b"}),
        (rb"m,t=a\"b", "m", {"t": r"a\"b"}),
        (rb"m,t=a\"b\ c", "m", {"t": 'a"b c'}),
        (b"m,t=a,t=b", "m", {"t": "b"}),
        (rb"m,k\ \=\,=a", "m", {"k =,": "a"}),
        (rb"m\ x\,y=z", "m x,y=z", {}),
        (rb"m\=x", r"m\=x", {}),
        (rb"\#m", r"\#m", {}),
        (b'"m"', '"m"', {}),
        ("\ufeffm,é=ы".encode(), "\ufeffm", {"é": "ы"}),
        (b"m,t=\x00\x1e", "m", {"t": "\x00\x1e"}),
    ],
)
def test_heads_that_are_taken(head: bytes, name: str, tags: dict[str, str]) -> None:
    """Measurement and tags without their escapes."""
    decoded = decode(head + b" a=1i 1\n")
    assert [(found[0], dict(found[1])) for found in points(decoded.items)] == [(name, tags)]


@pytest.mark.parametrize(
    "head",
    [
        *(b"", b",t=a", b"m,", b"m,t", b"m,t=", b"m,=a", b"m,t=a=b", b"m ,t=a", b"m,t=a,,u=b"),
        *(b"m,t=a\tb", b"m,t=a\\\tb", b"m,t=a\x0bb", b"m,t=a\x0cb", b"m,t=a\rb", b"m\r"),
        *(b"m,t=a\\", b"m,t=a\\\\", b"m\\", b"m,t\\=a"),
    ],
)
def test_heads_that_are_refused(head: bytes) -> None:
    """What has no encoding does not pass either."""
    decoded = decode(head + b" a=1i 1\n")
    assert decoded.items == []
    assert len(decoded.bad) == 1


def test_a_line_feed_in_a_tag_begins_a_new_metric() -> None:
    """So the encoder may never write one."""
    decoded = decode(b"m,t=a\nb f=1 5\n")
    assert [found[0] for found in points(decoded.items)] == ["b"]
    assert (decoded.bad[0].line, decoded.bad[0].column) == (1, 6)


@pytest.mark.parametrize(
    ("key", "name"),
    [
        (rb"a\ b\,c\=d", "a b,c=d"),
        (b'a"b', 'a"b'),
        (rb"a\\", r"a\\"),
        (rb"a\b", r"a\b"),
        (b"#a", "#a"),
    ],
)
def test_field_keys_that_are_taken(key: bytes, name: str) -> None:
    """Field keys without their escapes."""
    assert _fields(key + b"=1i") == {name: 1}


@pytest.mark.parametrize("key", [rb"a\,b", rb"a\\,b", b"a\\", b"", b"a b", b"a\tb", b"a=b"])
def test_field_keys_that_are_refused_or_become_another(key: bytes) -> None:
    """A backslash before a separator joins it to the key."""
    fields = _fields(key + b"=1i")
    assert fields == ({"a,b": 1} if key == rb"a\,b" else {})


@pytest.mark.parametrize(
    ("text", "times"),
    [
        (b"m a=1i 5", [5]),
        (b"m a=1i -9223372036854775808\n", [-(2**63)]),
        (b"m a=1i 0009\n", [9]),
        (b"  m a=1i  5 \r\n", [5]),
        (b"m\x0b\x0c\ta=1i\t5\t\n", [5]),
        (b'\n\r\n \t\n# comment "\nm a=1i 5\n  # x\nm a=1i 6\n#', [5, 6]),
        (b"#only", []),
    ],
)
def test_times_blanks_and_comments(text: bytes, times: list[int]) -> None:
    """Blanks may stand before, between and behind; comments and empty lines are no metrics."""
    decoded = decode(text)
    assert (decoded.bad, [time for _, _, _, time in points(decoded.items)]) == ([], times)


@pytest.mark.parametrize(
    "time",
    [b"1.5", b"12345678901234567890", b"9223372036854775808", b"5x", b"5 6", b"-", b"+5", b"5\r "],
)
def test_times_that_are_refused(time: bytes) -> None:
    """Whole nanoseconds inside int64, nothing behind them."""
    decoded = decode(b"m a=1i " + time + b"\n")
    assert (decoded.items, len(decoded.bad)) == ([], 1)


def test_lines_without_a_time() -> None:
    """Bad by default, since nothing here reads the clock; or the time that is given."""
    decoded = decode(b"m a=1i\n")
    assert "a time in ns" in decoded.bad[0].reason
    assert points(decode(b"m a=1i\nm a=2i\n", default_time=7).items)[1][3] == 7


def test_an_open_quote_takes_lines_along_and_only_those() -> None:
    """Reading goes on behind the line in which the quote found its partner."""
    data = b'm a="x\nm a=1i 1\nm b="y" 2\nm a=3i 3\n'
    decoded = decode(data)
    assert [time for _, _, _, time in points(decoded.items)] == [3]
    assert [(bad.line, bad.column) for bad in decoded.bad] == [(3, 6)]


def test_of_fields_with_one_name_the_last_counts() -> None:
    """Also across types; a tag and a field of one name are both kept."""
    assert _fields(b'a=1i,b=2i,a="x"') == {"a": "x", "b": 2}
    found = points(decode(b"m,a=t a=1i 1").items)
    assert found == [("m", (("a", "t"),), {"a": ("int", 0, 1)}, 1)]


def test_lines_group_by_measurement_envelope_and_type() -> None:
    """A change of any begins a new batch; fields that are missing do not."""
    data = b"m,h=1 a=1i 1\nm,h=1 b=2 2\nm,h=2 a=1i 3\nn,h=2 a=1i 4\nn,h=2 a=1 5\n"
    items = decode(data).items
    assert [(item.measurement, len(item.rows)) for item in items if isinstance(item, Batch)] == [
        ("m", 2),
        ("m", 1),
        ("n", 1),
        ("n", 1),
    ]
    first = items[0]
    assert isinstance(first, Batch)
    assert table(first) == {"a": ("integer", False, [1, None]), "b": ("double", False, [None, 2.0])}


def test_batches_stay_below_their_cap() -> None:
    """More rows than a batch may have become several."""
    data = b"".join(b"m a=1i %d\n" % time for time in range(ROWS_MAX + 1))
    assert [len(item.rows) for item in decode(data).items if isinstance(item, Batch)] == [500, 1]


def test_a_column_that_is_missing_in_the_first_rows_stands_in_its_place() -> None:
    """Behind the field it follows in its line."""
    (item,) = decode(b"m a=1i,d=1i 1\nm a=1i,b=1i,d=1i 2\n").items
    assert isinstance(item, Batch)
    assert [column.name for column in item.columns] == ["a", "b", "d"]


def test_run_ends_come_as_such() -> None:
    """A foreign metric of that name stays a batch."""
    end = RunEnd(
        host="h", pack="p", query="q", run=3, base=5, rows=2, span=2, rows_total=9, outcome="ok",
        time=7, limited=True, wall_ms=1.5,
    )  # fmt: skip
    assert decode(encode(as_batch(end)).data).items == [end]
    assert isinstance(decode(b"osquery_run,host=h x=1i 5\n").items[0], Batch)


def test_bad_lines_are_counted_and_the_first_kept() -> None:
    """Memory stays bounded however much is wrong."""
    decoder = Decoder()
    decoder.feed(b"x\n" * 300)
    assert (decoder.bad_count, len(decoder.bad)) == (300, decoder_module.BAD_KEPT)
    assert decoder.bad[2].line == 3


def test_the_place_of_a_bad_line_counts_over_chunks() -> None:
    """Line numbers go on where the last chunk ended."""
    decoder = Decoder()
    decoder.feed(b'm a="x\ny" 1\nm a=')
    decoder.feed(b"1j\n")
    assert (decoder.bad[0].line, decoder.bad[0].column) == (3, 6)


def test_a_stream_that_breaks_off_gives_no_cut_metric() -> None:
    """``m a=12`` may have been ``m a=123i``."""
    decoder = Decoder()
    assert decoder.feed(b"m a=1i 1\nm a=12 1") != []
    decoder.finish()
    assert (decoder.bad_count, decoder.bad[0].text) == (1, b"m a=12 1")


def test_an_overlong_line_is_dropped_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """An open quote cannot collect the stream for ever."""
    monkeypatch.setattr(decoder_module, "LINE_MAX", 10)
    decoder = Decoder()
    found = [
        decoder.feed(chunk) for chunk in (b'm a="', b"x" * 10, b"y", b"\nm a=1i 5\n", b"m a=2i 6\n")
    ]
    assert [len(items) for items in found] == [0, 0, 0, 1, 1]
    assert (decoder.bad_count, decoder.bad[0].reason) == (
        1,
        "line 1, column 11: found b'x', expected a line of at most 10 bytes",
    )


def test_what_the_encoder_writes_takes_the_short_way() -> None:
    """Token by token is for what is odd, such as the largest integer."""
    texts = ["a b", 'say "hi"', "x\ny\\", "é", ""]
    made = batch(
        {
            "count(*)": ("integer", [0, -1, 2**63 - 1, -(2**60), None]),
            "t a,g": ("text", texts),
            "share": ("double", [0.1, -0.0, 1e16, 2.5e-7, 3.0]),
            "on": ("boolean", [True, False, None, True, None]),
            "x": ("text", texts),
        },
        tags=["t a,g"],
    )
    found = [found for _, _, found in scan(encode(made, "keep").data, last=True)]
    assert [type(one) for one in found] == [re.Match, re.Match, Line, re.Match, re.Match]


_TOKENS = [
    *(b"m", b"m,t=a", b" ", b"a=1i", b'a="', b'"', b"\\", b"\n", b"\r\n", b",", b"=", b" 5", b"#"),
    *(b"m a=1i 5\n", b'm,t=a b="x\ny",c=2.5 6\n', b"t", b"1e5", b"9" * 19, b"u", b"\t", b"\xff"),
]
_PIECES = st.lists(st.sampled_from(_TOKENS), max_size=30).map(b"".join)


@settings(max_examples=150, deadline=None)
@given(_PIECES, st.lists(st.integers(0, 60), max_size=5))
def test_chunks_change_nothing(data: bytes, cuts: list[int]) -> None:
    """However the stream is cut, the same rows and the same bad lines come out."""
    data += b"\n"
    whole, cut = Decoder(), Decoder()
    expected = points(whole.feed(data))
    found, start = [], 0
    for end in [*sorted(cuts), len(data)]:
        found += points(cut.feed(data[start:end]))
        start = max(start, min(end, len(data)))
    assert found == expected
    assert [(bad.line, bad.column) for bad in cut.bad] == [
        (bad.line, bad.column) for bad in whole.bad
    ]


@settings(max_examples=150, deadline=None)
@given(_PIECES)
def test_split_lines_gives_every_byte_back(data: bytes) -> None:
    """Lines and rest are the data, and each line alone means what it means among the others."""
    lines, rest = split_lines(data)
    assert b"".join(lines) + rest == data
    together = decode(b"".join(lines), default_time=1)
    alone = [decode(line, default_time=1) for line in lines]
    assert points(together.items) == [point for one in alone for point in points(one.items)]
    assert len(together.bad) == sum(len(one.bad) for one in alone)


def test_split_lines_knows_strings() -> None:
    """A newline inside a string does not split; a quote in a tag or a key opens none."""
    data = b'm,t="x a="1\n2" 1\nm a"b=1i 2\n# c\nm a="open'
    lines, rest = split_lines(data)
    assert lines == [b'm,t="x a="1\n2" 1\n', b'm a"b=1i 2\n', b"# c\n"]
    assert rest == b'm a="open'
