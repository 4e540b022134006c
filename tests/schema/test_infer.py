"""Types by our own reading of a SELECT, held against SQLite."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telegraf_osquery.errors import QueryError
from telegraf_osquery.model.column import Column
from telegraf_osquery.schema.analyze import Analyzer
from telegraf_osquery.schema.coerce import coerce
from telegraf_osquery.schema.infer import Out, infer
from telegraf_osquery.schema.sql_tokens import tokenize
from telegraf_osquery.schema.stubs import JSON_COLUMNS
from telegraf_osquery.schema.tables import load
from tests.schema.random_sql import COLUMNS, statements

CASES = Path(__file__).parents[1] / "testcases" / "schema" / "constructions.sql"
SCHEMA = load()
RANDOM = settings(max_examples=150, deadline=None)


def _declared(name: str) -> Sequence[Out] | None:
    spec = SCHEMA.table(name)
    if spec is None:
        return None
    columns = spec.columns_for("linux", "5.23.1")
    return [Out(c.name, c.family, (spec.name, c.name), c.hidden) for c in columns]


def _all(name: str) -> Sequence[Out] | None:
    return JSON_COLUMNS if name == "json_each" else _declared(name)


def _cases() -> list[tuple[str, str]]:
    """Pairs of a statement and its types, parted by an empty line in the case file."""
    blocks = CASES.read_text(encoding="utf-8").split("\n\n")[1:]
    return [(sql, types) for sql, _, types in (block.strip().rpartition("\n") for block in blocks)]


def _types(sql: str) -> list[str | None]:
    found = infer(sql, _declared)
    assert found is not None
    return [out.type for out in found]


@pytest.fixture(scope="module")
def analyzer() -> Iterator[Analyzer]:
    made = Analyzer(SCHEMA, platform="linux", version="5.23.1")
    yield made
    made.close()


@pytest.mark.parametrize("line", _cases(), ids=lambda case: case[0])
def test_statement(analyzer: Analyzer, line: tuple[str, str]) -> None:
    """Each construction is accepted by SQLite and gives the types that its rule says."""
    sql, types = line
    found = analyzer.analyze(sql).columns
    assert " ".join(c.type if c.derived else "?" for c in found) == types
    inferred = ["?" if out.type in {None, "null"} else out.type for out in infer(sql, _all) or ()]
    assert " ".join(map(str, inferred)) == types


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM users JOIN groups USING (gid)",
        "SELECT * FROM users NATURAL JOIN groups",
        "SELECT g.*, uid, 1 FROM users u, groups g",
        "SELECT * FROM (users u JOIN groups g ON u.gid = g.gid) JOIN processes p USING (uid)",
        "WITH a AS (SELECT uid FROM users), b AS (SELECT uid, 1.5 d FROM a) SELECT *, b.* FROM b",
        'SELECT * FROM (SELECT users.UID, "gid", (shell), 1+1, count(*) FROM users)',
        "SELECT * FROM users LEFT JOIN (groups NATURAL JOIN processes) USING (gid, uid)",
    ],
)
def test_stars_show_what_sqlite_shows(sql: str) -> None:
    """Names, order and origins of ``*`` follow joins, USING and NATURAL."""
    description = _prepared(sql)
    found = infer(sql, _declared) or []
    assert [out.name.lower() for out in found] == [one[0].lower() for one in description]
    assert [out.origin for out in found] == [one[3:] if one[3] else None for one in description]


def test_what_is_beyond_us_is_not_an_exception() -> None:
    """Text that is no SELECT, or nested too deep, gives nothing at all."""
    assert infer("DELETE FROM users", _declared) is None
    assert infer("SELECT * FROM no_such_table", _declared) is None
    assert infer("SELECT " + "(" * 5000 + "1" + ")" * 5000, _declared) is None
    assert infer("", _declared) is None
    assert infer("SELECT (SELECT *)", _declared) is None


def test_one_column_beyond_us_does_not_spoil_the_others() -> None:
    """A column in words that are not known is unknown; its neighbours are typed."""
    assert _types("SELECT pid, (1, 2) = (3, 4), 1 ?! 2, name FROM processes") == [
        "integer",
        "integer",
        None,
        "text",
    ]


_WORDS = """
    SELECT FROM ( ) , . * users uid UNION ALL WITH AS CASE WHEN THEN ELSE END NULL 'x' 1 2.5 + -
    || NOT IN BETWEEN AND IS JOIN NATURAL LEFT USING ON WHERE ORDER BY LIMIT VALUES EXISTS CAST
    count OVER FILTER DISTINCT COLLATE x ? ! ; "q" [r] ->> LIKE ESCAPE INDEXED RECURSIVE
    MATERIALIZED INT
