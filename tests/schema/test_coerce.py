"""Typing of raw cells."""

import math
from typing import Any

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telegraf_osquery.model.column import Column, Type
from telegraf_osquery.schema.coerce import as_text, coerce, unescape

INT64 = st.integers(-(2**63), 2**63 - 1)
# Fifteen digits are what osquery writes, so these survive the way through text.
DECIMAL = st.builds(
    lambda m, e: float(f"{m}e{e}"), st.integers(-(10**14), 10**14), st.integers(-9, 9)
)
QUICK = settings(max_examples=150, deadline=None)


def _one(type_: Type, cells: list[Any]) -> tuple[list[Any], bool, int]:
    rows, faults = coerce([cells], [Column("c", type_)])
    assert len(rows) == len(cells)
    return list(rows.values(0)), rows.is_digits(0), sum(fault.count for fault in faults)


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("", None),
        (None, None),
        ("0", 0),
        ("-0", 0),
        ("007", 7),
        ("+5", 5),
        (" 12 ", 12),
        ("-9223372036854775808", -(2**63)),
        ("9223372036854775807", 2**63 - 1),
        ("2.0", 2),
        (2.0, 2),
        (True, 1),
        (b"12", 12),
        ("   ", None),
    ],
)
def test_integers_in_all_spellings(cell: object, value: int | None) -> None:
    """What means a whole number becomes it, alone and beside plain cells."""
    assert (_one("integer", [cell])[0], _one("integer", [cell])[2]) == ([value], 0)
    assert _one("integer", ["1", cell, "2"])[0] == [1, value, 2]


@pytest.mark.parametrize(
    "cell",
    ["9223372036854775808", "-9223372036854775809", "1" * 5000, "2.5", 2.5, "x", "1\n2", "1e300"],
)
def test_what_is_no_int64_is_absent_and_counted(cell: object) -> None:
    """Nothing is clamped, rounded or guessed."""
    assert _one("integer", ["1", cell])[0] == [1, None]
    assert _one("integer", ["1", cell])[2] == 1


@pytest.mark.parametrize(
    "cell", ["inf.0", "٣", "0x10", "1_0", b"\xff", 2**63, 1e18, "--1", "-", "+", "1 2"]
)
def test_odd_digits_and_signs_are_no_numbers(cell: object) -> None:
    """Only ASCII digits with one sign in front are a number."""
    assert _one("integer", ["1", cell])[0] == [1, None]
    assert _one("integer", ["1", cell])[2] == 1


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("18446744073709551615", 2**64 - 1),
        ("9223372036854775808", 2**63),
        ("-1", 2**64 - 1),
        (-1, 2**64 - 1),
        (-(2**63), 2**63),
        ("-9223372036854775808", 2**63),
        (7, 7),
        ("", None),
    ],
)
def test_unsigned_reads_the_wrap_of_sqlite(cell: object, value: int | None) -> None:
    """A negative cell carries the same 64 bits as the large number it stands for."""
    assert _one("unsigned", [cell])[0] == [value]
    assert _one("unsigned", [cell, "3"])[0] == [value, 3]


@pytest.mark.parametrize("cell", ["18446744073709551616", 2**64, "-9223372036854775809", "1.5"])
def test_what_is_no_uint64_is_absent_and_counted(cell: object) -> None:
    """Beyond 64 bits there is nothing to wrap."""
    assert _one("unsigned", [cell]) == ([None], False, 1)


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("1e+20.0", 1e20),
        ("1.0e+20", 1e20),
        ("-1e-07.0", -1e-07),
        ("100000000000000000000.0", 1e20),
        (".5", 0.5),
        ("5.", 5.0),
        ("", None),
        (None, None),
        (3, 3.0),
        ("3", 3.0),
        (" 1.5 ", 1.5),
        (b"1.5", 1.5),
    ],
)
def test_doubles_as_osquery_spells_them(cell: object, value: float | None) -> None:
    """The log's, the socket's and the shell's forms give the same number."""
    assert _one("double", [cell]) == ([value], False, 0)
    assert _one("double", ["0.25", cell])[0] == [0.25, value]


