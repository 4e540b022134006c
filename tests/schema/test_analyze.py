"""The checking connection: what it lets through, what it finds out, what it says."""

import re
from collections.abc import Iterator
from typing import Any

import apsw
import pytest
from hypothesis import given, settings

from telegraf_osquery.errors import QueryError, QueryRefused
from telegraf_osquery.schema.analyze import Analyzer
from telegraf_osquery.schema.policy import Policy
from telegraf_osquery.schema.spec import HOST, ColumnSpec, TableSpec
from telegraf_osquery.schema.tables import load
from tests.schema.random_sql import COLUMNS, statements

SCHEMA = load()


@pytest.fixture(scope="module")
def analyzer() -> Iterator[Analyzer]:
    made = Analyzer(SCHEMA, platform="linux", version="5.23.1")
    yield made
    made.close()


@pytest.fixture(scope="module")
def narrow() -> Iterator[Analyzer]:
    """Four tables and nothing else: ``curl`` and ``file`` are out of reach."""
    made = Analyzer(SCHEMA, COLUMNS, platform="linux", version="5.23.1")
    yield made
    made.close()


def test_a_statement_is_described(analyzer: Analyzer) -> None:
    """Columns with type and origin, tables, functions, and the columns read of each table."""
    found = analyzer.analyze(
        "SELECT p.pid AS id, u.username, count(*) FROM processes p JOIN users u USING (uid)"
        " WHERE lower(p.name) LIKE 'a%' GROUP BY 1"
    )
    assert [(c.name, c.type, c.origin, c.derived) for c in found.columns] == [
        ("id", "integer", ("processes", "pid"), True),
        ("username", "text", ("users", "username"), True),
        ("count(*)", "integer", None, True),
    ]
    assert found.tables == {"processes", "users"}
    assert found.functions == {"count", "lower", "like"}
    assert found.reads == {
        "processes": frozenset({"pid", "name", "uid"}),
        "users": frozenset({"uid", "username"}),
    }
    assert [(c.name, c.type) for c in found.typed()][:2] == [
        ("id", "integer"),
        ("username", "text"),
    ]


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM users",
        "INSERT INTO users VALUES (1)",
        "UPDATE users SET uid = 1",
        "WITH x AS (SELECT 1) DELETE FROM users",
        "CREATE TABLE x (a)",
        "CREATE VIEW x AS SELECT 1",
        "CREATE TEMP TABLE x AS SELECT 1",
        "DROP TABLE users",
        "ATTACH ':memory:' AS x",
        "DETACH main",
        "PRAGMA user_version",
        "PRAGMA user_version = 1",
        "EXPLAIN SELECT 1",
        "EXPLAIN QUERY PLAN SELECT 1",
        "VACUUM",
        "VACUUM INTO '/tmp/x'",
        "BEGIN",
        "COMMIT",
        "SAVEPOINT x",
        "REINDEX",
        "ANALYZE",
        "SELECT 1; SELECT 2",
        "SELECT 1; DELETE FROM users",
        "SELECT 1;; SELECT 2",
        "SELECT 1; -- c\n SELECT 2",
        "SELECT 1; /* c */ SELECT 2",
        "SELECT 1; /* c */ SELECT 2 /*",
        "SELECT 1 /* ; */; /* ; */ SELECT 2 /* ; */",
        "SELECT 1\0",
        "SELECT load_extension('x')",
        "SELECT carve(path) FROM processes",
        "SELECT sleep(1)",
        "SELECT sqlite_compileoption_get(1)",
        "SELECT * FROM sqlite_master",
        "SELECT 1 FROM sqlite_schema",
        "SELECT 1 FROM sqlite_temp_master",
        "SELECT * FROM (SELECT 'a' name) JOIN sqlite_master USING (name)",
    ],
)
def test_what_is_no_plain_select_is_refused(analyzer: Analyzer, sql: str) -> None:
    """Writes, further statements, EXPLAIN, PRAGMA, ATTACH and functions out of the list."""
    with pytest.raises(QueryRefused):
        analyzer.analyze(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1;",
        " ; SELECT 1 ; ; -- end",
        "SELECT 1 /* open comment",
        "SELECT 1; /* open comment; SELECT 2",
        "/* first */ SELECT 1 -- last",
        "VALUES (1), (2)",
        "WITH x AS (SELECT 1) SELECT * FROM x",
        "WITH users AS (SELECT 1 a) SELECT count(*) FROM users",
        'select \'DELETE FROM users; SELECT 2\', ";" from (select 1 ";")',
        "SELECT * FROM json_each('[1]') UNION ALL SELECT * FROM json_tree('[1]')",
        "SELECT version FROM osquery_info ORDER BY version COLLATE version_rhel",
    ],
)
def test_plain_selects_pass(analyzer: Analyzer, sql: str) -> None:
    """Comments, semicolons at the ends and words inside strings do no harm."""
    assert analyzer.analyze(sql).columns


