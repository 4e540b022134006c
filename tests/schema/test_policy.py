"""Policies: what they allow, how statements are rewritten, which mistakes are refused."""

from typing import Any

import pytest

from telegraf_osquery.clock import Deadline
from telegraf_osquery.errors import ConfigError, QueryError, QueryRefused, QueryTimeout
from telegraf_osquery.schema.analyze import Analyzer
from telegraf_osquery.schema.policy import EVERYTHING, Permits, Policy, check
from telegraf_osquery.schema.spec import ColumnSpec, TableSpec
from telegraf_osquery.schema.tables import load
from tests.fakes.clock import ManualClock

SCHEMA = load()
MINE = TableSpec(name="mine", platforms=("linux",), columns=(ColumnSpec(name="a"),))


def analyzer(**policy: Any) -> Analyzer:
    return Analyzer(SCHEMA, policy=Policy(**policy), platform="linux", extra=[MINE])


@pytest.mark.parametrize(
    ("policy", "allowed", "denied"),
    [
        ({}, ["users", "curl", "hosts"], []),
        ({"tables": frozenset({"USERS"})}, ["users"], ["groups", "hosts"]),
        ({"tables": frozenset({"hosts"})}, ["hosts", "etc_hosts"], ["users"]),
        ({"denied_tables": frozenset({"Hosts"})}, ["users"], ["hosts", "etc_hosts"]),
        ({"denied_tables": frozenset({"etc_hosts"})}, ["users"], ["hosts", "etc_hosts"]),
        ({"tables": frozenset({"users"}), "denied_tables": frozenset({"users"})}, [], ["users"]),
        ({"denied_tables": frozenset({"mine"})}, ["users"], ["mine"]),
        ({"tables": frozenset({"mine"})}, ["mine"], ["users"]),
    ],
)
def test_tables(policy: dict[str, Any], allowed: list[str], denied: list[str]) -> None:
    """A second name stands for its table, in either direction; what is denied is denied."""
    judge = analyzer(**policy)
    for name in allowed:
        judge.analyze(f"SELECT count(*) FROM {name}")
    for name in denied:
        with pytest.raises(QueryError, match=r"is not available here|no such table"):
            judge.analyze(f"SELECT count(*) FROM {name}")


def test_functions() -> None:
    """Denied ones are, risky ones are unless they are named."""
    plain = analyzer(denied_functions=frozenset({"MD5"}))
    for call in ("md5('a')", "sleep(1)", "carve('a')", "json_patch('{}', '{}')"):
        with pytest.raises(QueryRefused, match="may not be used here"):
            plain.analyze(f"SELECT {call} AS a")
    named = analyzer(functions=frozenset({"Sleep"}))
    named.analyze("SELECT sleep(1)")
    with pytest.raises(QueryRefused):
        named.analyze("SELECT lower('a')")


def test_a_column_hides_its_second_names_and_is_hidden_by_them() -> None:
    """``blacklisted`` repeats ``denylisted``."""
    for name in ("denylisted", "BLACKLISTED"):
        permits = Permits(Policy(denied_columns={"osquery_schedule": frozenset({name})}), SCHEMA)
        assert permits.hidden("OSQUERY_SCHEDULE") == {"denylisted", "blacklisted"}
    assert Permits(EVERYTHING, SCHEMA).restricted == frozenset()


def shown(alias: str) -> str:
    """The columns of users that are not in ``HIDES``, by an alias."""
    names = ("uid", "gid", "username", "directory", "shell")
    return ", ".join(f'"{alias}"."{name}"' for name in names)


ALL = shown("users")
HIDES = {"users": frozenset({"uuid", "description", "uid_signed", "gid_signed"})}


