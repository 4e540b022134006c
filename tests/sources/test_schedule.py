"""One run: what comes out, what it says of itself, and how it may end."""

import itertools
from collections.abc import Sequence

import pytest

from telegraf_osquery.clock import SECOND
from telegraf_osquery.errors import EngineUnavailable, QueryError, QueryTimeout
from telegraf_osquery.model.batch import Batch
from telegraf_osquery.model.column import Column
from telegraf_osquery.model.run import MIN_STEP, RunEnd
from telegraf_osquery.packs.pack import Budget, Decorators
from telegraf_osquery.sources.run import unended
from tests.sources.staged import PIDS, Stage, Step, query, rows

START = 1_795_000_000_000_000_000


class TestOutcomes:
    def test_rows_and_then_the_end(self, stage: Stage) -> None:
        """ok: batches in the order of the rows, then the end that counts them."""
        stage.script(rows(500), rows(20, first=500))
        stage.schedule(query())
        batches, end = stage.run()
        assert [len(batch.rows) for batch in batches] == [500, 20]
        assert [pid for batch in batches for pid in batch.rows.values(0)] == list(range(520))
        assert (end.outcome, end.reason, end.rows, end.span, end.rows_total) == (
            "ok",
            "",
            520,
            520,
            520,
        )
        assert stage.counted() == {"runs_ok": 1}

    def test_no_rows_are_an_answer_too(self, stage: Stage) -> None:
        """empty: an end of its own, with the columns that there would have been."""
        stage.schedule(query())
        batches, end = stage.run()
        assert batches == []
        assert (end.outcome, end.rows, end.span, end.reason) == ("empty", 0, 0, "")
        assert end.columns_digest

    @pytest.mark.parametrize(
        ("steps", "outcome", "count"),
        [
            ([QueryError("no such luck")], "failed", 0),
            ([QueryTimeout("no such luck")], "failed", 0),
            ([EngineUnavailable("no such luck")], "failed", 0),
            ([rows(3), QueryError("no such luck")], "partial", 3),
            ([rows(3), QueryTimeout("no such luck")], "partial", 3),
            ([rows(3), EngineUnavailable("no such luck")], "partial", 3),
        ],
    )
    def test_an_error_is_an_outcome(
        self, stage: Stage, steps: Sequence[Step], outcome: str, count: int
    ) -> None:
        """What came before the error stays; the reason is told; the next query runs."""
        stage.script(*steps)
        stage.schedule(query(), query("r", sql="SELECT 1 AS one"))
        items = stage.poll()
        (end,) = [item for item in items if isinstance(item, RunEnd) and item.query == "q"]
        assert (end.outcome, end.rows, end.reason) == (outcome, count, "no such luck")
        assert stage.counted() == {f"runs_{outcome}": 1, "runs_empty": 1}

    def test_what_the_guard_does_not_let_through_is_refused(self, stage: Stage) -> None:
        """refused: the engine was not asked, and the end says why."""
        stage.schedule(query(sql="DELETE FROM processes"))
        batches, end = stage.run()
        assert batches == []
        assert end.outcome == "refused"
        assert end.reason
        assert end.columns_digest == ""
        assert stage.engine.asked == []

    @pytest.mark.parametrize(("table", "outcome"), [("mounts", "refused"), ("nosuch", "failed")])
    def test_a_table_the_engine_lacks(self, stage: Stage, table: str, outcome: str) -> None:
        """Refused where osquery has it, failed where nobody does; with the table's name."""
        stage.schedule(query(sql=f"SELECT * FROM {table}"))
        _, end = stage.run()
        assert (end.outcome, end.rows) == (outcome, 0)
        assert table in end.reason

    def test_a_cap_cuts(self, stage: Stage) -> None:
        """partial: as many rows as allowed, and the cure."""
        stage.max_rows = 7
        stage.script(rows(5), rows(5, first=5), rows(5, first=10))
        stage.schedule(query())
        batches, end = stage.run()
        assert sum(len(batch.rows) for batch in batches) == end.rows == 7
        assert end.outcome == "partial"
        assert "7 rows" in end.reason

    def test_stopping_cuts_at_the_next_row(self, stage: Stage) -> None:
        """partial: what was pulled but not handed out is counted."""

        def stop() -> None:
            stage.stopping = True

        stage.script(rows(3), stop, rows(4), rows(5))
        stage.schedule(query())
        batches, end = stage.run()
        assert [len(batch.rows) for batch in batches] == [3]
        assert (end.outcome, end.rows) == ("partial", 3)
        assert "stopped" in end.reason
        assert stage.counted() == {"runs_partial": 1, "rows_dropped_stopped": 4}

    def test_limited_is_a_flag_beside_the_outcome(self, stage: Stage) -> None:
        """A table that shows less without root says so in every end."""
        stage.engine.limits = frozenset({"processes"})
        stage.script(rows(1))
        stage.schedule(query())
        _, end = stage.run()
        assert (end.outcome, end.limited) == ("ok", True)


