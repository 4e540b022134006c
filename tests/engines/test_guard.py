"""The guard: policy, types, caps and the deadline's pauses."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telegraf_osquery.clock import Deadline
from telegraf_osquery.engines.base import Answer, Chunk
from telegraf_osquery.engines.embedded import Embedded
from telegraf_osquery.engines.embedded_tables.ask import Table
from telegraf_osquery.engines.guard import Guard, Guarded, Limits, size
from telegraf_osquery.errors import (
    EngineUnavailable,
    QueryError,
    QueryRefused,
    QueryTimeout,
    TelegrafOsqueryError,
)
from telegraf_osquery.model.column import Column
from telegraf_osquery.model.rows import Rows
from telegraf_osquery.schema.analyze import Analyzer
from telegraf_osquery.schema.tables import load
from tests.fakes.clock import ManualClock

CLOCK = ManualClock()
SCHEMA = load()
ANALYZER = Analyzer(SCHEMA, platform="linux")


class ScriptedEngine:
    """Answers with the chunks it was given; an exception among them is raised."""

    kind = "embedded"

    def __init__(
        self, names: Sequence[str], script: Sequence[Chunk | Exception], limited: Sequence[str] = ()
    ) -> None:
        self._names = tuple(names)
        self._script = script
        self._limited = frozenset(limited)
        self.ended = 0
        self.closed = 0
        self.asked: list[str] = []

    def execute(self, sql: str, deadline: Deadline) -> Answer:  # noqa: ARG002
        self.asked.append(sql)
        return Answer(self._names, self._play())

    def _play(self) -> Iterator[Chunk]:
        try:
            for step in self._script:
                if isinstance(step, Exception):
                    raise step
                yield step
        finally:
            self.ended += 1

    def tables(self) -> frozenset[str]:
        return frozenset({"processes", "users", "time"})

    def limited(self, tables: frozenset[str]) -> frozenset[str]:
        return self._limited & tables

    def close(self) -> None:
        self.closed += 1


PID_NAME = "SELECT pid, name FROM processes"


def _guard(script: Sequence[Chunk | Exception], limits: Limits = Limits()) -> Guard:  # noqa: B008
    return Guard(ScriptedEngine(("pid", "name"), script), ANALYZER, limits)


def _run(guard: Guard, sql: str = PID_NAME) -> tuple[Guarded, list[tuple[Any, ...]]]:
    guarded = guard.run(sql, Deadline(CLOCK, 5))
    return guarded, [row for rows in guarded for row in rows.tuples()]


def test_rows_are_typed_by_the_schema() -> None:
    """Text from an engine becomes the column's type; absent numbers are None."""
    guarded, rows = _run(_guard([(["1", ""], ["a", ""])]))
    assert guarded.columns == (Column("pid", "integer"), Column("name", "text"))
    assert rows == [(1, "a"), (None, "")]
    assert (guarded.outcome, guarded.reason, guarded.rows) == ("ok", "", 2)


def test_a_pack_may_declare_types_and_tags() -> None:
    """A declared type wins over the schema; a tag stays a column, marked."""
    engine = ScriptedEngine(("pid", "name"), [([1], ["2.5"])])
    guard = Guard(engine, ANALYZER, Limits())
    guarded = guard.run(PID_NAME, Deadline(CLOCK, 5), {"name": "double"}, ["pid"])
    assert [list(rows.tuples()) for rows in guarded] == [[(1, 2.5)]]
    assert guarded.columns == (Column("pid", "integer", tag=True), Column("name", "double"))


def test_no_rows_are_empty() -> None:
    """An answer that came to its end without a row."""
    guarded, rows = _run(_guard([]))
    assert (guarded.outcome, guarded.reason, rows) == ("empty", "", [])


def test_an_answer_that_was_not_read_is_partial() -> None:
    """Only the end of the answer makes it complete."""
    guarded = _guard([([1], ["a"]), ([2], ["b"])]).run(PID_NAME, Deadline(CLOCK, 5))
    next(iter(guarded))
    assert (guarded.outcome, guarded.reason) == ("partial", "not read to its end")


def test_cells_that_cannot_be_typed_are_counted() -> None:
    """They become absent, per column."""
    guarded, rows = _run(_guard([(["x", "2"], ["a", "b"]), (["y", "z"], ["c", "d"])]))
    assert [row[0] for row in rows] == [None, 2, None, None]
    assert guarded.faults == {"pid": 3}
    assert guarded.outcome == "ok"