@pytest.mark.parametrize("sql", ["", "  ", ";", "-- only a comment", "/* a */ ;"])
def test_nothing_is_no_statement(analyzer: Analyzer, sql: str) -> None:
    """An empty text is an error that says so, not a refusal."""
    with pytest.raises(QueryError, match="no statement") as caught:
        analyzer.analyze(sql)
    assert not isinstance(caught.value, QueryRefused)


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT * FROM proceses", "no such table: proceses; did you mean processes"),
        ("SELECT pidd FROM processes", "no such column: pidd; did you mean pid"),
        ("SELECT p.nam FROM processes p", "no such column: p.nam; did you mean name"),
        ("SELECT lenght(name) FROM processes", "no such function: lenght; did you mean length"),
        ("SELECT * FROM launchd", "no such table: launchd, it exists only on darwin"),
        (
            "SELECT * FROM certificates_x",
            "no such table: certificates_x; did you mean certificates",
        ),
        ("SELECT * FROM registry", "it exists only on windows"),
        ("SELECT * FROM opera_extensions", "it went after osquery 4.6.0"),
        ("SELECT blob FROM nowhere_at_all_zz", "no such table: nowhere_at_all_zz; the tables are"),
        ("SELECT local_time FROM time", "no such column: local_time, time.local_time went after"),
        ("SELECT\n 1,\n 2 fro x y", 'near "x": syntax error \\(line 3, column 8\\)'),
        ("SELECT 'a", "unrecognized token"),
        ("SELECT ?", "found a parameter"),
        ("SELECT :name", "found a parameter"),
        ("SELECT \udcff", "not valid Unicode"),
        ("SELECT pid FROM processes WHERE name = `bash`", "no such column: bash"),
        ("SELECT rowid FROM users", "no such column: rowid"),
        ("SELECT uid FROM users u, users v", "ambiguous column name: uid"),
        ("SELECT * FROM pragma_table_info('users')", "no such table: pragma_table_info"),
        ("SELECT * FROM dbstat", "no such table: dbstat"),
        ("SELECT * FROM fts5vocab", "no such table: fts5vocab"),
        ("SELECT * FROM jsonb_each('[]')", "no such table: jsonb_each"),
    ],
)
def test_errors_name_the_cure(analyzer: Analyzer, sql: str, message: str) -> None:
    """What was found, where it is at home, and what was probably meant."""
    with pytest.raises(QueryError, match=message) as caught:
        analyzer.analyze(sql)
    assert caught.value.sql == sql
    assert not isinstance(caught.value, QueryRefused)


def test_the_release_decides_what_exists() -> None:
    """Tables and columns that a release does not have are errors that name the release."""
    old = Analyzer(SCHEMA, platform="linux", version="5.4.0")
    with pytest.raises(QueryError, match=r"cgroup_path came with osquery 5\.5\.1, this is 5\.4\.0"):
        old.analyze("SELECT cgroup_path FROM processes")
    with pytest.raises(QueryError, match=r"it came with osquery 5\.23\.0, this is 5\.4\.0"):
        old.analyze("SELECT * FROM yara_process")
    old.close()
    older = Analyzer(SCHEMA, platform="linux", version="5.0.1")
    assert [c.type for c in older.analyze("SELECT local_time, size FROM time, carves").columns] == [
        "text",
        "integer",
    ]
    older.close()


def test_any_platform_sees_all_tables() -> None:
    """Without a platform the tables of all three exist, and no column is foreign."""
    everywhere = Analyzer(SCHEMA, platform=None)
    found = everywhere.analyze(
        "SELECT l.path, r.key, p.upid FROM launchd l, registry r, processes p"
    )
    assert [column.derived for column in found.columns] == [True, True, True]
    assert "upid" in {c.name for c in everywhere.analyze("SELECT * FROM processes").columns}
    everywhere.close()


