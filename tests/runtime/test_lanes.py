"""One lane: a thread over its source."""

import threading

from telegraf_osquery.errors import EngineUnavailable
from telegraf_osquery.model.batch import Batch
from telegraf_osquery.model.run import Item, RunEnd
from tests.runtime.lane_sources import PATIENCE, Bench, ToldSource, batch, run_end


def test_it_hands_out_what_its_source_gives(bench: Bench) -> None:
    """In order, and says when there is news."""
    source = ToldSource([batch(), run_end()])
    bench.sources = [source]
    lane = bench.lane()
    assert not lane.served
    lane.start()
    assert bench.changes.acquire(timeout=PATIENCE)
    assert [type(item) for item in bench.emitted] == [Batch, RunEnd]
    assert lane.served
    bench.idle(lane)


def test_new_work_wakes_it(bench: Bench) -> None:
    """An idle lane looks again when told to."""
    source = ToldSource()
    bench.sources = [source]
    lane = bench.lane()
    lane.start()
    bench.idle(lane)
    source.items.append(run_end())
    lane.wake()
    assert bench.changes.acquire(timeout=PATIENCE)
    assert bench.emitted == [run_end()]


def test_stopping_ends_it_and_closes_its_source(bench: Bench) -> None:
    """Also while it waits."""
    source = ToldSource()
    bench.sources = [source]
    lane = bench.lane()
    lane.start()
    bench.idle(lane)
    lane.stop()
    bench.ended(lane)
    assert source.closed == 1
    assert lane.error is None


def test_stopped_in_mid_run_it_lets_go_of_the_run(bench: Bench) -> None:
    """After the item in progress; the rest is not pulled any more."""
    lane = bench.lane(lambda _item: lane.stop())
    source = ToldSource([batch(), batch(), run_end()])
    bench.sources = [source]
    lane.start()
    bench.ended(lane)
    assert source.resumed == 0
    assert source.ended == ["closed"]
    assert source.closed == 1


def test_stopped_at_a_run_end_it_still_records_it(bench: Bench) -> None:
    """An end that was written is recorded as done: the source is asked on once more."""
    lane = bench.lane(lambda _item: lane.stop())
    source = ToldSource([run_end()])
    bench.sources = [source]
    lane.start()
    bench.ended(lane)
    assert source.resumed == 1
    assert source.ended == ["exhausted"]


def test_without_an_engine_it_ends_with_the_reason(bench: Bench) -> None:
    """The supervisor is told at once."""
    bench.sources = [EngineUnavailable("no engine")]
    lane = bench.lane()
    lane.start()
    bench.ended(lane)
    assert bench.changes.acquire(timeout=PATIENCE)
    assert isinstance(lane.error, EngineUnavailable)
    assert not lane.working
    assert lane.abandon("x") is None
    assert lane.bury("x") is None


def test_a_reader_that_has_gone_is_no_error(bench: Bench) -> None:
    """Nothing is logged that anybody would have to read; the source is closed."""

    def emit(_item: Item) -> None:
        raise BrokenPipeError

    source = ToldSource([batch()])
    bench.sources = [source]
    lane = bench.lane(emit)
    lane.start()
    bench.ended(lane)
    assert lane.error is None
    assert (source.closed, source.ended) == (1, ["closed"])
    assert [line[:3] for line in bench.lines] == [b"D! "]


def test_an_unforeseen_error_closes_what_is_open(
    bench: Bench, crashes: list[type[BaseException]]
) -> None:
    """The thread dies of it, its engine does not stay behind."""

    def crash() -> None:
        raise ZeroDivisionError

    source = ToldSource([batch(), crash])
    bench.sources = [source]
    lane = bench.lane()
    lane.start()
    bench.ended(lane)
    assert crashes == [ZeroDivisionError]
    assert source.closed == 1
    assert bench.changes.acquire(timeout=PATIENCE)


def test_starting_an_engine_is_time_in_the_engine(bench: Bench) -> None:
    """A driver that hangs while the lane starts is found as well."""
    inside, go = threading.Event(), threading.Event()

    class Slow(Bench):
        def make_source(self) -> ToldSource:
            inside.set()
            assert go.wait(PATIENCE)
            return super().make_source()

    slow = Slow()
    lane = slow.lane()
    assert lane.in_engine() == 0
    lane.start()
    assert inside.wait(PATIENCE)
    slow.clock.advance(5)
    assert lane.in_engine() == 5
    go.set()
    slow.idle(lane)
    assert lane.in_engine() == 0
    slow.close()


def test_a_poll_that_gives_nothing_does_not_spin(bench: Bench) -> None:
    """Another lane was quicker: a short nap before the next look."""

    class Empty(ToldSource):
        polls = 0

        def due(self) -> float:
            return 0.0

        def poll(self, now: float):  # type: ignore[no-untyped-def] # noqa: ANN202
            self.polls += 1
            return super().poll(now)

    source = Empty()
    bench.sources = [source]
    lane = bench.lane()
    lane.start()
    for _ in range(2):
        assert bench.changes.acquire(timeout=PATIENCE)
    seen = source.polls
    threading.Event().wait(0.03)
    assert source.polls - seen <= 1
