"""What stands in the lines."""

from typing import Any

import pytest

from telegraf_osquery.codecs.lineprotocol import encode
from telegraf_osquery.codecs.lineprotocol.cells import Newline
from telegraf_osquery.errors import CodecError
from telegraf_osquery.model.batch import Batch
from telegraf_osquery.model.column import Column
from telegraf_osquery.model.rows import Rows
from tests.codecs.batches import BASE, batch


def _lines(made: Batch, newline: Newline = "escape", **options: Any) -> list[str]:
    encoded = encode(made, newline, **options)
    assert encoded.lines == len(made.rows)
    assert encoded.data.endswith(b"\n")
    return encoded.data.decode().replace(f"{BASE}"[:-1], "T").splitlines()


def _field(type_: Any, cell: Any, newline: Newline = "escape", **options: Any) -> str:
    line = _lines(batch({"c": (type_, [cell])}), newline, **options)[0]
    return line.removeprefix("osquery_main_q,host=web-1 ").removesuffix(" T0")


def test_envelope_then_tag_columns_then_fields_in_column_order() -> None:
    """Keys stand in one order for ever, and row i is i nanoseconds after the first."""
    made = batch(
        {"pid": ("integer", [1, 2]), "name": ("text", ["a", "b"]), "x": ("double", [1.5, 2.0])},
        tags=["name"],
        envelope=(("host", "h"), ("osquery_pack", "main")),
    )
    assert _lines(made) == [
        "osquery_main_q,host=h,osquery_pack=main,name=a pid=1i,x=1.5 T0",
        "osquery_main_q,host=h,osquery_pack=main,name=b pid=2i,x=2.0 T1",
    ]


def test_absent_cells_leave_their_field_out_wherever_they_stand() -> None:
    """The first, a middle and the last field may be missing; no comma is left behind."""
    made = batch(
        {
            "a": ("integer", [None, 1, None]),
            "b": ("text", ["x", "y", "z"]),
            "c": ("text", ["", None, None]),
            "d": ("boolean", [None, True, False]),
        }
    )
    assert [line.split(" ", 1)[1] for line in _lines(made)] == [
        'b="x",c="" T0',
        'a=1i,b="y",d=true T1',
        'b="z",d=false T2',
    ]


def test_no_column_is_complete() -> None:
    """A row with nothing but absent cells carries its offset."""
    made = batch({"a": ("integer", [None, 1, None]), "b": ("text", ["x", None, None])})
    fields = [line.split(" ")[1] for line in _lines(made)]
    assert fields == ['b="x"', "a=1i", "osquery_row=2i"]


def test_rows_without_any_column_carry_their_offset() -> None:
    """Only tags, or nothing at all: there is still one metric per row."""
    only_tags = batch({"name": ("text", ["a", ""])}, tags=["name"])
    assert [line.split(",", 2)[-1] for line in _lines(only_tags)] == [
        "name=a osquery_row=0i T0",
        "host=web-1 osquery_row=1i T1",
    ]
    nothing = Batch("m", (), (), Rows([], length=1), BASE, [7])
    assert encode(nothing).data == b"m osquery_row=7i %d\n" % (BASE + 7)


def test_no_rows_no_lines() -> None:
    """An empty batch is no bytes."""
    assert encode(batch({"a": ("integer", [])})).data == b""


@pytest.mark.parametrize(
    ("type_", "cell", "text"),
    [
        ("integer", -(2**63), "c=-9223372036854775808i"),
        ("integer", 2**63 - 1, "c=9223372036854775807i"),
        ("integer", True, "c=1i"),
        ("unsigned", 5, "c=5i"),
        ("double", 0.1, "c=0.1"),
        ("double", 1e300, "c=1e+300"),
        ("double", -0.0, "c=-0.0"),
        ("double", 3, "c=3.0"),
        ("boolean", True, "c=true"),
        ("text", 'say "hi" C:\\x', 'c="say \\"hi\\" C:\\\\x"'),
        ("text", "", 'c=""'),
        ("text", "\x00\x1e\r\té\U0001f600", 'c="\x00\x1e\r\té\U0001f600"'),
        ("text", b"caf\xe9", 'c="caf�"'),
        ("text", 12, 'c="12"'),
    ],
)
def test_values_as_they_stand(type_: Any, cell: Any, text: str) -> None:
    """Each type has one spelling, taken from the column and not from the value."""
    data = encode(batch({"c": (type_, [cell])})).data.decode()
    assert data == f"osquery_main_q,host=web-1 {text} {BASE}\n"