def test_this_host_is_the_platform_unless_told(analyzer: Analyzer) -> None:
    """Without a platform ``*`` shows what this host's engine shows."""
    here = Analyzer(SCHEMA)
    there = Analyzer(SCHEMA, platform=HOST)
    star = "SELECT * FROM processes"
    assert here.analyze(star).columns == there.analyze(star).columns
    here.close()
    there.close()


def test_stars_hide_what_is_hidden(analyzer: Analyzer) -> None:
    """``*`` is what osquery shows on this platform; hidden columns can still be named."""
    spec = SCHEMA.table("processes")
    assert spec is not None
    shown = [c.name for c in spec.columns_for("linux", "5.23.1") if not c.hidden]
    assert [c.name for c in analyzer.analyze("SELECT * FROM processes").columns] == shown
    assert analyzer.analyze("SELECT upid FROM processes").columns[0].type == "integer"


def test_second_names_count_as_their_tables(analyzer: Analyzer) -> None:
    """Views such as ``hosts`` are reported as the table behind them."""
    found = analyzer.analyze("SELECT address AS a, * FROM hosts")
    assert found.tables == {"etc_hosts"}
    assert set(found.reads) == {"etc_hosts"}
    assert found.columns[0].origin == ("etc_hosts", "address")
    with pytest.raises(QueryError):
        analyzer.analyze("SELECT pid_with_namespace FROM hosts")
    assert analyzer.analyze("SELECT pid_with_namespace FROM etc_hosts").columns


def test_duplicate_names_stay_visible(analyzer: Analyzer) -> None:
    """Two columns of one name are two columns; what to do with them is for others to say."""
    found = analyzer.analyze("SELECT name, name, 1 AS name FROM processes")
    assert [c.name for c in found.columns] == ["name"] * 3
    assert [c.type for c in found.columns] == ["text", "text", "integer"]


FORBIDDEN = [
    "SELECT * FROM curl",
    "SELECT * FROM main.curl",
    'SELECT * FROM "curl"',
    "SELECT * FROM [CURL]",
    "SELECT * FROM `curl`",
    "SELECT * FROM 'curl'",
    "SELECT 1 FROM users, curl",
    "SELECT 1 FROM users WHERE 'x' IN curl",
    "SELECT 1 FROM users WHERE 'x' IN (SELECT url FROM curl)",
    "SELECT (SELECT url FROM curl)",
    "SELECT EXISTS (SELECT 1 FROM curl)",
    "WITH x AS (SELECT * FROM curl) SELECT * FROM x",
    "WITH users AS (SELECT * FROM curl) SELECT * FROM users",
    "SELECT 1 FROM users UNION SELECT url FROM curl",
    "SELECT * FROM (SELECT 'http://x' AS url) JOIN curl USING (url)",
    "SELECT 1 FROM (SELECT 'http://x' AS url) NATURAL JOIN curl",
    "SELECT u.uid FROM users u LEFT JOIN curl ON 1",
    "SELECT * FROM curl('http://x')",
    "SELECT 1 ORDER BY (SELECT 1 FROM curl)",
    "SELECT count(*) FILTER (WHERE (SELECT 1 FROM curl)) FROM users",
    "SELECT sum(uid) OVER (ORDER BY (SELECT 1 FROM curl)) FROM users",
    "SELECT 1 FROM users GROUP BY uid HAVING (SELECT 1 FROM curl)",
    "SELECT 1 LIMIT (SELECT 1 FROM curl)",
    "VALUES ((SELECT url FROM curl))",
]


@pytest.mark.parametrize("sql", FORBIDDEN)
def test_a_table_out_of_the_list_is_out_of_reach(narrow: Analyzer, sql: str) -> None:
    """However a table is written and wherever it stands, it is refused if it is not allowed."""
    with pytest.raises(QueryRefused, match="curl is not available here"):
        narrow.analyze(sql)


def test_a_refusal_leaves_the_analyzer_usable(narrow: Analyzer) -> None:
    """What one statement did is not held against the next."""
    for sql in FORBIDDEN[:3]:
        with pytest.raises(QueryRefused):
            narrow.analyze(sql)
        assert narrow.analyze("SELECT uid FROM users").tables == {"users"}


