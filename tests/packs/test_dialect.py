"""The text of packs: what is accepted, and what a person is told when it is not."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telegraf_osquery.errors import CodecError
from telegraf_osquery.packs.dialect import DEPTH_MAX, read

FAULTS = [
    (b'{"a": 1,}', 1, 8, "trailing comma: osquery refuses it too; remove it"),
    (b'{"a": [1,\n 2,\n]}', 2, 3, "trailing comma"),
    (b'{"a": 1} # tail\n', 1, 10, "put it on a line of its own"),
    (b'{"a": 1, // tail\n"b": 2}', 1, 10, "put it on a line of its own"),
    (b'/* c */\n{"a": 1}', 1, 1, "a block comment"),
    (b"{'a': 1}", 1, 2, "write double quotes"),
    (b"{a: 1}", 1, 2, "found 'a: 1}'; expected JSON"),
    (b'\xef\xbb\xbf{"a": 1}', 1, 1, "byte order mark"),
    (b'{"a": "x\n y"}', 1, 9, "end it with a backslash"),
    (b'{"a": "x\ty"}', 1, 9, "a tab inside a string"),
    (b'{"a": "x \\ \n y"}', 1, 10, "only as the last character before LF"),
    (b'{"a": "x \\\r\n y"}', 1, 10, "only as the last character before LF"),
    (b'{"a": 1}\n{"b": 2}', 2, 1, "more text after the document"),
    (b'{"a": 1}\ngarbage', 2, 1, "more text after the document"),
    (b'{"a": NaN}', 1, 7, "NaN"),
    (b'{"b": "NaN", "a": -Infinity}', 1, 19, "-Infinity"),
    (b'{"a": 1', 1, 8, "ends too early"),
    (b"", 1, 1, "the file is empty"),
    (b"# nothing\n", 1, 1, "the file is empty"),
    (b"[]", 1, 1, "found a list; expected an object"),
    (b"null", 1, 1, "found null"),
    (b'{"a": \\\n  1, \\\n "b": x}', 3, 7, "found 'x}'"),
    (b'# one\n{"a": 1,\n# two\n "b": x}', 4, 7, "found 'x}'"),
    (b'{"a": "\\ud800"}', 0, 0, "half a surrogate pair"),
    (b'{"a": 1e999}', 0, 0, "a number too large"),
]


@pytest.mark.parametrize(("data", "line", "column", "words"), FAULTS)
def test_a_fault_is_named_with_its_place_and_cure(
    data: bytes, line: int, column: int, words: str
) -> None:
    """Line and column are those of the file as written, also after comments and joined lines."""
    with pytest.raises(CodecError) as caught:
        read(data)
    assert words in str(caught.value)
    assert (caught.value.line, caught.value.column) == (line, column)


def test_too_many_levels_are_refused() -> None:
    """Thirty-two levels pass, one more does not, and a thousand times more neither."""
    assert read(b'{"a":' * (DEPTH_MAX - 1) + b"{}" + b"}" * (DEPTH_MAX - 1)).data
    for depth in (DEPTH_MAX + 1, 1000 * DEPTH_MAX):
        with pytest.raises(CodecError, match="deep"):
            read(b'{"a":' * depth + b"1" + b"}" * depth)


def test_the_first_of_two_equal_keys_counts_and_is_reported() -> None:
    """As osquery reads it; most other readers keep the last."""
    reading = read(b'{"a": {"q": 1, "q": 2}, "a": {}}')
    assert reading.data == {"a": {"q": 1}}
    assert sorted(note.split('"')[1] for _, note in reading.notes) == ["a", "q"]


def test_bytes_that_are_no_utf8_are_replaced_and_reported() -> None:
    """The text stays usable for every later encoder, and the line is named."""
    reading = read(b'{"a": 1,\n"b\xff": "\xfe"}')
    assert reading.data == {"a": 1, "b\ufffd": "\ufffd"}
    assert "line 2 is not UTF-8" in reading.notes[0][1]


def test_files_of_a_pattern_lose_their_types() -> None:
    """Every scalar becomes text, numbers as written; what is empty becomes empty text."""
    text = b'{"a": 60.0, "b": true, "c": null, "d": [], "e": [1, false], "f": {}}'
    assert read(text, scalars_as_text=True).data == {
        "a": "60.0",
        "b": "true",
        "c": "null",
        "d": "",
        "e": ["1", "false"],
        "f": "",
    }


_TEXT = st.text().filter(lambda text: "\0" not in text)
_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(_TEXT, _VALUES, max_size=4), st.booleans())
def test_what_was_written_is_read_back(data: dict[str, Any], indent: bool) -> None:
    """Any document survives, with comments between its lines and with all its lines joined."""
    text = json.dumps(data, indent=1 if indent else None, ensure_ascii=False)
    commented = "\n".join(f"# {n}\n{line}\n  // x" for n, line in enumerate(text.split("\n")))
    joined = text.replace("\n", "\\\n")
    for form in (text, commented, joined, text.replace("\n", "\r\n")):
        assert read(form.encode()).data == data


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60) | st.text(alphabet='{}[]",:\\\n#/ ae1-.tn\0', max_size=40))
def test_no_text_does_anything_but_parse_or_be_refused(data: bytes | str) -> None:
    """Garbage gives an object or an error with a place inside the file."""
    raw = data if isinstance(data, bytes) else data.encode()
    line = 1
    try:
        found = read(raw).data
    except CodecError as error:
        found, line = {}, error.line
    assert isinstance(found, dict)
    assert 0 <= line <= raw.count(b"\n") + 1