@pytest.mark.parametrize("cell", [float("nan"), float("inf"), -float("inf"), "x", 10**400])
def test_what_is_no_finite_double_is_left_out_and_counted(cell: object) -> None:
    """NaN and infinities have no spelling; the other rows keep their values."""
    encoded = encode(batch({"c": ("double", [1.0, cell]), "d": ("integer", [1, 2])}))
    assert (b"c=1.0," in encoded.data, encoded.data.count(b"c="), encoded.left_out) == (True, 1, 1)


@pytest.mark.parametrize("type_", ["integer", "boolean"])
def test_cells_of_another_type_are_left_out_and_counted(type_: Any) -> None:
    """A field never changes its type, whatever the cell is."""
    encoded = encode(batch({"c": (type_, ["x", None, True])}))
    assert (encoded.data.count(b"c="), encoded.left_out) == (1, 1)


def test_integers_held_as_text_are_written_as_they_stand() -> None:
    """No number is made of them on the way."""
    rows = Rows([["-12", None, "9223372036854775807"]], digits=frozenset({0}))
    made = Batch("m", (), (Column("c", "integer"),), rows, BASE, range(3))
    fields = [line.split(" ")[1] for line in _lines(made)]
    assert fields == ["c=-12i", "osquery_row=1i", "c=9223372036854775807i"]


@pytest.mark.parametrize("held", [int, str])
def test_large_unsigned_numbers_are_clamped_and_kept_as_text(held: Any) -> None:
    """The field stays an integer for ever; the digits stand beside it."""
    numbers = [held(2**63 - 1), None, held(2**64 - 1)]
    rows = Rows([numbers], digits=frozenset({0} if held is str else ()))
    made = Batch("m", (), (Column("c", "unsigned"),), rows, BASE, range(3))
    assert [line.split(" ")[1] for line in _lines(made)] == [
        "c=9223372036854775807i",
        "osquery_row=1i",
        'c=9223372036854775807i,exact_c="18446744073709551615"',
    ]
    assert encode(made).exact == 1
    suffixed = [line.split(" ")[1] for line in _lines(made, unsigned="u")]
    assert suffixed == ["c=9223372036854775807u", "osquery_row=1i", "c=18446744073709551615u"]
    assert encode(made, unsigned="u").exact == 0


@pytest.mark.parametrize(
    ("newline", "text"),
    [("escape", r'c="a\\nb\\"'), ("space", r'c="a b\\"'), ("keep", 'c="a\nb\\\\"')],
)
def test_line_feeds_in_texts(newline: Newline, text: str) -> None:
    """Folded to backslash and n, replaced by a blank, or kept."""
    encoded = encode(batch({"c": ("text", ["a\nb\\"])}), newline)
    assert encoded.data.decode() == f"osquery_main_q,host=web-1 {text} {BASE}\n"


@pytest.mark.parametrize(
    ("value", "tag", "exact"),
    [
        ("a b,c=d", r"a\ b\,c\=d", None),
        ('say "hi"', r"say\ " + '"hi"', None),
        (r"C:\Win\sys", r"C:\Win\sys", None),
        (r"C:\\Win", r"C:\\Win", None),
        ("C:\\dir\\", "C:\\dir", r"C:\\dir\\"),
        ("\\\\", "", r"\\\\"),
        ("a\tb\nc", r"a\ b\ c", "a\tb" + r"\\nc"),
        ('a\\"b', 'a\\"b', None),
        ('a\\"b c', r'a"b\ c', r"a\\\"b c"),
        ("é", "é", None),
    ],
)
def test_tag_values(value: str, tag: str, exact: str | None) -> None:
    """Escaped where that is possible; else cut, and the exact value stands in a field."""
    encoded = encode(batch({"t": ("text", [value]), "f": ("integer", [1])}, tags=["t"]))
    tags = f",t={tag}" if tag else ""
    field = "" if exact is None else f',exact_t="{exact}"'
    assert encoded.data.decode() == f"osquery_main_q,host=web-1{tags} f=1i{field} {BASE}\n"
    assert encoded.exact == (exact is not None)