@pytest.mark.parametrize(
    "cell", ["inf.0", "Inf", "-inf.0", "nan", "1e999", math.inf, math.nan, "1_0"]
)
def test_what_is_not_finite_is_absent_and_counted(cell: object) -> None:
    """A time series has no place for infinity."""
    assert _one("double", [cell, "1.5"]) == ([None, 1.5], False, 1)
    assert _one("double", [cell, 1.5]) == ([None, 1.5], False, 1)


@pytest.mark.parametrize(
    ("cell", "value", "faults"),
    [
        ("1", True, 0),
        ("0", False, 0),
        (1, True, 0),
        (False, False, 0),
        ("TRUE", True, 0),
        ("", None, 0),
        (None, None, 0),
        ("-1", None, 1),
        (2, None, 1),
        ("yes", None, 1),
    ],
)
def test_declared_booleans(cell: object, value: bool | None, faults: int) -> None:
    """0 and 1 and the two words; ``-1`` means that the table does not know."""
    assert _one("boolean", [cell]) == ([value], False, faults)


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (None, ""),
        (12, "12"),
        (True, "1"),
        (1e20, "1.0e+20"),
        (2.0, "2.0"),
        (-0.0, "0.0"),
        (1 / 3, "0.333333333333333"),
        (math.inf, "Inf"),
        (math.nan, ""),
        (b"a\xffb", "a\ufffdb"),
        ("a\udcffb", "a\ufffdb"),
        ("привет", "привет"),
    ],
)
def test_any_value_becomes_valid_text(cell: object, text: str) -> None:
    """A text column takes every cell and gives what can be encoded."""
    assert _one("text", [cell, "x"])[0] == [text, "x"]
    text.encode()


@given(st.floats(-1e300, 1e300))
@QUICK
def test_doubles_keep_fifteen_digits(value: float) -> None:
    """A printed double has a point and reads back as the number, up to its sixteenth digit."""
    text = as_text(value)
    assert "." in text.partition("e")[0]
    assert math.isclose(float(text), value, rel_tol=1e-14, abs_tol=5e-324)


@given(DECIMAL)
@QUICK
def test_doubles_print_as_sqlite_does(value: float) -> None:
    """Fifteen digits, a point, the exponent: the same as SQLite's own printer."""
    connection = apsw.Connection(":memory:")
    expected = connection.execute("SELECT printf('%!.15g', ?)", (value,)).fetchall()[0][0]
    connection.close()
    assert as_text(value) == expected


@given(st.lists(INT64 | st.none(), min_size=1))
@QUICK
def test_integers_do_not_depend_on_the_engine(values: list[int | None]) -> None:
    """Text, native and mixed cells of the same numbers give the same values."""
    texts = ["" if value is None else str(value) for value in values]
    assert _one("integer", texts) == (values, True, 0)
    assert _one("integer", values)[0] == values
    assert _one("integer", [*texts, 1])[0] == [*values, 1]


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1))
@QUICK
def test_unsigned_does_not_depend_on_the_engine(values: list[int]) -> None:
    """Text, native and wrapped native cells give the same values."""
    assert _one("unsigned", [str(value) for value in values]) == (values, True, 0)
    wrapped = [value - 2**64 if value >= 2**63 else value for value in values]
    assert _one("unsigned", wrapped)[0] == values
    assert _one("unsigned", [str(value) for value in wrapped])[0] == values


@given(st.lists(DECIMAL | st.none(), min_size=1))
@QUICK
def test_doubles_do_not_depend_on_the_engine(values: list[float | None]) -> None:
    """The text of fifteen digits and the native number give the same values."""
    texts = ["" if value is None else as_text(value) for value in values]
    logged = [
        text if "e" not in text or "." in text.partition("e")[0] else f"{text}.0" for text in texts
    ]
    assert _one("double", texts)[0] == values == _one("double", values)[0]
    assert _one("double", logged)[0] == values


