"""Single values: what the recorded schedules cannot show."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telegraf_osquery.packs import values

FLAGS: list[tuple[Any, bool, bool]] = [
    (True, True, True),
    (False, False, True),
    ("true", True, True),
    ("TRUE", True, True),
    ("t", True, False),
    ("false", False, True),
    ("1", False, False),
    ("yes", False, False),
    ("", False, False),
    (1, True, False),
    (2, True, False),
    (0, False, False),
    (1 << 32, False, False),
    (1.0, False, False),
    (None, False, False),
    ([True], False, False),
    ({}, False, False),
]


@pytest.mark.parametrize(("value", "result", "silent"), FLAGS)
def test_a_flag_is_read_as_osquery_reads_it(value: Any, result: bool, silent: bool) -> None:
    """Only plain words pass without remark; "1" and "yes" are false."""
    found, note = values.boolean("snapshot", value)
    assert (found, note == "") == (result, silent)


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (-5, 18446744073709551611),
        ("-5", 18446744073709551611),
        (60.0, 4633641066610819072),
        (60.5, 4633711435354996736),
        (99999999999999999999, 4906019910204099648),
        (9223372036854775807, 9223372036854775807),
        ("+60", 60),
        ("\t60", 60),
        ("60s", 60),
        ("0x3c", 0),
        ("18446744073709551616", 0),
        ("9" * 400, 0),
        ("٦٠", 0),
        (True, 0),
        (None, 0),
        ([60], 0),
    ],
)
def test_a_number_is_read_with_the_bits_osquery_prints(value: Any, number: int) -> None:
    """The odd numbers in osquery's own warnings come out the same."""
    assert values.size(value) == number


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (60.0, "write 60"),
        (0, "from 1 to 604800"),
        ("60s", "is read as 60 seconds; write 60"),
        (None, "interval null is not usable"),
    ],
)
def test_an_interval_says_how_to_write_it(value: Any, words: str) -> None:
    """The message has the cure."""
    assert words in values.interval(value)[1]


@pytest.mark.parametrize("value", [0, 1, 99, "50", "0", 100])
def test_a_plain_shard_needs_no_remark(value: Any) -> None:
    """Whole percent, also as text."""
    assert values.shard(value)[1] == ""


@pytest.mark.parametrize("value", [-1, 101, 1.5, "x", "", None, True, [1]])
def test_a_shard_that_restricts_nothing_is_reported(value: Any) -> None:
    """It runs everywhere, which its author did not want."""
    percent, note = values.shard(value)
    assert percent == 0
    assert "restricts nothing" in note


@pytest.mark.parametrize("text", ["debian", "LINUX", "*", "unknown"])
def test_a_platform_that_fits_nowhere_is_reported(text: str) -> None:
    """Words are case-sensitive and few; the message lists them."""
    assert "expected one that contains: all, any, centos, darwin" in values.platform(text)[1]


@pytest.mark.parametrize(
    ("required", "fits"),
    [
        ("", True),
        ("null", True),
        ("5..23", True),
        (" 5 . 24 ", False),
        ("#5", True),
        ("5.23.2", False),
    ],
)
def test_a_version_is_compared_part_by_part(required: str, fits: bool) -> None:
    """Empty parts do not count, and a part without digits is compared as text."""
    assert values.version_fits(required, "5.23.1") is fits


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.integers(0, 30), min_size=3, max_size=3), st.lists(st.integers(0, 30), min_size=1)
)
def test_a_version_fits_when_it_is_not_above(running: list[int], required: list[int]) -> None:
    """Numbers are compared as numbers, over as many parts as both have."""
    depth = min(len(running), len(required))
    fits = values.version_fits(".".join(map(str, required)), ".".join(map(str, running)))
    assert fits == (required[:depth] <= running[:depth] or required == [0, 0, 0])
