"""The lanes together: when there are more, and what becomes of those that fail."""

import threading
from collections.abc import Iterator

import pytest

from telegraf_osquery.errors import EngineUnavailable, StoreDamaged
from telegraf_osquery.model.run import Item
from telegraf_osquery.runtime.crew import BACKOFF, BACKOFF_MAX, HUNG_MAX, Crew
from tests.runtime.lane_sources import PATIENCE, Bench, ToldSource, batch, run_end

HANG = 70.0


class Hands:
    """A crew of at most three, and what it reports."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.reported: list[Item] = []
        self.crew = Crew(bench.lane, self.reported.append, 3, HANG, bench.instruments)
        self.gates: list[threading.Event] = []

    def look(self, *, more: bool = False) -> None:
        self.crew.look(more=more)

    def lanes(self) -> int:
        return self.bench.counters.snapshot()["lanes"]

    def busy(self, *, first: float = 0.0) -> ToldSource:
        """A lane that stands still in the engine until ``let_go``, started ``first`` s from now."""
        gate, inside = threading.Event(), threading.Event()
        self.gates.append(gate)
        source = ToldSource()

        def stand_still() -> None:
            source.asked_at = self.bench.clock.monotonic()
            inside.set()
            assert gate.wait(PATIENCE)
            source.asked_at = 0.0

        source.items.append(stand_still)
        self.bench.sources.append(source)
        self.bench.clock.advance(first)
        self.look(more=True)
        assert inside.wait(PATIENCE)
        return source

    def let_go(self) -> None:
        for gate in self.gates:
            gate.set()


@pytest.fixture
def hands(bench: Bench) -> Iterator[Hands]:
    made = Hands(bench)
    yield made
    made.let_go()


class TestMore:
    def test_one_is_enough(self, hands: Hands) -> None:
        """As long as it has time for what is due."""
        hands.look()
        hands.bench.idle(hands.bench.lanes[0])
        hands.look(more=True)
        hands.look(more=True)
        assert (hands.bench.made, hands.lanes()) == (1, 1)

    def test_another_when_work_waits_and_all_are_busy(self, hands: Hands) -> None:
        """Up to the limit, and none without work."""
        hands.busy()
        hands.look(more=False)
        assert hands.bench.made == 1
        hands.busy()
        hands.look(more=False)
        hands.busy()
        hands.look(more=True)
        assert hands.bench.made == 3

    def test_all_are_told_to_stop(self, hands: Hands) -> None:
        """And waited for, for so long at most."""
        hands.look()
        hands.bench.idle(hands.bench.lanes[0])
        hands.crew.stop(PATIENCE)
        assert not hands.bench.lanes[0].alive()


class TestHung:
    def test_it_is_given_up_and_replaced(self, hands: Hands) -> None:
        """Its run's end is reported, one line tells of it, and another lane goes on."""
        source = hands.busy()
        source.end = run_end("slow")
        hands.bench.clock.advance(HANG)
        hands.look()
        assert source.abandoned == []
        hands.bench.clock.advance(1)
        hands.look()
        assert [hung for _, hung in source.abandoned] == [True]
        assert hands.reported == [source.end]
        assert hands.bench.counters.snapshot()["lanes_abandoned"] == 1
        assert hands.bench.made == 2
        told = [line for line in hands.bench.lines if line.startswith(b"W! ")]
        assert len(told) == 1
        assert b"query slow of pack p: no answer from the engine for 71 s" in told[0]

    def test_it_is_given_up_once(self, hands: Hands) -> None:
        """What it does later is nobody's business."""
        source = hands.busy()
        hands.bench.clock.advance(HANG + 1)
        for _ in range(3):
            hands.look()
        assert len(source.abandoned) == 1
        hands.let_go()
        hands.bench.ended(hands.bench.lanes[0])
        hands.look()
        assert len(source.abandoned) == 1

    def hang(self, hands: Hands, count: int) -> None:
        """So many lanes hang, each given up and replaced by the next; the last one still stands."""
        for _ in range(count):
            hands.busy(first=HANG + 1)
        hands.bench.clock.advance(HANG + 1)

    def test_too_many_are_not_replaced(self, hands: Hands) -> None:
        """The process has to be started anew, and says so."""
        self.hang(hands, HUNG_MAX + 1)
        assert hands.crew.failure is None
        made = hands.bench.made
        for _ in range(5):
            hands.look(more=True)
        assert hands.bench.made == made
        assert hands.crew.failure is not None
        assert "started anew" in str(hands.crew.failure)

    def test_those_that_came_back_do_not_count(self, hands: Hands) -> None:
        """A mount that is away for an hour now and then wears nothing out."""
        for _ in range(3):
            self.hang(hands, HUNG_MAX - 1)
            hands.look()
            hands.let_go()
            for lane in hands.bench.lanes:
                lane.stop()
                hands.bench.ended(lane)
            hands.look()
            hands.bench.clock.advance(BACKOFF_MAX)
        hands.look()
        assert hands.crew.failure is None
        assert hands.lanes() == 1

    def test_slow_readers_hang_nobody(self, hands: Hands) -> None:
        """Only time in the engine counts, not time in the writer."""
        gate, inside = threading.Event(), threading.Event()

        def emit(_item: Item) -> None:
            inside.set()
            assert gate.wait(PATIENCE)

        hands.crew = Crew(
            lambda: hands.bench.lane(emit), hands.reported.append, 3, HANG, hands.bench.instruments
        )
        source = ToldSource([batch()])
        hands.bench.sources = [source]
        hands.look()
        assert inside.wait(PATIENCE)
        hands.bench.clock.advance(10_000)
        hands.look()
        assert source.abandoned == []
        gate.set()


