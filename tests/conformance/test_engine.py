"""Every engine keeps the contract of engines/base.py."""

import gc
import os
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from telegraf_osquery.clock import Deadline, SystemClock
from telegraf_osquery.engines.base import Answer, Engine
from telegraf_osquery.engines.embedded import Embedded
from telegraf_osquery.engines.process import Process
from telegraf_osquery.engines.socket import Socket
from telegraf_osquery.errors import QueryError, QueryTimeout
from telegraf_osquery.schema.analyze import Analyzer
from telegraf_osquery.schema.tables import load
from tests.fakes import osqueryd, osqueryi
from tests.fakes.odd_tables import TABLES

_ENDLESS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT {} FROM c"
_COUNT = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT {}) SELECT x FROM c"

CLOCK = SystemClock()


Make = Callable[[], Engine]


def _makers(folder: Path) -> dict[str, Make]:
    """Each engine over the same tables: the embedded one here, the others over their doubles."""
    program = osqueryi.install(folder, "--odd")
    return {
        "embedded": lambda: Embedded(load(), CLOCK, tables=TABLES),
        "process": lambda: Process(CLOCK, [program], Analyzer(load())),
        "socket": lambda: Socket(CLOCK, str(folder / "osquery.em")),
    }


@pytest.fixture(scope="module")
def makers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Make]]:
    folder = tmp_path_factory.mktemp("engines")
    with osqueryd.beside(folder / "osquery.em", "--odd"):
        yield _makers(folder)


@pytest.fixture(params=["embedded", "process", "socket"])
def engine(request: pytest.FixtureRequest, makers: dict[str, Make]) -> Iterator[Engine]:
    made = makers[request.param]()
    _rows(made.execute("SELECT 1 AS a", _within(5)))  # a child has started
    yield made
    made.close()


def _within(seconds: float) -> Deadline:
    return Deadline(CLOCK, seconds)


def _rows(answer: Answer) -> list[tuple[Any, ...]]:
    return [row for chunk in answer.chunks for row in zip(*chunk, strict=True)]


def _into(rows: list[Any], engine: Engine, sql: str, seconds: float) -> None:
    """Add the rows as they come, so that those before a fault are seen."""
    for chunk in engine.execute(sql, _within(seconds)).chunks:
        rows.extend(chunk[0])


def _open_fds() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_it_says_what_it_is(engine: Engine) -> None:
    """The kind is one of three words, the tables are a set of names."""
    assert engine.kind in {"socket", "process", "embedded"}
    assert {"processes", "users", "time"} <= engine.tables()
    assert engine.limited(frozenset({"time"})) == frozenset()


def test_names_come_before_rows(engine: Engine) -> None:
    """Also for an answer without rows; in the order of the statement."""
    answer = engine.execute("SELECT year, 1 AS b, weekday FROM time WHERE 0", _within(5))
    assert answer.names == ("year", "b", "weekday")
    assert _rows(answer) == []


def test_equal_names_are_all_there(engine: Engine) -> None:
    """All names are told; osquery's rows know the last of the values only."""
    answer = engine.execute("SELECT 1 AS a, 2 AS a", _within(5))
    assert answer.names == ("a", "a")
    first = "1" if engine.kind == "embedded" else "2"
    assert [list(map(str, row)) for row in _rows(answer)] == [[first, "2"]]


@pytest.mark.parametrize("count", [0, 1, 499, 500, 501, 2000])
def test_chunks_are_small_and_complete(engine: Engine, count: int) -> None:
    """At most 500 rows a chunk, held by column, none empty, none lost."""
    chunks = list(engine.execute(_COUNT.format(count), _within(5)).chunks)
    assert all(len(chunk) == 1 and 0 < len(chunk[0]) <= 500 for chunk in chunks)
    assert [int(cell) for chunk in chunks for cell in chunk[0]] == list(range(1, count + 1))


@pytest.mark.parametrize("what", ["x", "count(*)"])
def test_an_endless_statement_ends_at_the_deadline(engine: Engine, what: str) -> None:
    """Both one that gives rows and one that never gives any."""
    started = CLOCK.monotonic()
    with pytest.raises(QueryTimeout):
        _rows(engine.execute(_ENDLESS.format(what), _within(0.3)))
    assert 0.25 < CLOCK.monotonic() - started < 0.3 + 0.5