@given(statements(extra=("curl",)))
@settings(max_examples=120, deadline=None)
def test_random_statements_cannot_reach_a_forbidden_table(sql: str) -> None:
    """What is accepted never opens ``curl`` where that exists; what is opened was found."""
    analyzer = Analyzer(SCHEMA, COLUMNS, platform="linux", version="5.23.1")
    try:
        found = analyzer.analyze(sql)
    except QueryError:
        return
    finally:
        analyzer.close()
    opened = _opened(sql)
    assert "curl" not in opened
    assert opened <= found.tables
    assert found.tables <= {word for word in re.findall(r"\w+", sql) if word in COLUMNS}


def _opened(sql: str) -> set[str]:
    """The tables that a real run opens."""
    opened: set[str] = set()

    class Source:
        def __init__(self, columns: tuple[str, ...]) -> None:
            self.columns = columns

        def Connect(self, _c: Any, _m: str, _d: str, name: str, *_: str) -> tuple[str, Any]:  # noqa: N802
            names = ", ".join(f'"{column}"' for column in self.columns)
            return f"CREATE TABLE x ({names})", Table(name)

    class Table:
        def __init__(self, name: str) -> None:
            self.name = name

        def BestIndex(self, *_: Any) -> None:  # noqa: N802
            return None

        def Open(self) -> "Table":  # noqa: N802
            return self

        def Filter(self, *_: Any) -> None:  # noqa: N802
            opened.add(self.name)

        def Eof(self) -> bool:  # noqa: N802
            return True

        def Nothing(self, *_: Any) -> None:  # noqa: N802
            return None

        Disconnect = Destroy = Close = Next = Nothing

    connection = apsw.Connection(":memory:")
    for name in (*COLUMNS, "curl"):
        spec = SCHEMA.table(name)
        assert spec is not None
        columns = tuple(c.name for c in spec.columns_for("linux", "5.23.1") if not c.hidden)
        connection.create_module(name, Source(columns), eponymous=True)  # type: ignore[arg-type]
    connection.execute(sql).fetchall()
    connection.close()
    return opened


def test_functions_can_be_narrowed_and_widened() -> None:
    """The list of functions is the caller's; names have no case."""
    only = Analyzer(SCHEMA, policy=Policy(functions=frozenset({"COUNT"})))
    assert only.analyze("SELECT Count(*) FROM users").functions == {"count"}
    with pytest.raises(QueryRefused, match="function lower may not be used here"):
        only.analyze("SELECT lower(username) FROM users")
    with pytest.raises(QueryRefused, match="function like may not be used here"):
        only.analyze("SELECT 1 FROM users WHERE username LIKE 'a'")
    only.close()
    wide = Analyzer(SCHEMA, policy=Policy(functions=frozenset({"carve"})))
    assert wide.analyze("SELECT carve('x')").columns[0].type == "text"
    wide.close()


def test_tables_of_an_extension_are_known_when_declared() -> None:
    """What the schema does not know can be brought along."""
    columns = (ColumnSpec(name="n", type="BIGINT"), ColumnSpec(name="secret", hidden=True))
    extra = TableSpec(name="My_Table", platforms=("linux",), columns=columns)
    made = Analyzer(SCHEMA, ["users"], platform="linux", extra=[extra])
    found = made.analyze("SELECT *, secret, n + 1 FROM my_table JOIN users ON n = uid")
    assert found.tables == {"my_table", "users"}
    assert (found.columns[0].name, found.columns[0].type) == ("n", "integer")
    assert found.columns[0].origin == ("my_table", "n")
    made.close()


def test_it_never_runs_the_statement(analyzer: Analyzer) -> None:
    """A statement that would not end is described as fast as any other."""
    endless = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT sum(n) FROM c"
    assert analyzer.analyze(endless).columns[0].type == "integer"
    assert analyzer.analyze("SELECT randomblob(1000000000)").columns


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT " + "(" * 3000 + "1" + ")" * 3000,
        "SELECT " + "1+" * 3000 + "1",
        "SELECT '" + "x" * 2_000_000 + "'",
        " UNION ALL ".join(["SELECT 1"] * 600),
        "SELECT " + ", ".join(["1"] * 2500),
    ],
    ids=["depth", "terms", "length", "unions", "columns"],
)
def test_limits_end_what_is_too_large(analyzer: Analyzer, sql: str) -> None:
    """Texts beyond SQLite's limits are errors, not crashes, and the next statement works."""
    with pytest.raises(QueryError):
        analyzer.analyze(sql)
    assert analyzer.analyze("SELECT 1").columns


def test_closing_twice_is_fine() -> None:
    """The connection is let go once."""
    made = Analyzer(SCHEMA, ["users"])
    made.close()
    made.close()
