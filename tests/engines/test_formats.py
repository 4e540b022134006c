"""Columns and the form of their values, on this host, against what osquery was seen to print."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from telegraf_osquery.clock import Deadline, SystemClock
from telegraf_osquery.engines.base import Answer
from telegraf_osquery.engines.embedded import Embedded
from telegraf_osquery.engines.embedded_tables import MODULES
from telegraf_osquery.schema.tables import load
from tests.engines.tree import printed

FILE = Path(__file__).parents[1] / "testcases" / "tables" / "formats.txt"
FORMS = {
    "any": r"(?s:.*)",
    "asctime": r"\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4} UTC",
    "decimal": r"\d+\.\d{6}",
    "digits": r"\d+",
    "hex": r"0x[0-9a-f]+",
    "ip": r"(?:\d{1,3}\.){3}\d{1,3}|[0-9a-f:]+[\d.]*(?:%[\w.-]+)?",
    "ipv4": r"(?:\d{1,3}\.){3}\d{1,3}",
    "iso": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
    "letter": r"[A-Za-z]",
    "mac": r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}",
    "md5": r"[0-9a-f]{32}",
    "octal": r"[0-7]{4}",
    "path": r"/(?s:.*)",
    "period": r"1m|5m|15m",
    "sha1": r"[0-9a-f]{40}",
    "sha256": r"[0-9a-f]{64}",
    "signed": r"-?\d+",
    "suid": r"S|G|SG",
    "uuid": r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "version": r"\d+\.\d+\.\d+",
    "word": r"[\w.+:@/~-]+",
}
WHERE = {"file": "WHERE directory = '/etc'", "hash": "WHERE path = '/etc/passwd'"}
ROW_EXPECTED = {"kernel_info", "load_average", "memory_info", "os_version", "osquery_info"} | {
    "processes",
    "system_controls",
    "system_info",
    "time",
    "uptime",
    "users",
    "file",
    "hash",
}
SCHEMA = load()
CLOCK = SystemClock()


def _recorded() -> dict[str, dict[str, str]]:
    lines = [line for line in FILE.read_text().splitlines() if not line.startswith("#")]
    return {
        line.split()[0]: dict(column.split(":") for column in line.split()[1:]) for line in lines
    }


@pytest.fixture(scope="module")
def engine() -> Iterator[Embedded]:
    made = Embedded(SCHEMA, CLOCK)
    yield made
    made.close()


def _ask(engine: Embedded, table: str) -> Answer:
    sql = f"SELECT * FROM {table} {WHERE.get(table, '')} LIMIT 2000"
    return engine.execute(sql, Deadline(CLOCK, 30))


@pytest.mark.parametrize("table", sorted(MODULES))
def test_columns_are_those_of_the_schema(engine: Embedded, table: str) -> None:
    """``SELECT *`` gives osquery's columns in osquery's order, hidden ones left out."""
    spec = SCHEMA.table(table)
    assert spec is not None
    shown = tuple(column.name for column in spec.columns_for("linux") if not column.hidden)
    assert _ask(engine, table).names == shown


@pytest.mark.parametrize("table", sorted(set(MODULES) & {t for t, f in _recorded().items() if f}))
def test_values_have_the_recorded_form(engine: Embedded, table: str) -> None:
    """Each value of this host has the form that osquery's value had, and the column's type."""
    forms = _recorded()[table]
    spec = SCHEMA.table(table)
    assert spec is not None
    answer = _ask(engine, table)
    assert answer.names == tuple(forms)
    rows = 0
    for chunk in answer.chunks:
        rows += len(chunk[0])
        for name, cells in zip(answer.names, chunk, strict=True):
            column = spec.column(name)
            assert column is not None
            kinds = {"text": str, "double": float}.get(column.family, int)
            assert all(cell is None or type(cell) is kinds for cell in cells), name
            form = re.compile(FORMS[forms[name].removesuffix("?")])
            values = {printed(cell) or "" for cell in cells}
            odd = {value for value in values if not form.fullmatch(value)}
            assert odd <= ({""} if forms[name].endswith("?") else set()), name
    assert rows or table not in ROW_EXPECTED


def test_every_table_has_recorded_forms() -> None:
    """Or is named in the file as one that was empty where osquery was recorded."""
    assert set(MODULES) <= set(_recorded())
