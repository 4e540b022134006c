"""osquery's JSON answers."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telegraf_osquery.codecs import json_rows
from telegraf_osquery.errors import CodecError


def _rows(data: bytes, names: tuple[str, ...] = (), size: int = 2) -> list[dict[str, Any]]:
    found, pieces = json_rows.decode(data, names, size=size)
    rows = []
    for piece in pieces:
        columns = [list(column) for column in piece]
        assert len({len(column) for column in columns}) == 1
        assert len(columns[0]) <= size
        rows += [dict(zip(found, row, strict=True)) for row in zip(*columns, strict=True)]
    return rows


def _printed(rows: list[dict[str, str]]) -> bytes:
    """The document as ``osqueryi --json`` prints it."""
    lines = ("  " + json.dumps(row, ensure_ascii=False, sort_keys=True) for row in rows)
    return ("[\n" + ",\n".join(lines) + "\n]\n").encode()


_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=8)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(_TEXT, min_size=1, max_size=4, unique=True).flatmap(
        lambda names: st.lists(st.fixed_dictionaries(dict.fromkeys(names, _TEXT)), max_size=7)
    ),
    st.sampled_from(["lines", "compact", "spread"]),
)
def test_any_layout_gives_the_rows_in_pieces(rows: list[dict[str, str]], layout: str) -> None:
    """One row per line as osquery prints, all in one line, or spread over many."""
    data = {
        "lines": _printed(rows),
        "compact": json.dumps(rows).encode(),
        "spread": b" " + json.dumps(rows, indent=2).encode(),
    }[layout]
    assert _rows(data) == rows


@pytest.mark.parametrize("data", [b"[\n\n]\n", b"[]", b"[\n]", b" [ ] "])
def test_no_rows(data: bytes) -> None:
    """An empty answer has no names of its own."""
    names, pieces = json_rows.decode(data)
    assert (names, list(pieces)) == ((), [])
    names, pieces = json_rows.decode(data, ("a", "b"))
    assert (names, list(pieces)) == (("a", "b"), [])


def test_columns_come_in_the_order_asked_for() -> None:
    """The answer is sorted by name; the statement has its own order, and may have a name twice."""
    data = _printed([{"a": "1", "b": "2"}, {"a": "3", "b": "4"}])
    _, pieces = json_rows.decode(data, ("b", "a", "b"))
    assert [list(map(list, piece)) for piece in pieces] == [[["2", "4"], ["1", "3"], ["2", "4"]]]


def test_rows_that_lack_a_column() -> None:
    """The cell is absent."""
    data = _printed([{"a": "1", "b": "2"}, {"a": "3"}, {}])
    assert _rows(data, size=5) == [
        {"a": "1", "b": "2"},
        {"a": "3", "b": None},
        {"a": None, "b": None},
    ]


def test_names_that_need_escapes_in_json() -> None:
    """A column may be called anything; rows that lack it count as well."""
    data = _printed([{'a"\\\n': "1"}, {}])
    assert _rows(data) == [{'a"\\\n': "1"}, {'a"\\\n': None}]
    assert _rows(b"[{}]", ("\x1f",)) == [{"\x1f": None}]


def test_bytes_that_are_no_utf8_are_replaced() -> None:
    """A file name in Latin-1 costs its letters, not the answer; other pieces are not touched."""
    data = b'[\n  {"a":"caf\xe9"},\n  {"a":"\xc0\x80"},\n  {"a":"\xd1\x8b"}\n]\n'
    assert [row["a"] for row in _rows(data)] == ["caf�", "��", "ы"]


def test_values_that_are_no_text_come_as_they_are() -> None:
    """Loggers can be told to write numbers."""
    data = b'[\n  {"a":1,"b":1.5,"c":null,"d":true}\n]\n'
    assert _rows(data) == [{"a": 1, "b": 1.5, "c": None, "d": True}]


def test_escapes_of_lone_surrogates_pass() -> None:
    """They are replaced where cells are typed."""
    assert _rows(b'[\n  {"a":"\\ud800"}\n]\n') == [{"a": "\ud800"}]


def test_an_answer_that_breaks_off() -> None:
    """What came before is given, then the error says so."""
    data = _printed([{"a": str(number)} for number in range(5)])
    _, pieces = json_rows.decode(data[:-12], size=2)
    assert next(pieces) == [("0", "1")]
    assert next(pieces) == [("2", "3")]
    with pytest.raises(CodecError, match="no ']' at the end"):
        next(pieces)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "expected an array of flat objects"),
        (b'{"a":"1"}', "Expected `array`"),
        (b"[1]", "found no object"),
        (b"[\n  1\n]\n", "found no object"),
        (b'[\n  {"a":"1"},\n  {"b":"2"}\n]\n', r"found columns \['b'\]"),
        (b'[\n  {"a":"1"},\n  {"a":"2"\n]\n', "expected an array"),
        (b"Error: no such table: x\n", "begins 'Error: no such"),
    ],
)
def test_what_is_no_answer(data: bytes, message: str) -> None:
    """The message says what was wrong and how the data begins."""
    with pytest.raises(CodecError, match=message):
        _rows(data)