@pytest.mark.parametrize(
    "error", [QueryError("broken"), QueryTimeout("late"), EngineUnavailable("gone")]
)
def test_an_error_before_the_first_row_raises(error: TelegrafOsqueryError) -> None:
    """And the engine's answer is closed."""
    guard = _guard([error])
    with pytest.raises(type(error)):
        _run(guard)
    assert guard._engine.ended == 1  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "error", [QueryError("broken"), QueryTimeout("late"), EngineUnavailable("gone")]
)
def test_an_error_after_some_rows_makes_the_run_partial(error: TelegrafOsqueryError) -> None:
    """The rows stay, the reason is told."""
    guarded, rows = _run(_guard([([1, 2], ["a", "b"]), error]))
    assert (len(rows), guarded.outcome, guarded.reason) == (2, "partial", str(error))


def test_an_unexpected_error_is_not_swallowed() -> None:
    """A fault in our own code is no partial answer."""
    with pytest.raises(ZeroDivisionError):
        _run(_guard([([1], ["a"]), ZeroDivisionError()]))


@pytest.mark.parametrize(("limit", "outcome"), [(5, "partial"), (6, "ok"), (7, "ok"), (0, "ok")])
def test_the_cap_of_rows(limit: int, outcome: str) -> None:
    """Exactly as many rows as allowed are complete; one more makes it partial, with the cure."""
    guard = _guard([([1, 2, 3], ["a"] * 3), ([4, 5, 6], ["b"] * 3)], Limits(rows=limit))
    guarded, rows = _run(guard)
    assert len(rows) == guarded.rows == min(limit or 6, 6)
    assert guarded.outcome == outcome
    assert ("raise the limit of rows" in guarded.reason) == (outcome == "partial")
    assert guard._engine.ended == 1  # type: ignore[attr-defined]


@pytest.mark.parametrize(("limit", "rows"), [(17, 0), (18, 1), (35, 1), (36, 2), (54, 3)])
def test_the_cap_of_bytes(limit: int, rows: int) -> None:
    """A number counts 8, a text its UTF-8 length; whole rows only."""
    guarded, found = _run(_guard([([1, 2, 3], ["жжжжж"] * 3)], Limits(bytes=limit)))
    assert len(found) == rows
    assert guarded.bytes == rows * 18
    assert guarded.outcome == ("ok" if rows == 3 else "partial")


def test_large_chunks_are_split() -> None:
    """Rows leave in pieces of at most 500 and 1 MiB; a larger row comes alone."""
    texts = ["x" * 300_000] * 5 + ["y" * 2_000_000, "z"]
    many = [(list(range(1200)), ["a"] * 1200), (list(range(7)), texts)]
    guarded = _guard(many).run(PID_NAME, Deadline(CLOCK, 5))
    pieces = [(len(rows), size(rows)) for rows in guarded]
    assert [count for count, _ in pieces] == [500, 500, 200, 3, 2, 1, 1]
    assert all(weight <= 1 << 20 or count == 1 for count, weight in pieces)
    assert guarded.bytes == sum(weight for _, weight in pieces)


def test_of_equal_names_the_last_stays() -> None:
    """As in osquery's row objects; the names are told."""
    engine = ScriptedEngine(("name", "pid", "name"), [(["a"], [1], ["b"])])
    guard = Guard(engine, ANALYZER, Limits())
    guarded, rows = _run(guard, "SELECT name, pid, cmdline AS name FROM processes")
    assert [column.name for column in guarded.columns] == ["pid", "name"]
    assert rows == [(1, "b")]
    assert guarded.repeated == ("name",)


def test_an_answer_with_other_columns_is_refused() -> None:
    """What was not checked is not passed on."""
    engine = ScriptedEngine(("pid", "name", "cmdline"), [([1], ["a"], ["secret"])])
    guard = Guard(engine, ANALYZER, Limits())
    with pytest.raises(QueryRefused, match="the check found"):
        guard.run(PID_NAME, Deadline(CLOCK, 5))


@pytest.mark.parametrize(
    "sql", ["DROP TABLE users", "SELECT 1; SELECT 2", "PRAGMA user_version", "EXPLAIN SELECT 1"]
)
def test_what_is_no_single_select_never_reaches_the_engine(sql: str) -> None:
    """Refused by the check."""
    engine = ScriptedEngine((), [])
    with pytest.raises(QueryRefused):
        Guard(engine, ANALYZER, Limits()).run(sql, Deadline(CLOCK, 5))
    assert engine.asked == []