class TestIdentity:
    def test_runs_are_numbered_and_bases_grow(self, stage: Stage) -> None:
        """Run +1, rows_total the sum, base strictly growing whatever the clock does."""
        source = stage.source()
        stage.script(rows(3))
        stage.schedule(query())
        ends = []
        for step in (0, 100, 150, -86_400, 100):
            stage.clock.set_wall(stage.clock.time_ns() + step * SECOND)
            source.due()  # a lane asks all the time: after the step back the wait begins anew
            stage.clock.advance(0 if step >= 0 else 60)
            ends.append(stage.run(source)[1])
        assert [end.run for end in ends] == [1, 2, 3, 4, 5]
        assert [end.rows_total for end in ends] == [3, 6, 9, 12, 15]
        steps = [after.base - before.base for before, after in itertools.pairwise(ends)]
        assert steps == [100 * SECOND, 150 * SECOND, MIN_STEP, MIN_STEP]
        times = [end.time for end in ends]
        assert times == sorted(set(times))

    def test_row_i_has_the_time_base_plus_i(self, stage: Stage) -> None:
        """Of the run, not of the batch."""
        stage.script(rows(500), rows(2, first=500))
        stage.schedule(query())
        batches, end = stage.run()
        times = [time for batch in batches for time in batch.times()]
        assert times == [end.base + i for i in range(502)]
        assert end.base == START

    def test_a_run_without_rows_has_a_base_and_a_number_too(self, stage: Stage) -> None:
        """Refused, failed and empty runs count: a gap in the numbers is a lost end."""
        source = stage.source()
        ends = []
        for step in ([], [QueryError("x")], [rows(1)]):
            stage.script(*step)
            stage.schedule(query())
            ends.append(stage.run(source)[1])
            stage.later()
        assert [end.run for end in ends] == [1, 2, 3]
        assert len({end.base for end in ends}) == 3

    def test_digests_follow_sql_and_columns(self, stage: Stage) -> None:
        """Another SQL: another sql_digest. Another type: another columns_digest."""
        source = stage.source()
        queries = [
            query(),
            query(sql=f"{PIDS} "),
            query(types={"pid": "text"}),
            query(tags=("name",)),
        ]
        ends = []
        for one in queries:
            stage.schedule(one)
            ends.append(stage.run(source)[1])
            stage.later()
        sql, columns = [e.sql_digest for e in ends], [e.columns_digest for e in ends]
        assert sql[0] != sql[1]
        assert sql[0] == sql[2] == sql[3] == queries[0].sql_digest
        assert columns[0] == columns[1] == columns[3] != columns[2]
        assert all(len(digest) == 16 for digest in sql + columns)


class TestCost:
    def test_only_the_engines_time_counts(self, stage: Stage) -> None:
        """While the consumer holds a batch, neither wall nor CPU nor the deadline runs."""

        def work() -> None:
            stage.clock.advance(0.25)
            stage.clock.burn(0.125)

        stage.script(work, rows(1), work, rows(1), work)
        stage.schedule(query())
        items = stage.source().poll(0)
        for item in items:
            stage.clock.advance(1000)
            stage.clock.burn(500)
            if isinstance(item, RunEnd):
                break
        items.close()
        assert isinstance(item, RunEnd)
        assert (item.wall_ms, item.cpu_ms, item.outcome) == (750.0, 375.0, "ok")

    def test_decorators_are_not_the_querys_cost(self, stage: Stage) -> None:
        """A slow decorator shortens no deadline and breaks no budget."""
        stage.decorate(Decorators(always=("SELECT 1 AS one",)))
        stage.script(lambda: stage.clock.advance(9), [["1"]], sql="SELECT 1 AS one")
        stage.script(lambda: stage.clock.advance(2), rows(1))
        stage.budget = Budget(wall_ms=5000)
        stage.schedule(query())
        _, end = stage.run()
        assert (end.outcome, end.wall_ms, end.reason) == ("ok", 2000.0, "")

    def test_what_was_missed_is_counted(self, stage: Stage) -> None:
        """After hours of sleep one run makes up for all, and is told as such."""
        source = stage.source()
        stage.schedule(query())
        stage.run(source)
        stage.later(7200)
        stage.run(source)
        assert stage.counted()["queries_caught_up"] == 1


