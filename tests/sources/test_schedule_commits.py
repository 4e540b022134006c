"""The state file is ahead of the output, whatever happens in between."""

import itertools
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telegraf_osquery.errors import ConfigError, StoreBusy, StoreDamaged, TryLaterError
from telegraf_osquery.model.batch import Batch
from telegraf_osquery.model.run import Item, RunEnd
from telegraf_osquery.packs.pack import Budget
from telegraf_osquery.sources.books import Books
from telegraf_osquery.store.open import try_open
from telegraf_osquery.store.state import State
from telegraf_osquery.telemetry.log import Log
from tests.sources.staged import Stage, query, rows


def opened(folder: Path) -> State:
    return try_open(str(folder / "input-x.db"), Log(lambda _: None))


def handed_out(items: list[Item], name: str) -> int:
    batches = [item for item in items if isinstance(item, Batch)]
    return sum(len(batch.rows) for batch in batches if batch.tag("osquery_query") == name)


class TestKill:
    @settings(max_examples=30, deadline=None)
    @given(
        chunks=st.lists(st.integers(1, 1100), max_size=3),
        others=st.integers(0, 2),
        steps=st.integers(0, 9),
    )
    def test_at_any_step_nothing_was_handed_out_that_is_not_counted(
        self,
        tmp_path_factory: pytest.TempPathFactory,
        chunks: list[int],
        others: int,
        steps: int,
    ) -> None:
        """The next process finds the run open, closes it with its counts, asks again at once."""
        folder = tmp_path_factory.mktemp("kill")
        first = Stage(opened(folder))
        first.script(*(rows(count) for count in chunks))
        queries = [query(), *(query(f"r{i}", sql="SELECT 1 AS one") for i in range(others))]
        first.schedule(*queries)
        poll = first.source().poll(0)
        items = list(itertools.islice(poll, steps))
        poll.close()
        first.close()
        # Recorded are the ends that somebody came back from: all but one taken as the last step.
        kept = items if len(items) < steps else items[:-1]
        recorded = {item.query for item in kept if isinstance(item, RunEnd)}

        second = Stage(opened(folder))
        for mark in second.state.marks():
            assert mark.rows >= handed_out(items, mark.query)
            assert bool(mark.outcome) == (mark.query in recorded)
        cut = second.state.open_runs()
        assert len(cut) <= 1
        for end in Books(second.state, "embedded", second.instruments).leftovers():
            (mark,) = cut
            assert (end.query, end.run, end.base) == (mark.query, mark.run, mark.base)
            assert (end.rows, end.span, end.rows_total) == (mark.rows, mark.rows, mark.rows)
            assert end.outcome == "partial"
        assert second.state.open_runs() == []
        second.schedule(*queries)
        due = {entry.query.name for entry in second.plan.entries() if entry.called}
        assert due == {one.name for one in queries} - recorded
        second.close()

    def test_an_end_is_recorded_only_when_it_was_taken(self, tmp_path: Path) -> None:
        """Killed while the end is being written: it is told again, with the same counts."""
        stage = Stage(opened(tmp_path))
        stage.script(rows(4))
        stage.schedule(query())
        poll = stage.source().poll(0)
        batch, end = next(poll), next(poll)
        assert isinstance(batch, Batch)
        assert isinstance(end, RunEnd)
        (mark,) = stage.state.open_runs()
        assert mark.rows == 4
        assert next(poll, None) is None
        assert stage.state.open_runs() == []
        stage.close()

    def test_the_end_of_a_cut_run_is_recorded_only_when_it_was_taken(self, stage: Stage) -> None:
        """Killed while that is being written: the next start tells it again."""
        stage.script(rows(4))
        stage.schedule(query())
        poll = stage.source().poll(0)
        next(poll)
        poll.close()
        books = Books(stage.state, "embedded", stage.instruments)
        ends = []
        for _ in range(2):
            leftovers = books.leftovers()
            ends.append(next(leftovers))
            leftovers.close()
        assert [(end.run, end.rows, end.outcome) for end in ends] == [(1, 4, "partial")] * 2
        assert len(list(books.leftovers())) == 1
        assert list(books.leftovers()) == []


class FailingState(State):
    """A state file whose methods fail when told to."""

    def __init__(self, state: State) -> None:
        self.__dict__.update(state.__dict__)
        self.failing: dict[str, Exception] = {}

    def begin_run(self, *args: object, **more: object) -> object:  # type: ignore[override]
        return self._or_fail("begin_run", *args, **more)

    def commit_rows(self, *args: object, **more: object) -> object:  # type: ignore[override]
        return self._or_fail("commit_rows", *args, **more)

    def finish(self, *args: object, **more: object) -> object:  # type: ignore[override]
        return self._or_fail("finish", *args, **more)

    def denylist(self, *args: object, **more: object) -> object:  # type: ignore[override]
        return self._or_fail("denylist", *args, **more)

    def _or_fail(self, name: str, *args: object, **more: object) -> object:
        if name in self.failing:
            raise self.failing[name]
        return getattr(State, name)(self, *args, **more)


@pytest.fixture
def failing(stage: Stage) -> FailingState:
    stage.state = FailingState(stage.state)
    return stage.state


