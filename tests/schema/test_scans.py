"""How statements would scan their tables."""

import pytest

from telegraf_osquery.schema.scans import Pushed, Scans, TableScan
from telegraf_osquery.schema.tables import load

SCANS = Scans(load(), "linux", None)


def scan(table: str, *pushed: Pushed, missing: bool = False) -> TableScan:
    return TableScan(table, pushed, missing)


@pytest.mark.parametrize(
    ("sql", "scans"),
    [
        ("SELECT * FROM users", [scan("users")]),
        ("SELECT * FROM hosts", [scan("etc_hosts")]),
        ("SELECT * FROM file", [scan("file", missing=True)]),
        ("SELECT * FROM file WHERE path = '/a'", [scan("file", Pushed("path", "=", "/a"))]),
        (
            "SELECT * FROM file WHERE path LIKE '/a/%' AND size > 1",
            [scan("file", Pushed("path", "LIKE", "/a/%"))],
        ),
        ("SELECT * FROM file WHERE path IN ('/a', '/b')", [scan("file", Pushed("path", "="))]),
        (
            "SELECT * FROM file WHERE path = '/a' OR directory = '/b'",
            [
                scan("file", Pushed("path", "=", "/a")),
                scan("file", Pushed("directory", "=", "/b")),
            ],
        ),
        ("SELECT * FROM file WHERE path = '/a' OR size = 1", [scan("file", missing=True)]),
        ("SELECT * FROM file WHERE path LIKE '/a' ESCAPE 'x'", [scan("file", missing=True)]),
        (
            "SELECT * FROM hash h JOIN file f ON f.path = h.path WHERE f.path = '/a'",
            [scan("hash", Pushed("path", "=")), scan("file", Pushed("path", "=", "/a"))],
        ),
        (
            "SELECT * FROM users u JOIN shell_history h ON h.uid = u.uid",
            [scan("users"), scan("shell_history", Pushed("uid", "="))],
        ),
        ("SELECT 1", []),
        ("SELECT nothing FROM nowhere", []),
        ("SELECT \ud800", []),
    ],
)
def test_the_plan(sql: str, scans: list[TableScan]) -> None:
    """Constraints that reach the tables, and tables that miss their required column."""
    found = list(SCANS.of(sql))
    assert sorted(found, key=repr) == sorted(scans, key=repr) or (
        # Of two equal columns either may be the one that is written out.
        {one.table for one in found} == {one.table for one in scans} and "JOIN" in sql
    )
    assert [one.missing for one in found] == [one.missing for one in scans]


def test_what_a_scan_constrains() -> None:
    """By equality; LIKE does not count."""
    one = scan("file", Pushed("path", "LIKE", "/a%"), Pushed("directory", "="))
    assert one.constrains("path", "directory")
    assert not one.constrains("path")


def test_a_text_that_keeps_the_planner_busy_has_no_plan() -> None:
    """It is given up."""
    windows = ", ".join(f"sum(pid) OVER (ORDER BY pid + {n})" for n in range(600))
    assert SCANS.of(f"SELECT {windows} FROM processes") == ()
