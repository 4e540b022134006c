"""Text functions in linear time: SQLite's answers, without its hours."""

from collections.abc import Callable
from typing import Any

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telegraf_osquery.engines import bounded
from telegraf_osquery.errors import QueryError, QueryTimeout

TEXT = st.text(st.sampled_from("aabé€😀 \t'x"), max_size=12)
VALUE = st.one_of(
    TEXT,
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.sampled_from([0.0, 1.5, -2.25, 1e20, 0.1]),
    st.binary(max_size=6).filter(lambda data: data.isascii()),
)
CALLS = {
    "instr(?, ?)": 2,
    "replace(?, ?, ?)": 3,
    "trim(?)": 1,
    "trim(?, ?)": 2,
    "ltrim(?)": 1,
    "ltrim(?, ?)": 2,
    "rtrim(?)": 1,
    "rtrim(?, ?)": 2,
}


def connected(expired: Callable[[], bool] = lambda: False, limit: int = 1 << 20) -> apsw.Connection:
    made = apsw.Connection(":memory:")
    made.limit(apsw.SQLITE_LIMIT_LENGTH, limit)
    made.config(apsw.SQLITE_DBCONFIG_FP_DIGITS, 15)
    bounded.register(made, expired)
    return made


OURS = connected()
SQLITE = apsw.Connection(":memory:")
SQLITE.config(apsw.SQLITE_DBCONFIG_FP_DIGITS, 15)


def answer(connection: apsw.Connection, call: str, values: list[Any]) -> list[Any]:
    return list(connection.execute(f"SELECT {call}, typeof({call})", values * 2))


@pytest.mark.parametrize("call", CALLS)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_the_answers_are_those_of_sqlite(call: str, data: st.DataObject) -> None:
    """Value and type, for texts, numbers, blobs and NULL."""
    values = data.draw(st.lists(VALUE, min_size=CALLS[call], max_size=CALLS[call]))
    assert answer(OURS, call, values) == answer(SQLITE, call, values)


@settings(max_examples=60, deadline=None)
@given(value=TEXT, characters=st.text(st.characters(max_codepoint=0x200), min_size=17))
def test_trimming_by_many_characters(value: str, characters: str) -> None:
    """More of them than are worth a search of their own."""
    values = [value, characters.replace("\0", "")]
    for name in ("trim", "ltrim", "rtrim"):
        assert answer(OURS, f"{name}(?, ?)", values) == answer(SQLITE, f"{name}(?, ?)", values)


def test_a_needle_that_begins_inside_a_character() -> None:
    """It is found at the begin of a text or nowhere, as characters are what is looked at."""
    for text in ("aé", "é"):
        values = [text, b"\xa9"]
        assert answer(OURS, "instr(?, ?)", values) == answer(SQLITE, "instr(?, ?)", values)


def test_randomblob_gives_as_many_bytes_as_asked_for() -> None:
    """At least one, and other ones each time."""
    rows = list(OURS.execute("SELECT length(randomblob(16)), length(randomblob(-3))"))
    assert rows == [(16, 1)]
    one, other = next(iter(OURS.execute("SELECT randomblob(16), randomblob(16)")))
    assert one != other


@pytest.mark.parametrize("call", ["randomblob(2000)", "replace(hex(zeroblob(200)), '0', 'abc')"])
def test_values_beyond_the_limit_are_refused(call: str) -> None:
    """Before they are made."""
    with pytest.raises(QueryError, match="string or blob too big"):
        list(connected(limit=1000).execute(f"SELECT {call}"))


@pytest.mark.parametrize("call", ["instr('a', 'b')", "trim('a')", "randomblob(1)"])
def test_nothing_is_begun_after_the_deadline(call: str) -> None:
    """A hundred of them in one row end at once."""
    with pytest.raises(QueryTimeout, match="the deadline passed before"):
        list(connected(expired=lambda: True).execute(f"SELECT {call}"))