"""
WORDS = tuple(_WORDS.split())


@given(st.lists(st.sampled_from(WORDS), max_size=25), st.text(max_size=20))
@settings(max_examples=400, deadline=None)
def test_no_text_is_an_exception(words: list[str], tail: str) -> None:
    """Whatever the words, the answer is a list of columns or nothing."""
    for sql in ("SELECT " + " ".join(words), " ".join(words), "SELECT 1, " + tail):
        found = infer(sql, _declared)
        assert found is None or all(isinstance(out, Out) for out in found)


@given(statements())
@RANDOM
def test_origins_equal_sqlite(sql: str) -> None:
    """Number, names and origins of the columns are what SQLite itself reports."""
    try:
        description = _prepared(sql)
    except apsw.SQLError:
        return
    found = infer(sql, _declared)
    assert found is not None
    assert [out.name for out in found] == [one[0] for one in description]
    if {token.upper for token in tokenize(sql)} & {"UNION", "EXCEPT", "INTERSECT"}:
        return
    assert [out.origin for out in found] == [one[3:] if one[3] else None for one in description]


@given(statements())
@RANDOM
def test_values_fit_their_types(sql: str) -> None:
    """What a statement really gives can be carried by the types found, with nothing left out."""
    analyzer = Analyzer(SCHEMA, COLUMNS, platform="linux", version="5.23.1")
    connection = _filled()
    try:
        columns = analyzer.analyze(sql).columns
        rows = connection.execute(f"SELECT * FROM ({sql}) LIMIT 50").fetchall()
    except (QueryError, apsw.SQLError):
        return
    finally:
        analyzer.close()
        connection.close()
    chunk = list(zip(*rows, strict=True)) or [() for _ in columns]
    _, faults = coerce(chunk, [Column(c.name, c.type) for c in columns])
    assert not faults


def _filled() -> apsw.Connection:
    """Ordinary tables of the same columns with a few rows."""
    connection = apsw.Connection(":memory:")
    for table in COLUMNS:
        columns = [out for out in _declared(table) or () if not out.hidden]
        names = ", ".join(f'"{out.name}"' for out in columns)
        connection.execute(f"CREATE TABLE {table} ({names})")
        for row in range(3):
            cells = ["", "abc", "12"][row], [0, -1, 4097][row]
            values = [cells[out.type != "text"] for out in columns]
            connection.execute(
                f"INSERT INTO {table} VALUES ({','.join('?' * len(values))})", values
            )
    return connection


def _prepared(sql: str) -> list[tuple[str, ...]]:
    """SQLite's own description of the result, with the schema's tables as ordinary ones."""
    connection = apsw.Connection(":memory:")
    try:
        for table in COLUMNS:
            columns = [out for out in _declared(table) or () if not out.hidden]
            names = ", ".join(f'"{out.name}"' for out in columns)
            connection.execute(f"CREATE TABLE {table} ({names})")
        found: list[tuple[str, ...]] = []

        def stop(cursor: apsw.Cursor, *_: object) -> bool:
            found.extend(
                (one[0], one[1], one[2], one[3], one[4]) for one in cursor.description_full
            )
            return False

        connection.exec_trace = stop
        with pytest.raises(apsw.ExecTraceAbort):
            connection.execute(sql)
    finally:
        connection.close()
    return found