class TestDied:
    def test_it_is_replaced_after_a_while(self, hands: Hands) -> None:
        """The reason is told, and the wait is short where it had served."""
        hands.bench.sources = [EngineUnavailable("no engine")]
        hands.look()
        hands.bench.ended(hands.bench.lanes[0])
        hands.look()
        assert (hands.bench.made, hands.lanes()) == (1, 0)
        assert b"a lane ended: EngineUnavailable: no engine" in hands.bench.lines[0]
        hands.bench.clock.advance(2 * BACKOFF)
        hands.look()
        assert (hands.bench.made, hands.lanes()) == (2, 1)

    def test_one_that_dies_at_once_again_and_again_does_not_spin(self, hands: Hands) -> None:
        """An hour of it: two tries a minute, one line in the log."""
        hands.bench.sources = [EngineUnavailable("no engine")] * 10_000
        for _ in range(3600 * 2):
            hands.look(more=True)
            hands.bench.ended(hands.bench.lanes[-1])
            hands.bench.clock.advance(0.5)
        assert 3600 / BACKOFF_MAX - 2 < hands.bench.made < 3600 / BACKOFF_MAX + 10
        assert len(hands.bench.lines) == 1

    def test_one_that_had_served_is_replaced_soon(self, hands: Hands) -> None:
        """The wait does not grow from one accident a day to the next."""

        def crash() -> None:
            raise EngineUnavailable("gone")

        for _ in range(20):
            hands.bench.sources = [ToldSource([run_end(), crash])]
            hands.look()
            hands.bench.ended(hands.bench.lanes[-1])
            hands.look()
            hands.bench.clock.advance(BACKOFF)
        assert hands.bench.made == 20

    def test_what_it_left_open_is_closed(
        self, hands: Hands, crashes: list[type[BaseException]]
    ) -> None:
        """Its query runs again in its slot, and the run has an end."""

        def crash() -> None:
            raise ZeroDivisionError

        source = ToldSource([batch(), crash])
        source.end = run_end()
        hands.bench.sources = [source]
        hands.look()
        hands.bench.ended(hands.bench.lanes[0])
        hands.look()
        assert crashes == [ZeroDivisionError]
        assert [hung for _, hung in source.abandoned] == [False]
        assert hands.reported == [source.end]

    def test_a_damaged_state_file_ends_the_process(self, hands: Hands) -> None:
        """The next start sets it aside; lanes cannot."""
        hands.bench.sources = [StoreDamaged("x.db: damaged")]
        hands.look()
        hands.bench.ended(hands.bench.lanes[0])
        hands.look()
        assert isinstance(hands.crew.failure, StoreDamaged)