def test_a_table_the_engine_lacks_is_named() -> None:
    """One that osquery has gets message than an unknown one."""
    with pytest.raises(QueryError, match="the embedded engine has no table yara_file"):
        _guard([]).run("SELECT path FROM yara_file WHERE path = '/'", Deadline(CLOCK, 5))


def test_limited_is_told_per_statement() -> None:
    """Only tables of this statement count."""
    engine = ScriptedEngine(("pid", "name"), [], ["processes"])
    guard = Guard(engine, ANALYZER, Limits())
    assert guard.run(PID_NAME, Deadline(CLOCK, 5)).limited
    engine = ScriptedEngine(("username",), [], ["processes"])
    guard = Guard(engine, ANALYZER, Limits())
    assert not guard.run("SELECT username FROM users", Deadline(CLOCK, 5)).limited


def test_the_deadline_stands_still_while_the_consumer_holds_rows() -> None:
    """A full pipe is not the query's fault."""
    clock = ManualClock()
    deadline = Deadline(clock, 5)
    for _ in _guard([([1], ["a"])] * 3).run(PID_NAME, deadline):
        clock.advance(60)
    assert deadline.left() == pytest.approx(5)


def test_closing_the_rows_ends_the_query() -> None:
    """A consumer that leaves early leaves nothing running; closing again is allowed."""
    guard = _guard([([1], ["a"])] * 3)
    guarded = guard.run(PID_NAME, Deadline(CLOCK, 5))
    next(iter(guarded))
    guarded.close()
    guarded.close()
    assert guard._engine.ended == 1  # type: ignore[attr-defined]
    guard.close()
    assert guard._engine.closed == 1  # type: ignore[attr-defined]


def test_one_text_is_analysed_once_and_the_memory_of_it_is_bounded() -> None:
    """Scheduled statements repeat; those of a console do not."""

    class Counting(Analyzer):
        asked = 0

        def analyze(self, sql: str, deadline: Deadline | None = None) -> Any:
            self.asked += 1
            return super().analyze(sql, deadline)

    analyzer = Counting(SCHEMA, platform="linux")
    guard = Guard(ScriptedEngine(("pid", "name"), []), analyzer, Limits())
    for _ in range(5):
        _run(guard)
    assert analyzer.asked == 1
    for number in range(300):
        _run(guard, f"{PID_NAME} LIMIT {number}")
    assert len(guard._analyses) <= 256


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.text(max_size=4), max_size=20), max_size=8), st.integers(0, 40))
def test_nothing_is_lost_or_reordered(texts: list[list[str]], limit: int) -> None:
    """Whatever the chunks and the cap, the rows are a prefix of the answer."""
    chunks = [([1] * len(one), one) for one in texts]
    guarded, rows = _run(_guard(chunks, Limits(rows=limit)))
    every = [text for one in texts for text in one]
    shown = [row[1] for row in rows]
    assert shown == every[: limit or None]
    assert guarded.outcome == (
        "empty" if not every else "partial" if limit and limit < len(every) else "ok"
    )


def test_the_embedded_engine_behind_the_guard() -> None:
    """All parts together: native values, CTE, alias, expression, alias of a table."""
    table = Table(("address", "hostnames"), lambda _: iter([("::1", "a b"), ("127.0.0.1", "c")]))
    engine = Embedded(SCHEMA, CLOCK, tables={"etc_hosts": table})
    guard = Guard(engine, ANALYZER, Limits())
    sql = """
        WITH h AS (SELECT address AS a, length(hostnames) AS n FROM hosts)
        SELECT a, n, n * 1.5 AS half FROM h ORDER BY n
    """
    guarded, rows = _run(guard, sql)
    assert rows == [("127.0.0.1", 1, 1.5), ("::1", 3, 4.5)]
    assert [column.type for column in guarded.columns] == ["text", "integer", "double"]
    guard.close()


def test_size_counts_text_as_utf8_and_numbers_as_eight() -> None:
    """Decimal text counts its digits."""
    rows = Rows([["ab", "ж"], [1, None], ["12", "345"]], digits=frozenset({2}))
    assert size(rows) == 4 + 16 + 5


def test_the_guard_tells_the_kind_of_its_engine() -> None:
    """Run ends carry it."""
    assert _guard([]).kind == "embedded"
