"""Version texts are ordered as osquery orders them."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telegraf_osquery.clock import Deadline
from telegraf_osquery.engines.embedded import Embedded
from telegraf_osquery.engines.embedded_tables.ask import Table
from telegraf_osquery.schema.sql_functions.orders import COLLATIONS
from telegraf_osquery.schema.tables import load
from tests.fakes.clock import ManualClock

FILE = Path(__file__).parents[1] / "testcases" / "collations" / "orders.txt"
CASES = [line.split("|") for line in FILE.read_text().splitlines() if not line.startswith("#")]


@pytest.mark.parametrize(("collation", "one", "two", "order"), CASES)
def test_the_recorded_order(collation: str, one: str, two: str, order: str) -> None:
    """And its mirror image."""
    assert COLLATIONS[collation](one, two) == int(order)
    assert COLLATIONS[collation](two, one) == -int(order)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(COLLATIONS)), *[st.text("01a~-^.:é", max_size=8)] * 2)
def test_every_order_is_antisymmetric(collation: str, one: str, two: str) -> None:
    """Swapping the two texts swaps the sign, and a text equals itself."""
    compare = COLLATIONS[collation]
    assert compare(one, two) == -compare(two, one)
    assert compare(one, one) == 0


def test_a_declared_column_is_sorted_by_its_collation() -> None:
    """deb_packages.version is VERSION_DPKG: 1.10 comes after 1.9."""
    clock = ManualClock()
    versions = ["1.10", "1.9", "1.2-1", "1.2~a", "1.2", "0:1.2"]
    table = Table(("version",), lambda _: iter([(version,) for version in versions]))
    engine = Embedded(load(), clock, tables={"deb_packages": table})
    answer = engine.execute("SELECT version FROM deb_packages ORDER BY version", Deadline(clock, 1))
    assert next(answer.chunks) == (("1.2", "1.2~a", "1.2-1", "1.9", "1.10", "0:1.2"),)
    engine.close()