FULL = TryLaterError("x.db: no room")
TROUBLES = [
    pytest.param(FULL, "io", id="later"),
    pytest.param(StoreBusy("x.db: busy"), "busy", id="busy"),
    pytest.param(ConfigError("x.db: cannot be written"), "io", id="read-only"),
]


class TestStateFails:
    @pytest.mark.parametrize(("error", "reason"), TROUBLES)
    def test_rows_that_cannot_be_counted_are_not_handed_out(
        self, stage: Stage, failing: FailingState, error: Exception, reason: str
    ) -> None:
        """The run ends partial with what was counted; the others run; the loss is counted."""
        source = stage.source()
        fail = {"commit_rows": error}
        stage.script(rows(3), lambda: failing.failing.update(fail), rows(5), rows(7))
        stage.schedule(query(), query("r", sql="SELECT 1 AS one"))
        items = stage.poll(source)
        ends = {item.query: item for item in items if isinstance(item, RunEnd)}
        assert handed_out(items, "q") == ends["q"].rows == ends["q"].span == 3
        assert (ends["q"].outcome, ends["r"].outcome) == ("partial", "empty")
        assert str(error) in ends["q"].reason
        assert stage.counted() == {
            "runs_partial": 1,
            "runs_empty": 1,
            "rows_dropped_store": 5,
            f"store_errors_{reason}": 1,
        }
        assert len(stage.lines) == 1

    def test_with_no_row_counted_the_run_has_failed(
        self, stage: Stage, failing: FailingState
    ) -> None:
        """failed, and the next run goes on as if nothing had been."""
        source = stage.source()
        stage.script(rows(3))
        stage.schedule(query())
        failing.failing["commit_rows"] = FULL
        assert stage.run(source)[1].outcome == "failed"
        failing.failing.clear()
        stage.later()
        _, end = stage.run(source)
        assert (end.outcome, end.run, end.rows_total) == ("ok", 2, 3)

    def test_a_run_that_cannot_begin_is_left_out(self, stage: Stage, failing: FailingState) -> None:
        """Without a committed base nothing may be written; the query waits for its next slot."""
        source = stage.source()
        stage.script(rows(3))
        stage.schedule(query())
        failing.failing["begin_run"] = FULL
        assert stage.poll(source) == []
        assert stage.engine.asked == []
        assert stage.counted() == {"runs_failed": 1, "store_errors_io": 1}
        assert stage.poll(source) == []
        assert 30 <= source.due() - stage.clock.monotonic() <= 90
        assert not stage.plan.running()
        failing.failing.clear()
        stage.later()
        assert stage.run(source)[1].run == 1

    def test_an_end_that_cannot_be_recorded_is_made_up_for(
        self, stage: Stage, failing: FailingState
    ) -> None:
        """The run stays open; before the next one it is ended, and no row is counted twice."""
        source = stage.source()
        stage.script(rows(3))
        stage.schedule(query())
        failing.failing["finish"] = FULL
        assert stage.run(source)[1].outcome == "ok"
        assert not stage.plan.running()
        failing.failing.clear()
        stage.later()
        items = stage.poll(source)
        again, batch, end = items
        assert isinstance(again, RunEnd)
        assert isinstance(batch, Batch)
        assert isinstance(end, RunEnd)
        assert (again.run, again.outcome, again.rows_total) == (1, "partial", 3)
        assert (end.run, end.outcome, end.rows_total) == (2, "ok", 6)
        assert again.time < end.time

    def test_a_denylisting_that_cannot_be_kept_still_holds_here(
        self, stage: Stage, failing: FailingState
    ) -> None:
        """Past its budget a query is held back in this process at least."""
        source = stage.source()
        stage.script(rows(3))
        stage.schedule(query(budget=Budget(rows=1)))
        failing.failing["denylist"] = FULL
        stage.run(source)
        stage.later()
        assert stage.run(source)[1].outcome == "skipped"
        assert stage.counted()["store_errors_io"] == 1

    def test_the_same_trouble_is_told_once(self, stage: Stage, failing: FailingState) -> None:
        """A full disk is one line, not one per run."""
        source = stage.source()
        stage.script(rows(1))
        stage.schedule(query())
        failing.failing["commit_rows"] = FULL
        for _ in range(5):
            stage.run(source)
            stage.later()
        assert stage.counted()["store_errors_io"] == 5
        assert len(stage.lines) == 1

    def test_a_damaged_file_ends_the_lane(self, stage: Stage, failing: FailingState) -> None:
        """Only the next start can set it aside."""
        stage.script(rows(1))
        stage.schedule(query())
        failing.failing["commit_rows"] = StoreDamaged("x.db: damaged")
        with pytest.raises(StoreDamaged):
            stage.poll()
        assert stage.counted()["store_errors_damaged"] == 1

    def test_a_real_full_file_is_named_so(self, tmp_path: Path) -> None:
        """SQLite's own error, not a made-up one, becomes the reason ``full``."""
        stage = Stage(opened(tmp_path))
        source = stage.source()
        stage.schedule(*(query(f"q{i}") for i in range(200)))
        pages = stage.state._database.rows("PRAGMA page_count")[0][0]
        stage.state._database.rows(f"PRAGMA max_page_count = {pages + 1}")
        stage.poll(source)
        assert stage.counted()["store_errors_full"] > 0
        stage.close()
