"""The embedded engine hands constraints to tables as osquery does, and survives any table."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from telegraf_osquery.clock import Deadline
from telegraf_osquery.engines.embedded import Embedded
from telegraf_osquery.engines.embedded_tables import MODULES
from telegraf_osquery.engines.embedded_tables.ask import Ask, Table
from telegraf_osquery.engines.rights import sees_all
from telegraf_osquery.errors import QueryError
from telegraf_osquery.schema.tables import Schema, load
from tests.fakes.clock import ManualClock

Rows = list[tuple[Any, ...]]


class Recorder:
    """A table that writes down what it was asked."""

    def __init__(self, rows: Callable[[Ask], Sequence[Sequence[Any]]]) -> None:
        self.rows = rows
        self.equal: list[dict[str, Any]] = []
        self.like: list[dict[str, str]] = []
        self.used: list[frozenset[str]] = []

    def __call__(self, ask: Ask) -> Iterator[Sequence[Any]]:
        self.equal.append(ask.equal)
        self.like.append(ask.like)
        self.used.append(ask.used)
        yield from self.rows(ask)


@pytest.fixture(scope="module")
def schema() -> Schema:
    return load()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def processes() -> Recorder:
    def rows(ask: Ask) -> Rows:
        wanted = [ask.equal["pid"]] if "pid" in ask.equal else range(1, 6)
        return [(pid, f"name{pid}", pid % 2) for pid in wanted]

    return Recorder(rows)


@pytest.fixture
def files() -> Recorder:
    found = [("/a/x.conf", "/a", "x.conf"), ("/a/y", "/a", "y"), ("/b/x.conf", "/b", "x.conf")]
    return Recorder(
        lambda ask: [row for row in found if ask.equal.get("directory", row[1]) == row[1]]
    )


@pytest.fixture
def ask(
    schema: Schema, clock: ManualClock, processes: Recorder, files: Recorder
) -> Iterator[Callable[[str], Rows]]:
    tables = {
        "processes": Table(("pid", "name", "uid"), processes),
        "listening_ports": Table(("port", "pid"), lambda _: iter([(80, 1), (443, 2), (22, 2)])),
        "file": Table(("path", "directory", "filename"), files),
        "users": Table(
            ("uid", "username", "uuid"), lambda _: iter([(-1, "a", "AA"), (-2, "a", "B")])
        ),
        "groups": Table(("nosuch",), lambda _: iter([("x",)])),
    }
    engine = Embedded(schema, clock, tables=tables)

    def run(sql: str) -> Rows:
        answer = engine.execute(sql, Deadline(clock, 10))
        return [row for chunk in answer.chunks for row in zip(*chunk, strict=True)]

    yield run
    engine.close()


def test_only_used_columns_are_asked_for(ask: Callable[[str], Rows], processes: Recorder) -> None:
    """A column the statement does not read is not in ``used``."""
    ask("SELECT name FROM processes WHERE uid > 0")
    assert processes.used == [frozenset({"name", "uid"})]


@pytest.mark.parametrize(
    ("where", "equal"),
    [
        ("pid = 3", [{"pid": 3}]),
        ("pid = '3'", [{"pid": 3}]),
        ("pid = 3.0", [{"pid": 3}]),
        ("pid IN (1, 2)", [{"pid": 1}, {"pid": 2}]),
        ("pid > 3", [{}]),
        ("name = 'name3'", [{}]),
        ("pid = 'abc'", []),
        ("pid = NULL", []),
        ("pid = x'33'", []),
        ("pid = 1e300", []),
    ],
)
def test_equality_on_an_index_column_reaches_the_table(
    ask: Callable[[str], Rows], processes: Recorder, where: str, equal: list[dict[str, Any]]
) -> None:
    """``=`` and ``IN`` come as values of the column's type; what cannot match starts no scan."""
    rows = ask(f"SELECT pid FROM processes WHERE {where}")
    assert processes.equal == equal
    assert rows == [row for row in rows if row[0] in range(1, 6)]