def test_envelope_tags_that_cannot_be_written_keep_their_value_in_a_field() -> None:
    """The rule for columns holds for the envelope."""
    made = batch({"f": ("integer", [1])}, envelope=(("host", "a\nb\\"),))
    assert encode(made, "keep").data.decode() == (
        f'osquery_main_q,host=a\\ b f=1i,exact_host="a\nb\\\\" {BASE}\n'
    )


def test_a_column_with_the_name_of_the_exact_field_wins() -> None:
    """The exact value is then lost, and counted."""
    made = batch({"t": ("text", ["x\\"]), "exact_t": ("integer", [1])}, tags=["t"])
    encoded = encode(made)
    assert b" exact_t=1i " in encoded.data
    assert (encoded.exact, encoded.left_out) == (0, 1)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("count(*)", "count(*)"),
        ("a b,c=d", r"a\ b\,c\=d"),
        ("#x", "#x"),
        ("", "_"),
        ("a\nb\tc", "a_b_c"),
        ("a\\", "a_"),
        ("a\\\\", "a__"),
        ("a\\,b", r"a_\,b"),
        ('a\\"b', 'a_"b'),
        ("a\\b", "a\\b"),
        ("host", "column_host"),
        ("time", "column_time"),
    ],
)
def test_field_keys(name: str, key: str) -> None:
    """Escaped; what has no escape becomes an underscore; ``host`` and ``time`` make way."""
    encoded = encode(batch({name: ("integer", [1])}))
    assert encoded.data.decode() == f"osquery_main_q,host=web-1 {key}=1i {BASE}\n"


@pytest.mark.parametrize(
    ("name", "written"),
    [("#m", "_m"), ("", "_"), ("a b,c=d", r"a\ b\,c=d"), ("m\\", "m_"), ("m\n", "m_"), ("é", "é")],
)
def test_measurements(name: str, written: str) -> None:
    """No measurement becomes a comment, two lines or nothing."""
    encoded = encode(batch({"a": ("integer", [1])}, name=name, envelope=()))
    assert encoded.data.decode() == f"{written} a=1i {BASE}\n"


def test_of_columns_with_one_name_the_last_counts() -> None:
    """Also when they become one on the wire only, and when one is a tag."""
    columns = (Column("a", "integer"), Column("host", tag=True), Column("column_host"), Column("a"))
    rows = Rows([[1], ["x"], ["y"], ["z"]])
    made = Batch("m", (), columns, rows, BASE, range(1))
    assert encode(made).data == b'm a="z",column_host="y" %d\n' % BASE


def test_a_tag_column_never_hides_an_envelope_tag() -> None:
    """It becomes a field of that name."""
    made = batch({"osquery_pack": ("text", ["x"])}, tags=["osquery_pack"])
    made = Batch(
        made.measurement, (("osquery_pack", "p"),), made.columns, made.rows, BASE, range(1)
    )
    assert encode(made).data == b'osquery_main_q,osquery_pack=p osquery_pack="x" %d\n' % BASE


def test_lone_surrogates_become_the_replacement_character() -> None:
    """They have no UTF-8; the text around them stays."""
    made = batch(
        {"a\udc80": ("text", ["x\udce9y", "é"]), "t": ("text", ["\ud800", ""])}, tags=["t"]
    )
    text = encode(made).data.decode()
    assert ",t=� " in text
    assert 'a�="x�y"' in text
    assert 'a�="é"' in text


def test_a_time_outside_int64_is_an_error() -> None:
    """It would be a line that no parser takes."""
    made = Batch("m", (), (), Rows([], length=2), 2**63 - 1, range(2))
    with pytest.raises(CodecError, match="m: the time 9223372036854775808 ns is outside int64"):
        encode(made)
