"""Double quotes: a column where there is one, else a text, as in osquery."""

from collections.abc import Iterator

import pytest

from telegraf_osquery.clock import Deadline
from telegraf_osquery.engines.embedded import Embedded
from telegraf_osquery.engines.embedded_tables.ask import Table
from telegraf_osquery.engines.guard import Guard, Limits
from telegraf_osquery.errors import QueryError, QueryRefused
from telegraf_osquery.schema.analyze import Analyzer
from telegraf_osquery.schema.policy import Policy
from telegraf_osquery.schema.quoted import texts
from telegraf_osquery.schema.tables import load
from tests.fakes.clock import ManualClock

SCHEMA = load()
USERS = [(0, "root", "secret"), (7, "uid", "more")]
HIDES = Policy(denied_columns={"users": frozenset({"description", "uuid"})})


@pytest.fixture(scope="module")
def analyzer() -> Iterator[Analyzer]:
    made = Analyzer(SCHEMA, platform="linux", version="5.23.1")
    yield made
    made.close()


@pytest.fixture(scope="module")
def guard() -> Iterator[Guard]:
    """The embedded engine with two users, asked by somebody who may see everything."""
    table = Table(("uid", "username", "description"), lambda _: iter(USERS))
    engine = Embedded(SCHEMA, ManualClock(), tables={"users": table})
    made = Guard(engine, Analyzer(SCHEMA, platform="linux"), Limits())
    yield made
    made.close()


def rows(guard: Guard, sql: str) -> list[tuple[object, ...]]:
    """The answer, row by row."""
    answer = guard.run(sql, Deadline(ManualClock(), 60))
    columns = ([chunk.cells(number) for number in range(chunk.width)] for chunk in answer)
    return [row for chunk in columns for row in zip(*chunk, strict=True)]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ('SELECT uid FROM users WHERE username = "root"', [(0,)]),
        ('SELECT uid FROM users WHERE "username" = "root"', [(0,)]),
        ('SELECT username FROM users WHERE username = "uid" || ""', []),
        ("SELECT username FROM users WHERE username = 'uid'", [("uid",)]),
        ('SELECT "nothing" AS v, count(*) AS n FROM users', [("nothing", 2)]),
        ('SELECT split("a,b", ",", 1) AS v', [("b",)]),
        ('SELECT u.uid FROM users u JOIN users v ON u.uid = v.uid AND v.username = "root"', [(0,)]),
        ('SELECT "true" AS v', [("true",)]),
        ('SELECT "say ""hi""" AS v', [('say "hi"',)]),
        ('SELECT n FROM (SELECT 1 AS n UNION SELECT 2) WHERE n IN (2, "x")', [(2,)]),
    ],
)
def test_what_is_no_column_is_a_text(
    guard: Guard, sql: str, expected: list[tuple[object, ...]]
) -> None:
    """Through check and engine alike; where there is a column it stays one."""
    assert rows(guard, sql) == expected


@pytest.mark.parametrize(
    ("sql", "type_"),
    [
        ('SELECT "abc" AS v', "text"),
        ('SELECT "true" AS v', "text"),
        ("SELECT true AS v", "integer"),
        ('SELECT "uid" AS v FROM users', "integer"),
        ('SELECT "abc" AS v FROM users UNION SELECT "uid" FROM users', "text"),
        ('SELECT CASE WHEN uid THEN "yes" ELSE "no" END AS v FROM users', "text"),
        ('SELECT coalesce(uid, "uid") AS v FROM users', "integer"),
        ('SELECT v FROM (SELECT "abc" AS v)', "text"),
        ('WITH w(v) AS (SELECT "abc") SELECT v FROM w', "text"),
        ('SELECT (SELECT "abc") AS v', "text"),
    ],
)
def test_the_type_is_that_of_what_it_is(analyzer: Analyzer, sql: str, type_: str) -> None:
    """A text is typed as one, a column as it is declared."""
    (column,) = analyzer.analyze(sql).columns
    assert (column.name, column.type, column.derived) == ("v", type_, True)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT `abc` AS v",
        "SELECT [abc] AS v",
        'SELECT users."abc" FROM users',
        'SELECT uid FROM "abc"',
        'SELECT uid FROM users ORDER BY "abc" COLLATE nothing',
    ],
)
def test_only_a_bare_name_in_double_quotes_can_be_a_text(analyzer: Analyzer, sql: str) -> None:
    """Backticks, brackets, a table in front, or a place for a table: an error."""
    with pytest.raises(QueryError):
        analyzer.analyze(sql)


@pytest.mark.parametrize("version", ["5.23.1", "1.4.5", None])
@pytest.mark.parametrize(
    "sql",
    [
        'SELECT "description" FROM users',
        'SELECT "DESCRIPTION" AS d FROM users',
        'SELECT uid FROM users WHERE "description" LIKE "s%"',
        'SELECT uid FROM users ORDER BY "description"',
        'SELECT count(*) FROM users GROUP BY "description"',
        'SELECT max("description") FROM users',
        'SELECT u.uid FROM users u JOIN processes p ON "description" = p.name',
        'SELECT (SELECT "description") FROM users',
        'SELECT uid FROM users WHERE EXISTS (SELECT 1 WHERE "uuid" > "a")',
        'WITH w AS (SELECT "description" AS d FROM users) SELECT d FROM w',
        'SELECT row_number() OVER (ORDER BY "description") FROM users',
        'SELECT uid FROM users WHERE username IN ("root", "description")',
    ],
)
def test_quotes_reveal_no_hidden_column(sql: str, version: str | None) -> None:
    """What is a text without the column but a column on the engine never reaches the engine.

    On no release: the check counts hidden columns in, whether its release has them or not.
    """
    analyzer = Analyzer(SCHEMA, platform="linux", version=version, policy=HIDES)
    with pytest.raises(QueryRefused, match="may not be used here"):
        analyzer.analyze(sql)
    analyzer.close()


def test_quotes_around_other_words_stay_texts_beside_hidden_columns() -> None:
    """Hiding a column takes no other text away."""
    analyzer = Analyzer(SCHEMA, platform="linux", policy=HIDES)
    found = analyzer.analyze('SELECT uid FROM users WHERE username = "root"')
    assert found.reads == {"users": frozenset({"uid", "username"})}
    analyzer.close()


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT 'a'", ()),
        ('SELECT "uid" FROM users', ()),
        ('SELECT uid FROM users WHERE username = "root"', ("root",)),
        ('SELECT "b", "a", "b", "uid" AS "x" FROM users', ("b", "a")),
        ('SELECT "a`b", "", "say ""hi""" FROM users', ("a`b", "", 'say "hi"')),
        ('SELECT "username" FROM users WHERE username = \'"root"\'', ()),
    ],
)
def test_the_words_taken_for_text_are_found(
    analyzer: Analyzer, sql: str, expected: tuple[str, ...]
) -> None:
    """Each once, in their order; names of columns, tables and results are none of them."""

    def readable(text: str) -> bool:
        try:
            analyzer.analyze(text)
        except QueryError:
            return False
        return True

    assert readable(sql)
    assert texts(sql, readable) == expected