def test_a_join_looks_rows_up_instead_of_scanning(
    ask: Callable[[str], Rows], processes: Recorder
) -> None:
    """listening_ports JOIN processes USING (pid) opens one process per port."""
    rows = ask("SELECT port, name FROM listening_ports JOIN processes USING (pid)")
    assert sorted(rows) == [(22, "name2"), (80, "name1"), (443, "name2")]
    assert processes.equal == [{"pid": 1}, {"pid": 2}, {"pid": 2}]


def test_a_join_written_the_other_way_round_looks_up_as_well(
    ask: Callable[[str], Rows], processes: Recorder
) -> None:
    """The order of tables in FROM does not matter."""
    ask("SELECT port, name FROM processes p JOIN listening_ports l ON l.pid = p.pid")
    assert {} not in processes.equal


@pytest.mark.parametrize("where", ["1", "mtime > 0", "path > '/'", "path LIKE '/%' ESCAPE '!'"])
def test_a_query_without_its_required_column_is_refused(
    ask: Callable[[str], Rows], where: str
) -> None:
    """As osquery: code 19, the table and the columns that would do are named."""
    with pytest.raises(
        QueryError, match=r"^Table file was .* required .* path or directory"
    ) as caught:
        ask(f"SELECT * FROM file WHERE {where}")
    assert caught.value.code == 19
    assert caught.value.sql.endswith(where)


@pytest.mark.parametrize(
    "where",
    [
        "path = '/a/y'",
        "path LIKE '/a/%'",
        "path IN ('/a/y', '/q')",
        "directory = '/a'",
        "filename = 'y' AND path = '/a/y'",
    ],
)
def test_one_required_column_is_enough(ask: Callable[[str], Rows], where: str) -> None:
    """Any of the table's required columns, by =, IN or LIKE."""
    assert ("/a/y",) in ask(f"SELECT path FROM file WHERE {where}")


def test_a_required_column_may_come_from_the_join(ask: Callable[[str], Rows]) -> None:
    """The table with the required column is read last; a ring of two such tables is refused."""
    sql = "SELECT f.path FROM file f JOIN processes p ON f.directory = '/a' || substr(p.name, 9)"
    assert {row[0] for row in ask(sql)} == {"/a/x.conf", "/a/y"}
    with pytest.raises(QueryError, match="required column"):
        ask("SELECT 1 FROM file f JOIN file g ON f.path = g.path")


def test_both_patterns_of_one_column_are_asked(ask: Callable[[str], Rows], files: Recorder) -> None:
    """What either finds comes once and must fit both."""
    rows = ask("SELECT path FROM file WHERE path LIKE '/a/%' AND path LIKE '%.conf'")
    assert rows == [("/a/x.conf",)]
    assert sorted(one["path"] for one in files.like) == ["%.conf", "/a/%"]


def test_an_or_over_two_columns_gives_each_row_once(ask: Callable[[str], Rows]) -> None:
    """SQLite unites the scans of an OR by row identity."""
    rows = ask("SELECT path FROM file WHERE directory = '/a' OR path LIKE '%.conf'")
    assert sorted(rows) == [("/a/x.conf",), ("/a/y",), ("/b/x.conf",)]


def test_rows_that_look_the_same_stay_two(ask: Callable[[str], Rows]) -> None:
    """Two equal rows of one scan survive an OR; -1 and -2 hash alike in Python and stay apart."""
    rows = ask("SELECT filename FROM file WHERE directory = '/a' OR directory LIKE '/b'")
    assert sorted(rows) == [("x.conf",), ("x.conf",), ("y",)]
    assert len(ask("SELECT uid FROM users WHERE uid = -1 OR username LIKE 'a'")) == 2


def test_distinct_on_a_key_column_is_distinct(ask: Callable[[str], Rows]) -> None:
    """Where osquery returns repeats because it declares a key, this engine does not."""
    assert ask("SELECT DISTINCT username FROM users") == [("a",)]


def test_an_equality_that_ignores_case_is_left_to_sqlite(ask: Callable[[str], Rows]) -> None:
    """users.uuid is NOCASE: the table is not asked for one spelling."""
    assert ask("SELECT uid FROM users WHERE uuid = 'aa'") == [(-1,)]


