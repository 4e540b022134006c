"""What recorded answers do not show: references in Python, rules on odd values, the cost of it."""

import base64
import hashlib
import ipaddress
import math
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telegraf_osquery.errors import QueryError
from telegraf_osquery.schema.functions import COLLATIONS, OSQUERY, RULES
from telegraf_osquery.schema.sql_functions import (
    CARVE,
    FUNCTIONS,
    Around,
    encoding,
    hashes,
    maths,
    network,
    orders,
    paths,
    register,
)
from telegraf_osquery.schema.sql_functions import text as texts

ALONE = Around()
WORDS = st.text("ab ,;é\t", max_size=12)
VALUES = st.one_of(st.none(), st.text("aé\0 ", max_size=4), st.integers(-9, 9), st.just(1.5))
Function = Callable[..., Any]


@pytest.fixture(scope="module")
def connection() -> Iterator[apsw.Connection]:
    made = apsw.Connection(":memory:")
    register(made)
    yield made
    made.close()


def value(connection: apsw.Connection, expression: str) -> Any:
    return connection.execute(f"SELECT {expression}").get


@settings(max_examples=200, deadline=None)
@given(WORDS, st.text(",;é", min_size=1, max_size=3), st.integers(-1, 5))
def test_split_is_pieces_between_single_bytes(subject: str, cuts: str, index: int) -> None:
    """A byte of any delimiter ends a piece; empty ones go, then blanks around each."""
    pieces = [b""]
    for byte in subject.encode():
        if byte in cuts.encode():
            pieces.append(b"")
        else:
            pieces[-1] += bytes([byte])
    kept = [piece.strip(b" \t") for piece in pieces if piece]
    found = texts.functions(ALONE)["split"](subject, cuts, index)
    expected = kept[index] if 0 <= index < len(kept) else None
    assert (found.encode() if isinstance(found, str) else found) == expected


def test_a_piece_of_blanks_stays(connection: apsw.Connection) -> None:
    """Pieces are dropped before they are trimmed."""
    assert value(connection, "split('a, ,b', ',', 1)") == ""
    assert value(connection, "split('a, ,b', ',', 2)") == "b"


@settings(max_examples=200, deadline=None)
@given(st.lists(VALUES, max_size=5))
def test_concat_skips_nulls_and_stops_at_nul(values: list[Any]) -> None:
    """Everything else is put together as SQLite writes it."""
    parts = ["" if one is None else str(one).partition("\0")[0] for one in values]
    concat = texts.functions(ALONE)["concat"]
    assert concat(*values) == ("".join(parts) if values else None)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=40))
def test_base64_is_pythons(given_: bytes) -> None:
    """There and back; in the conditional form only what is not printable ASCII."""
    there, back, some = (
        encoding.functions(ALONE)[name]
        for name in ("to_base64", "from_base64", "conditional_to_base64")
    )
    encoded = there(given_)
    assert encoded == base64.b64encode(given_).decode()
    found = back(encoded)
    assert (found.encode() if isinstance(found, str) else found) == given_
    plain = all(0x20 <= byte < 0x7F for byte in given_)
    assert some(given_) == (given_.decode() if plain else encoded)


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        ("YWJj\r\nZGVm", "616263646566"),
        ("YWJj\rZGVm", ""),
        ("YR", "61"),
        ("YWJjY", ""),
        ("YWJjZA==YQ==", "61626364000061"),
        ("Y=Jj", "600263"),
        ("é", ""),
    ],
)
def test_odd_base64(connection: apsw.Connection, given_: str, expected: str) -> None:
    """Line breaks go, a lone CR spoils it, spare bits are ignored, ``=`` inside counts as zeros."""
    found = connection.execute("SELECT hex(from_base64(?))", (given_,)).get
    assert found == expected


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=20))
def test_hashes_are_pythons(given_: str) -> None:
    """Of the bytes before the first NUL."""
    for name, function in hashes.functions(ALONE).items():
        digest = hashlib.new(name, given_.partition("\0")[0].encode(), usedforsecurity=False)
        assert function(given_) == digest.hexdigest()


