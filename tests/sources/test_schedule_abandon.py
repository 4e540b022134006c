"""A lane that hangs is given up from outside; a lane that died is closed."""

import threading
from collections.abc import Iterator

import pytest

from telegraf_osquery.model.batch import Batch
from telegraf_osquery.model.run import Item, RunEnd
from telegraf_osquery.packs.pack import Decorators
from telegraf_osquery.sources.schedule import ScheduleSource
from tests.sources.staged import Stage, query, rows


class Hung:
    """A source whose thread stands still inside the engine until it is let go."""

    def __init__(self, stage: Stage) -> None:
        self.inside = threading.Event()
        self.go = threading.Event()
        self.items: list[Item] = []
        self.source: ScheduleSource = stage.source()
        self.thread = threading.Thread(target=self._run)

    def stand_still(self) -> None:
        self.inside.set()
        assert self.go.wait(10)

    def start(self) -> None:
        self.thread.start()
        assert self.inside.wait(10)

    def _run(self) -> None:
        self.items += self.source.poll(0)

    def come_back(self) -> None:
        self.go.set()
        self.thread.join(10)
        assert not self.thread.is_alive()


@pytest.fixture
def hung(stage: Stage) -> Iterator[Hung]:
    made = Hung(stage)
    yield made
    made.go.set()
    made.thread.join(10)


class TestHung:
    def test_its_run_is_closed_from_outside(self, stage: Stage, hung: Hung) -> None:
        """With what was counted so far; the late rows are not handed out but counted as dropped."""
        stage.script(rows(3), hung.stand_still, rows(4, first=3), rows(5))
        stage.schedule(query())
        hung.start()
        end = hung.source.abandon("no answer")
        assert end is not None
        assert (end.outcome, end.reason, end.rows, end.run) == ("partial", "no answer", 3, 1)
        assert stage.state.open_runs() == []
        assert not stage.plan.running()
        hung.come_back()
        assert [len(item.rows) for item in hung.items if isinstance(item, Batch)] == [3]
        assert not any(isinstance(item, RunEnd) for item in hung.items)
        (mark,) = stage.state.marks()
        assert (mark.rows, mark.outcome) == (3, "partial")
        assert stage.counted() == {"runs_partial": 1, "rows_dropped_abandoned": 4}

    def test_without_rows_it_has_failed(self, stage: Stage, hung: Hung) -> None:
        """And coming back with nothing adds nothing."""
        stage.script(hung.stand_still)
        stage.schedule(query())
        hung.start()
        end = hung.source.abandon("no answer")
        assert end is not None
        assert (end.outcome, end.rows) == ("failed", 0)
        hung.come_back()
        assert hung.items == []
        assert stage.counted() == {"runs_failed": 1}

    def test_it_takes_no_other_query_when_it_comes_back(self, stage: Stage, hung: Hung) -> None:
        """The rest of the round is for other lanes."""
        stage.script(hung.stand_still)
        stage.schedule(query(), query("r", sql="SELECT 1 AS one", interval=7200))
        hung.start()
        hung.source.abandon("no answer")
        hung.come_back()
        assert hung.items == []
        assert [item.query for item in stage.poll() if isinstance(item, RunEnd)] == ["r"]

    @pytest.mark.parametrize("denylist", [True, False])
    def test_it_is_held_back(self, stage: Stage, hung: Hung, denylist: bool) -> None:
        """As after a watchdog's kill; where the pack forbids that, in this process only."""
        stage.script(hung.stand_still)
        stage.schedule(query(denylist=denylist))
        hung.start()
        hung.source.abandon("no answer")
        stage.later()
        assert stage.run()[1].outcome == "skipped"
        kept = stage.state.last_runs()["p", "q"].denylisted_until
        assert bool(kept) == denylist

    def test_twice_ends_it_once(self, stage: Stage, hung: Hung) -> None:
        """One run, one end."""
        stage.script(hung.stand_still)
        stage.schedule(query())
        hung.start()
        assert hung.source.abandon("no answer") is not None
        assert hung.source.abandon("no answer") is None
        assert stage.counted() == {"runs_failed": 1}

    def test_with_nothing_open_there_is_no_end(self, stage: Stage) -> None:
        """An idle lane, or one that is being told to end."""
        assert stage.source().abandon("no answer") is None

    def test_time_in_the_engine(self, stage: Stage, hung: Hung) -> None:
        """Counts while it is asked, and not while the consumer or the state file takes its time."""
        stage.script(rows(1), hung.stand_still)
        stage.schedule(query())
        hung.start()
        stage.clock.advance(7)
        assert hung.source.in_engine() == 7
        hung.come_back()
        assert hung.source.in_engine() == 0
        stage.later()
        poll = stage.source().poll(0)
        next(poll)
        assert hung.source.in_engine() == 0
        poll.close()

    def test_a_run_that_is_ending_is_left_to_its_thread(self, stage: Stage) -> None:
        """Given up between its last row and its end: the thread that has the end tells it."""
        source = stage.source()
        stage.script(rows(2))
        stage.schedule(query())
        poll = source.poll(0)
        next(poll)
        end = next(poll)
        assert isinstance(end, RunEnd)
        assert source.abandon("no answer") is None
        assert next(poll, None) is None
        assert stage.state.open_runs() == []
        assert stage.counted() == {"runs_ok": 1}


class TestHungDecorator:
    def test_the_query_is_not_blamed(self, stage: Stage, hung: Hung) -> None:
        """Its run has failed, but it runs again in its slot, with the decorations as they are."""
        stage.decorate(Decorators(load=("SELECT 1 AS one",), always=("SELECT 2 AS two",)))
        stage.script([["1"]], sql="SELECT 1 AS one")
        stage.script(hung.stand_still, sql="SELECT 2 AS two")
        stage.script(rows(1))
        hung.source = stage.source()
        stage.schedule(query())
        hung.start()
        end = hung.source.abandon("no answer")
        assert end is not None
        assert end.outcome == "failed"
        stage.later()
        (batch,), end = stage.run()
        assert end.outcome == "ok"
        assert list(batch.rows.tuples()) == [(0, "p0", "1")]


class TestDied:
    def test_its_run_is_closed(self, stage: Stage) -> None:
        """A lane that died of something unforeseen leaves no query that never runs again."""
        source = stage.source()
        stage.script(rows(3), ZeroDivisionError("unforeseen"))
        stage.schedule(query())
        with pytest.raises(ZeroDivisionError):
            stage.poll(source)
        assert stage.plan.running()
        end = source.abandon("its lane died", hung=False)
        assert end is not None
        assert (end.outcome, end.rows, end.reason) == ("partial", 3, "its lane died")
        assert not stage.plan.running()
        stage.script(rows(1))
        stage.later()
        assert stage.run()[1].outcome == "ok"

    def test_an_end_that_could_not_be_written_is_told_again(self, stage: Stage) -> None:
        """The writer failed on the run end itself: the outcome stays what it was."""
        source = stage.source()
        stage.script(rows(3))
        stage.schedule(query())
        poll = source.poll(0)
        items = [next(poll), next(poll)]
        poll.close()
        end = source.abandon("its lane died", hung=False)
        assert isinstance(items[1], RunEnd)
        assert end is not None
        assert (end.outcome, end.run, end.rows) == ("ok", 1, 3)
        assert end.time > items[1].time
        assert stage.state.open_runs() == []