def test_a_slow_table_ends_at_the_deadline(engine: Engine) -> None:
    """The rows before it stay where they have come: osquery collects all before it answers."""
    started = CLOCK.monotonic()
    rows: list[Any] = []
    with pytest.raises(QueryTimeout):
        _into(rows, engine, "SELECT pid FROM last", 0.2)
    assert len(rows) >= 5 if engine.kind == "embedded" else rows == []
    assert CLOCK.monotonic() - started < 0.2 + 0.5


def test_time_between_chunks_does_not_count(engine: Engine) -> None:
    """A consumer that takes longer than the deadline, and says so, still gets every row."""
    deadline = _within(0.2)
    found = 0
    for chunk in engine.execute(_COUNT.format(1000), deadline).chunks:
        found += len(chunk[0])
        with deadline.paused():
            pause = _within(0.25)
            while not pause.expired():
                pass
    assert found == 1000


def test_an_engine_works_on_after_a_timeout(engine: Engine) -> None:
    """A deadline that passed is no state."""
    with pytest.raises(QueryTimeout):
        _rows(engine.execute(_ENDLESS.format("count(*)"), _within(0.05)))
    assert len(_rows(engine.execute(_COUNT.format(10), _within(5)))) == 10


def test_rows_before_an_error_are_delivered(engine: Engine) -> None:
    """The fault comes with the pull after the last good row; osqueryd gives rows or an error."""
    value = "json_extract(CASE x WHEN 700 THEN '{' ELSE '[1]' END, '$[0]')"
    sql = f"SELECT {value} AS v FROM ({_COUNT.format(1000)})"
    rows: list[Any] = []
    with pytest.raises(QueryError, match="JSON"):
        _into(rows, engine, sql, 5)
    assert len(rows) == (0 if engine.kind == "socket" else 699)


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("SELECT * FROM nosuch", 1),
        ("SELECT nosuch FROM time", 1),
        ("SELECT FROM", 1),
        ("SELECT * FROM file", 19),
        ("SELECT path FROM hash WHERE md5 = ''", 19),
    ],
)
def test_what_cannot_be_answered_is_a_query_error(engine: Engine, sql: str, code: int) -> None:
    """With SQLite's code and the text that was asked."""
    with pytest.raises(QueryError) as caught:
        _rows(engine.execute(sql, _within(5)))
    assert (caught.value.code, caught.value.sql) == (code, sql)


def test_an_unread_answer_gives_way_to_the_next(engine: Engine) -> None:
    """One statement at a time: a new one ends the old one."""
    old = engine.execute(_COUNT.format(5000), _within(5))
    next(old.chunks)
    assert len(_rows(engine.execute(_COUNT.format(3), _within(5)))) == 3
    assert list(old.chunks) == []


def test_close_twice(engine: Engine) -> None:
    """Also in the middle of an answer; afterwards it does not answer."""
    answer = engine.execute(_COUNT.format(5000), _within(5))
    next(answer.chunks)
    engine.close()
    engine.close()
    with pytest.raises(QueryError):
        engine.execute("SELECT 1", _within(5))


def test_many_statements_leak_nothing(engine: Engine) -> None:
    """Neither file descriptors nor memory, also when answers are left half read."""

    def round_(number: int) -> None:
        next(engine.execute("SELECT username FROM shadow", _within(5)).chunks)
        _rows(engine.execute(f"SELECT count(*), {number} AS n FROM shadow", _within(5)))
        with pytest.raises(QueryError):
            engine.execute(f"SELECT nosuch{number} FROM shadow", _within(5))

    for number in range(66):  # fill what is cached on purpose
        round_(number)
    files = _open_fds()
    held = _traced(lambda: [round_(number) for number in range(100, 110)])
    assert _open_fds() == files
    assert held < 100_000


def _traced(work: Callable[[], object]) -> int:
    """Bytes that Python holds more after the work than before."""
    tracemalloc.start()
    try:
        work()
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        work()
        gc.collect()
        return tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