@pytest.mark.parametrize(
    ("sql", "sent"),
    [
        ("SELECT uid FROM users", "SELECT uid FROM users"),
        ("SELECT count(*) FROM users", "SELECT count(*) FROM users"),
        ("SELECT * FROM groups", "SELECT * FROM groups"),
        ("SELECT * FROM users", f"SELECT {ALL} FROM users"),
        ("SELECT u.*, 1 AS x FROM users u", f"SELECT {shown('u')}, 1 AS x FROM users u"),
        (
            "SELECT * FROM groups g, Users /* * */ AS [a b]",
            f'SELECT "g".*, {shown("a b")} FROM groups g, Users /* * */ AS [a b]',
        ),
        (
            "WITH a AS (SELECT * FROM users) SELECT *, (SELECT 1 FROM a) AS n FROM a",
            f"WITH a AS (SELECT {ALL} FROM users) SELECT *, (SELECT 1 FROM a) AS n FROM a",
        ),
        (
            "SELECT abs((SELECT uid FROM (SELECT * FROM users))) AS s FROM groups",
            f"SELECT abs((SELECT uid FROM (SELECT {ALL} FROM users))) AS s FROM groups",
        ),
        ("WITH users AS (SELECT 1 AS a) SELECT * FROM users", ""),
        ("SELECT groups.* FROM groups, users", ""),
    ],
)
def test_a_star_is_written_out_over_tables_that_lack_columns(sql: str, sent: str) -> None:
    """And over no others; the result has the same columns with the same types."""
    found = analyzer(denied_columns=HIDES).analyze(sql)
    assert found.sql == (sent or sql)
    assert [c.type for c in found.columns if c.name == "uid"] in ([], ["integer"])


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM (SELECT * FROM users), (SELECT 1 AS b UNION SELECT * FROM users)",
        "SELECT 1 FROM groups WHERE EXISTS (SELECT * FROM users)",
        "SELECT * FROM users, (SELECT 1 AS a)",
        "SELECT uid FROM users NATURAL JOIN groups",
        "SELECT uid FROM users JOIN groups USING (gid)",
        "SELECT uuid FROM users",
    ],
)
def test_what_cannot_be_made_safe_is_refused(sql: str) -> None:
    """Stars that the reader cannot write out, joins by name, and the column itself."""
    with pytest.raises(QueryError):
        analyzer(denied_columns=HIDES).analyze(sql)


def test_a_hidden_column_that_the_schema_does_not_know_is_hidden_all_the_same() -> None:
    """The engine may be of another release: an alias of that name is not taken for harmless."""
    judge = Analyzer(
        SCHEMA,
        policy=Policy(denied_columns={"processes": frozenset({"cgroup_path"})}),
        platform="linux",
        version="4.0.0",
    )
    judge.analyze("SELECT 'x' AS cgroup_path FROM processes")
    with pytest.raises(QueryRefused, match=r"processes\.cgroup_path may not be used"):
        judge.analyze("SELECT 'x' AS cgroup_path, pid FROM processes WHERE cgroup_path LIKE '/a%'")


def test_hidden_columns_of_an_extension_table() -> None:
    """They are declared by the caller, and hidden like others."""
    judge = analyzer(denied_columns={"mine": frozenset({"A"})})
    judge.analyze("SELECT count(*) FROM mine")
    with pytest.raises(QueryRefused, match=r"mine\.a may not be used"):
        judge.analyze("SELECT a FROM mine")
    judge.close()
    judge.close()


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ({"tables": frozenset({"usres"})}, 'policy.tables: no table "usres"; did you mean users'),
        ({"denied_tables": frozenset({"crul"})}, 'policy.denied_tables: no table "crul"'),
        ({"denied_columns": {"nope": frozenset()}}, 'policy.denied_columns: no table "nope"'),
        ({"denied_columns": {"users": frozenset({"pass"})}}, 'users: no column "pass"'),
        ({"denied_functions": frozenset({"md6"})}, 'no SQL function "md6"'),
        ({"functions": frozenset({"md6"})}, 'no SQL function "md6"'),
        ({"denied_paths": ("etc/shadow",)}, '"etc/shadow" is relative'),
    ],
)
def test_a_misspelt_policy_is_refused(policy: dict[str, Any], said: str) -> None:
    """It would forbid nothing."""
    with pytest.raises(ConfigError, match=said.replace("(", r"\(").replace('"', '"')):
        check(Policy(**policy), SCHEMA)


def test_a_sound_policy_passes() -> None:
    """In any case of letters, with second names and tables of extensions."""
    check(
        Policy(
            tables=frozenset({"Hosts", "mine"}),
            denied_tables=frozenset({"YARA"}),
            denied_columns={"Users": frozenset({"UUID"}), "mine": frozenset({"a"})},
            functions=frozenset({"SLEEP"}),
            denied_functions=frozenset({"Md5"}),
            denied_paths=("/etc/shadow", "/"),
        ),
        SCHEMA,
        [MINE],
    )


def test_a_text_that_keeps_the_planner_busy_is_given_up() -> None:
    """At the deadline, not when SQLite is done."""
    windows = ", ".join(f"sum(pid) OVER (ORDER BY pid + {n})" for n in range(300))
    clock = ManualClock()
    expired = Deadline(clock, 0.0)
    with pytest.raises(QueryTimeout, match="while the SQL was read"):
        analyzer().analyze(f"SELECT {windows} FROM processes", expired)