@settings(max_examples=300, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(0, 32),
    st.one_of(st.integers(0, 2**32 - 1), st.integers(-3, 3)),
)
def test_ipv4_hosts_of_a_block(base: int, length: int, other: int) -> None:
    """The hosts as ``ipaddress`` knows them, but neither end of a /31."""
    block = ipaddress.ip_network((base, length), strict=False)
    near = (base + other) % 2**32 if -4 < other < 4 else other
    address = ipaddress.ip_address(near)
    inside = address in block and (
        length == 32 or address not in {block.network_address, block.broadcast_address}
    )
    found = network.functions(ALONE)["in_cidr_block"](
        f"{ipaddress.ip_address(base)}/{length}", str(address)
    )
    assert found == inside
    assert network.functions(ALONE)["inet_aton"](str(address)) == near


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**128 - 1), st.integers(0, 128), st.integers(0, 2**128 - 1), st.booleans())
def test_ipv6_addresses_of_a_block(base: int, length: int, other: int, near: bool) -> None:
    """All of them, unless the block ends at the last address of all."""
    block = ipaddress.IPv6Network((base, length), strict=False)
    address = ipaddress.IPv6Address(base ^ (other >> 120) if near else other)
    last = int(block.broadcast_address) == 2**128 - 1
    contains = network.functions(ALONE)["in_cidr_block"]
    found = contains(f"{ipaddress.IPv6Address(base)}/{length}", str(address))
    assert found == (address in block and not last)


@pytest.mark.parametrize(
    ("length", "expected"),
    [("4294967320", 1), ("00000000000000000000024", 1), ("24 ", None), ("+24", None), ("", None)],
)
def test_prefix_lengths_are_read_as_c_reads_them(length: str, expected: int | None) -> None:
    """Digits only; of a number too large for an int the low bits count."""
    contains = network.functions(ALONE)["in_cidr_block"]
    if expected is None:
        with pytest.raises(QueryError, match="CIDR for IP address v4 cannot be parsed"):
            contains(f"192.0.2.0/{length}", "192.0.2.7")
    else:
        assert contains(f"192.0.2.0/{length}", "192.0.2.7") == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("exp(1000)", math.inf),
        ("exp(-1000)", 0.0),
        ("exp(9e999)", math.inf),
        ("power(0, 5)", 0.0),
        ("power(2, -9e999)", 0.0),
        ("power(0, -9e999)", math.inf),
        ("atan(9e999)", math.pi / 2),
        ("ceil(-9e999)", -(2**63)),
        ("floor('9223372036854775807')", -(2**63)),
        ("ceil('1e3x')", 1000),
        ("sqrt('  4')", 2.0),
        ("sqrt('.25e2.')", 5.0),
        ("pow(-8, 0.5)", None),
        ("log(2, 8)", 3.0),
    ],
)
def test_odd_numbers(connection: apsw.Connection, expression: str, expected: float | None) -> None:
    """Infinite ones as the C library has them, text up to where it is a number.

    ``pow`` and ``log`` of two arguments are SQLite's own.
    """
    assert value(connection, expression) == expected


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("exp(12000)", "Numerical result out of range"),
        ("exp(-12000)", "Numerical result out of range"),
        ("power(10, -400)", "Numerical result out of range"),
        ("sin(9e999)", "Numerical argument out of domain"),
        ("sleep(1)", "sleep: this engine does not wait"),
    ],
)
def test_errors(connection: apsw.Connection, expression: str, message: str) -> None:
    """Results too small are errors like those too large; sleep is refused where it would wait."""
    with pytest.raises(QueryError, match=message):
        value(connection, expression)