class TestColumns:
    def test_types_come_from_the_schema_and_the_pack(self, stage: Stage) -> None:
        """Declared types win; a tag stays a typed column that is marked."""
        stage.script(rows(2))
        stage.schedule(query(types={"pid": "double"}, tags=("name",)))
        (batch,), _ = stage.run()
        assert batch.columns == (Column("pid", "double"), Column("name", "text", tag=True))
        assert list(batch.rows.tuples()) == [(0.0, "p0"), (1.0, "p1")]

    def test_the_envelope(self, stage: Stage) -> None:
        """Measurement of pack and query; host, pack, query and action as sorted tags."""
        stage.script(rows(1))
        stage.schedule(query())
        (batch,), end = stage.run()
        assert batch.measurement == end.measurement == "osquery_p_q"
        assert batch.tags == (
            ("host", "web-1"),
            ("osquery_action", "snapshot"),
            ("osquery_pack", "p"),
            ("osquery_query", "q"),
        )
        assert (end.host, end.pack, end.query, end.engine) == ("web-1", "p", "q", "embedded")

    def test_cells_that_are_not_of_their_type_are_counted(self, stage: Stage) -> None:
        """Also where the run does not come to its end."""
        stage.script([["1", "x", "y"], ["a", "b", "c"]], QueryError("broken"))
        stage.schedule(query())
        (batch,), _ = stage.run()
        assert list(batch.rows.values(0)) == [1, None, None]
        assert stage.counted()["values_dropped_type"] == 2

    def test_repeated_names_are_told_once_per_query(self, stage: Stage) -> None:
        """Of columns of one name the last one counts; the log says so until the SQL changes."""
        source = stage.source()
        for sql in ("SELECT 1 AS a, 2 AS a",) * 2 + ("SELECT 3 AS a, 4 AS a, 5 AS a",):
            stage.script([["1"], ["2"], ["3"]][: sql.count("AS")], sql=sql)
            stage.schedule(query(sql=sql))
            (batch,), _ = stage.run(source)
            assert [column.name for column in batch.columns] == ["a"]
            stage.later()
        assert len(stage.lines) == 2
        assert stage.lines[0].startswith(b"W! ")
        assert b"named a" in stage.lines[0]


class TestPoll:
    def test_the_most_overdue_comes_first_and_each_once(self, stage: Stage) -> None:
        """One poll serves all that is due."""
        stage.schedule(query("a", interval=60), query("b", interval=3600))
        items = stage.poll()
        assert sorted(item.query for item in items if isinstance(item, RunEnd)) == ["a", "b"]
        assert stage.poll() == []

    def test_what_is_given_comes_before_anything(self, stage: Stage) -> None:
        """Ends of runs that a kill has cut are handed out first, once, and wake the lane."""
        mark = stage.state.begin_run("web-1", "osquery_p_old", "p", "old", START, "d")
        stage.before = [unended(mark, "embedded", START)]
        source = stage.source()
        assert source.due() == stage.clock.monotonic()
        assert [item.query for item in stage.poll(source) if isinstance(item, RunEnd)] == ["old"]
        assert source.due() == float("inf")
        assert stage.poll(source) == []

    def test_due_is_in_monotonic_seconds(self, stage: Stage) -> None:
        """At once, then the seconds until the slot, then never."""
        source = stage.source()
        assert source.due() == float("inf")
        stage.schedule(query())
        assert source.due() == stage.clock.monotonic()
        stage.run(source)
        wait = source.due() - stage.clock.monotonic()
        assert 30 <= wait <= 90
        stage.clock.advance(wait)
        assert source.due() == pytest.approx(stage.clock.monotonic())

    def test_batches_are_never_larger_than_promised(self, stage: Stage) -> None:
        """500 rows, however the engine cuts."""
        stage.script([[str(i) for i in range(1201)], ["x"] * 1201])
        stage.schedule(query())
        batches, end = stage.run()
        assert [len(batch.rows) for batch in batches] == [500, 500, 201]
        assert all(isinstance(batch, Batch) for batch in batches)
        assert end.rows == 1201