def test_columns_the_table_does_not_have_are_empty(ask: Callable[[str], Rows]) -> None:
    """The schema's column set is complete, whatever a table offers: no number, no text."""
    assert ask("SELECT gid, groupname FROM groups") == [(None, "")]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1; SELECT 2",
        "CREATE TABLE x(a)",
        "ATTACH 'x' AS y",
        "PRAGMA user_version = 3",
        "DELETE FROM processes",
        "BEGIN",
        "",
        "-- nothing",
        "SELECT * FROM nosuch",
        "SELECT nosuch FROM processes",
        "SELECT 'a",
        "SELECT '\ud800'",
        "SELECT load_extension('x')",
        "SELECT hex(zeroblob(100000000))",
    ],
)
def test_what_is_no_single_reading_statement_is_an_error(
    ask: Callable[[str], Rows], sql: str
) -> None:
    """It raises QueryError and leaves the engine usable."""
    with pytest.raises(QueryError):
        ask(sql)
    assert ask("SELECT count(*) FROM processes") == [(5,)]


def _broken(_: Ask) -> Iterator[Sequence[Any]]:
    yield (1, "one", 1)
    raise ZeroDivisionError("planted")


@pytest.mark.parametrize(
    "generate",
    [
        _broken,
        lambda _: iter([(1, "one", 1), (1,)]),
        lambda _: iter([(1, object(), 1)]),
        lambda _: iter([(1, "\udcff", 1)]),
        lambda _: iter([(1 << 70, "a", 1)]),
        lambda _: None,
    ],
)
def test_a_faulty_table_is_a_query_error(
    schema: Schema, clock: ManualClock, generate: Callable[[Ask], Iterator[Sequence[Any]]]
) -> None:
    """Whatever a table does wrong ends that query, not the process."""
    table = Table(("pid", "name", "uid"), generate)
    engine = Embedded(schema, clock, tables={"processes": table})
    sql = "SELECT uid, pid, name FROM processes"
    with pytest.raises(QueryError):
        list(engine.execute(sql, Deadline(clock, 1)).chunks)
    assert next(engine.execute("SELECT 1", Deadline(clock, 1)).chunks) == ((1,),)
    engine.close()


def test_the_name_of_a_faulty_table_is_in_the_message(schema: Schema, clock: ManualClock) -> None:
    """An unexpected exception names the table and its kind."""
    table = Table(("pid", "name", "uid"), _broken)
    engine = Embedded(schema, clock, tables={"processes": table})
    answer = engine.execute("SELECT name FROM processes", Deadline(clock, 1))
    assert next(answer.chunks) == (("one",),)
    with pytest.raises(QueryError, match="table processes: ZeroDivisionError: planted"):
        next(answer.chunks)
    engine.close()


def test_a_generator_ends_when_the_answer_is_closed(schema: Schema, clock: ManualClock) -> None:
    """Closing early runs the table's clean-up at once."""
    ended = []

    def endless(_: Ask) -> Iterator[Sequence[Any]]:
        try:
            while True:
                yield (1,)
        finally:
            ended.append(True)

    engine = Embedded(schema, clock, tables={"processes": Table(("pid",), endless)})
    answer = engine.execute("SELECT pid FROM processes", Deadline(clock, 1))
    next(answer.chunks)
    assert not ended
    answer.chunks.close()  # type: ignore[attr-defined]
    assert ended == [True]
    engine.execute("SELECT pid FROM processes", Deadline(clock, 1))
    engine.close()
    assert ended == [True, True]


def test_a_fault_while_a_table_is_closed_is_told(schema: Schema, clock: ManualClock) -> None:
    """The rows are good; the fault is one line of warning."""

    def stubborn(_: Ask) -> Iterator[Sequence[Any]]:
        try:
            yield (1,)
            yield (2,)
        finally:
            raise ZeroDivisionError("planted")

    told: list[str] = []
    table = Table(("pid",), stubborn)
    engine = Embedded(schema, clock, tables={"processes": table}, warn=told.append)
    answer = engine.execute("SELECT pid FROM processes LIMIT 1", Deadline(clock, 1))
    assert list(answer.chunks) == [((1,),)]
    assert told == ["table processes: ZeroDivisionError: planted, while it was closed"]
    engine.close()