@settings(max_examples=200, deadline=None)
@given(st.floats(allow_nan=False), st.sampled_from(["acos", "cos", "log", "log10", "sqrt", "tan"]))
def test_math_is_pythons_or_an_error(x: float, name: str) -> None:
    """No other exception gets out."""
    try:
        found = maths.functions(ALONE)[name](x)
    except QueryError:
        return
    assert found == pytest.approx(getattr(math, name)(x), rel=1e-14)


@pytest.mark.parametrize(
    ("index", "expected"),
    [
        ("'1x'", "b"),
        ("-4294967295", "b"),
        ("x'31'", "b"),
        ("9e999", None),
        ("' 1'", "b"),
        ("''", "a"),
    ],
)
def test_an_index_is_32_bits_of_what_begins_like_a_number(
    connection: apsw.Connection, index: str, expected: str | None
) -> None:
    """As sqlite3_value_int has it."""
    assert value(connection, f"split('a,b', ',', {index})") == expected


def test_a_command_line_is_looked_up_prefix_by_prefix() -> None:
    """Quotes and escapes take blanks in; only whole prefixes are asked for."""
    asked: list[str] = []

    def is_file(path: str) -> bool:
        asked.append(path)
        return path == "/b c/d"

    find = paths.functions(Around(is_file=is_file))["find_file_path_in_cmd"]
    assert find('"/b c/d" x', 1) == "/b c/d"
    assert find("/b\\ c/d x") == "/b c/d"
    assert find("\t/b c/d x") == "/b c/d"
    assert asked == ["/b c/d", "/b c/d", "/b", "/b c/d"]


def test_every_function_is_known_everywhere() -> None:
    """What is registered has a type; what the checks let through as osquery's is registered."""
    names = {name for _, name, _ in FUNCTIONS} | {CARVE}
    assert names <= RULES.keys()
    assert names >= OSQUERY
    assert set(orders.COLLATIONS) == set(COLLATIONS)
    page = (Path(__file__).parents[3] / "docs" / "reference" / "functions.md").read_text()
    assert [name for name in sorted(names) if f"`{name}`" not in page] == []


def test_carve_carves_nothing(connection: apsw.Connection) -> None:
    """It answers as osquery does with carving off, one text for all rows or none."""
    sql = "SELECT carve(column1) FROM (VALUES ('/etc/shadow'), ('/etc/passwd')) WHERE {}"
    assert connection.execute(sql.format(1)).fetchall() == [("Carve Failed:",)]
    assert connection.execute(sql.format(0)).fetchall() == [("Carve Failed:",)]


def test_doubles_become_text_with_15_digits(connection: apsw.Connection) -> None:
    """Whatever SQLite answers: newer ones would write 17."""
    assert value(connection, "(0.1 + 0.2) || ' ' || concat(1.0 / 3)") == "0.3 0.333333333333333"


def test_a_result_that_is_no_utf8_is_a_blob(connection: apsw.Connection) -> None:
    """With the very bytes, also as an argument of the next function."""
    assert value(connection, "regex_match('é', '.', 0)") == b"\xc3"
    assert value(connection, "hex(concat(regex_match('é', '.', 0), 'a'))") == "C361"


PROGRAM = """
import sys
import apsw
from telegraf_osquery.schema.sql_functions import register
connection = apsw.Connection(":memory:")
register(connection)
loaded = {name.rpartition(".")[2] for name in sys.modules if "sql_functions." in name}
assert loaded == {"around"}, loaded
assert connection.execute("SELECT split('a b', ' ', 1)").get == "b"
loaded = {name.rpartition(".")[2] for name in sys.modules if "sql_functions." in name}
assert loaded == {"around", "text", "values"}, loaded
heavy = {"hashlib", "ipaddress", "socket", "ssl", "dataclasses"} & sys.modules.keys()
assert not heavy, heavy
"""


def test_registering_loads_nothing() -> None:
    """A module is loaded when one of its functions is first called."""
    subprocess.run([sys.executable, "-c", PROGRAM], check=True)