@given(st.lists(st.text() | st.none(), min_size=1))
@QUICK
def test_texts_do_not_depend_on_the_engine(values: list[str | None]) -> None:
    """NULL is the empty text whichever engine answers, and all else stays as it is."""
    texts = [value or "" for value in values]
    assert _one("text", texts) == (texts, False, 0)
    assert _one("text", values)[0] == texts
    assert _one("text", [value.encode() if value else value for value in values])[0] == texts


@given(
    st.lists(st.text(alphabet="0123456789+-.eE \nx", max_size=22) | INT64 | st.none(), min_size=1)
)
@QUICK
def test_columns_equal_their_cells(cells: list[Any]) -> None:
    """Whatever the fast paths do, a column is typed as its cells would be one by one."""
    types: tuple[Type, ...] = ("integer", "unsigned", "double", "boolean", "text")
    for type_ in types:
        singles = [_one(type_, [cell]) for cell in cells]
        values, _, bad = _one(type_, cells)
        assert values == [one[0][0] for one in singles]
        assert bad == sum(one[2] for one in singles)


@given(st.lists(st.text(alphabet="0123456789-+ \n", max_size=21), min_size=1))
@QUICK
def test_decimal_text_is_canonical(cells: list[str]) -> None:
    """A column held as digits can be written as it stands."""
    rows, _ = coerce([cells, cells], [Column("a", "integer"), Column("b", "unsigned")])
    for column in (0, 1):
        if rows.is_digits(column):
            assert all(c is None or c == str(int(c)) for c in rows.cells(column))


def test_faults_name_the_column_and_show_one_cell() -> None:
    """The caller can count drops by column and say what was found."""
    columns = [Column("pid", "integer"), Column("name"), Column("load", "double")]
    rows, faults = coerce([["1", "x", "y"], ["a", "b", "c"], ["", "1.5", "Inf"]], columns)
    assert list(rows.tuples()) == [(1, "a", None), (None, "b", 1.5), (None, "c", None)]
    assert [(f.column, f.count, f.example) for f in faults] == [
        ("pid", 2, "'x'"),
        ("load", 1, "'Inf'"),
    ]


def test_plain_text_cells_are_not_copied() -> None:
    """Columns that are right as they come are taken over, not rebuilt."""
    names, pids = ["a", "b"], ["1", "-2"]
    rows, _ = coerce([names, pids], [Column("name"), Column("pid", "integer")])
    assert rows.cells(0) is names
    assert rows.cells(1) is pids


def test_no_rows_and_no_columns() -> None:
    """Empty chunks are no special case."""
    assert len(coerce([], [])[0]) == 0
    for type_ in ("integer", "unsigned", "double", "boolean", "text"):
        assert _one(type_, []) == ([], False, 0)


@pytest.mark.parametrize(
    ("cell", "plain"),
    [
        (r"/home/\xD0\x9F\xD1\x83\xD1\x82\xD1\x8C", "/home/Путь"),
        (r"a\x0Ab", "a\nb"),
        (r"C:\xD0", r"C:\xD0"),
        ("no escape", "no escape"),
        (r"\x", r"\x"),
        (12, 12),
        (None, None),
    ],
)
def test_old_escapes_are_undone_on_request(cell: object, plain: object) -> None:
    """Before 5.22 every byte outside ASCII was escaped; what is no UTF-8 is left alone."""
    assert unescape([cell]) == [plain]


@given(st.text())
@QUICK
def test_what_an_old_release_escaped_comes_back(text: str) -> None:
    """Escaping every byte outside ASCII, then undoing it, gives the text."""
    safe = text.replace("\\", "/")
    escaped = "".join(
        chr(byte) if 32 <= byte < 127 else f"\\x{byte:02X}" for byte in safe.encode("utf-8")
    )
    assert unescape([escaped]) == [safe]