def test_a_table_that_cannot_be_opened_is_a_query_error(
    schema: Schema, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No module, no such table in it, or a table that the schema does not know."""
    monkeypatch.setitem(MODULES, "users", "nosuch")
    monkeypatch.setitem(MODULES, "groups", "ask")
    table = Table(("a",), lambda _: iter([(1,)]))
    engine = Embedded(schema, clock, tables={"made_up": table})
    for name, reason in (("users", "nosuch"), ("groups", "ask"), ("made_up", "schema")):
        with pytest.raises(QueryError, match=f"table {name}: .*{reason}"):
            engine.execute(f"SELECT * FROM {name}", Deadline(clock, 1))
    assert next(engine.execute("SELECT 1", Deadline(clock, 1)).chunks) == ((1,),)
    engine.close()


def test_the_order_of_a_tables_columns_does_not_matter(schema: Schema, clock: ManualClock) -> None:
    """Cells reach the schema's columns by name."""
    table = Table(("name", "pid"), lambda _: iter([("one", 1)]))
    engine = Embedded(schema, clock, tables={"processes": table})
    answer = engine.execute("SELECT pid, name FROM processes", Deadline(clock, 1))
    assert next(answer.chunks) == ((1,), ("one",))
    engine.close()


def test_a_large_answer_comes_in_small_chunks(schema: Schema, clock: ManualClock) -> None:
    """Chunks stay near 1 MiB also where rows are long."""
    table = Table(("pid", "name"), lambda _: iter([(n, "x" * 200_000) for n in range(100)]))
    engine = Embedded(schema, clock, tables={"processes": table})
    chunks = list(engine.execute("SELECT name FROM processes", Deadline(clock, 1)).chunks)
    assert sum(len(chunk[0]) for chunk in chunks) == 100
    assert max(sum(map(len, chunk[0])) for chunk in chunks) <= 16 * 200_000
    engine.close()


def test_a_hidden_second_name_reads_the_same_column(schema: Schema, clock: ManualClock) -> None:
    """time.date_time is datetime under its old name, and not part of ``*``."""
    engine = Embedded(schema, clock)
    answer = engine.execute("SELECT date_time = datetime FROM time", Deadline(clock, 1))
    assert next(answer.chunks) == ((1,),)
    assert "date_time" not in engine.execute("SELECT * FROM time", Deadline(clock, 1)).names
    engine.close()


@pytest.mark.parametrize("table", sorted(MODULES))
def test_each_table_has_columns_of_the_schema_only(
    schema: Schema, clock: ManualClock, table: str
) -> None:
    """A table offers no column that osquery does not declare."""
    spec = schema.table(table)
    assert spec is not None
    engine = Embedded(schema, clock)
    offered = engine._table(table).columns
    assert set(offered) <= {column.name for column in spec.columns_for("linux")}
    assert len(set(offered)) == len(offered)
    engine.close()


def test_limited_names_tables_that_lack_something_here(schema: Schema, clock: ManualClock) -> None:
    """Whoever may read everything sees all; others are told which tables show less."""
    engine = Embedded(schema, clock)
    wanted = frozenset() if sees_all() else {"system_info"}
    assert engine.limited(frozenset({"system_info", "time"})) == wanted
    engine.close()


@pytest.mark.parametrize(
    ("effective", "all_seen"),
    [
        ("000001ffffffffff", True),
        ("0000000000080004", True),
        ("0000000000080000", False),
        ("0", False),
    ],
)
def test_rights_are_capabilities_not_the_uid(
    tmp_path: Path, effective: str, *, all_seen: bool
) -> None:
    """Both capabilities count, whatever the user's name."""
    status = tmp_path / "status"
    status.write_text(f"Name:\tpython\nUid:\t1000\nCapEff:\t{effective}\n")
    assert sees_all(str(status)) is all_seen


def test_rights_that_cannot_be_told_are_none(tmp_path: Path) -> None:
    """Without the file, or without the line, nothing is claimed."""
    assert not sees_all(str(tmp_path / "missing"))
    (tmp_path / "status").write_text("Name:\tpython\n")
    assert not sees_all(str(tmp_path / "status"))
