"""Every source keeps the contract of sources/base.py."""

import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

from telegraf_osquery.model.batch import BYTES_MAX, ROWS_MAX, Batch
from telegraf_osquery.model.run import MIN_STEP, RunEnd
from telegraf_osquery.sources.base import Items, Source
from telegraf_osquery.store.open import try_open
from telegraf_osquery.telemetry.log import Log
from tests.sources.staged import Stage, query, rows

BATCHES = 3


class Scheduled:
    """The schedule with one run of three batches ready, on a state file of its own."""

    def __init__(self, folder: Path) -> None:
        self.stage = Stage(try_open(str(folder / "input-x.db"), Log(lambda _: None)))
        self.pulled = 0
        steps = [
            step
            for number in range(BATCHES)
            for step in (self._pull, rows(ROWS_MAX, first=number * ROWS_MAX))
        ]
        self.stage.script(*steps)
        self.stage.schedule(query())
        self.source: Source = self.stage.source()

    def _pull(self) -> None:
        self.pulled += 1

    def counted(self) -> int:
        """Rows that the saved position covers."""
        return sum(mark.rows_total for mark in self.stage.state.marks())

    def finished(self) -> bool:
        """Whether the saved position is past what is ready."""
        return bool(self.stage.state.last_runs())

    def close(self) -> None:
        self.source.close()
        self.stage.close()


@pytest.fixture(params=[pytest.param(Scheduled, id="schedule")])
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Scheduled]:
    prepared: Scheduled = request.param(tmp_path)
    yield prepared
    prepared.close()


def poll(made: Scheduled) -> Items:
    return made.source.poll(made.stage.clock.monotonic())


def test_due_says_when_to_ask(made: Scheduled) -> None:
    """Not later than now while something is ready; asking changes nothing."""
    now = made.stage.clock.monotonic()
    assert made.source.due() <= now
    assert made.source.due() <= now
    assert made.pulled == 0
    list(poll(made))
    assert made.source.due() > now


def test_nothing_is_pulled_ahead(made: Scheduled) -> None:
    """The engine, file or broker is read when the consumer asks for the next item."""
    items = poll(made)
    assert made.pulled == 0
    for number in range(1, BATCHES + 1):
        next(items)
        assert made.pulled == number


def test_the_consumer_may_stop_at_any_item(made: Scheduled) -> None:
    """Closing the poll ends it, and is possible because a poll is a generator."""
    items = poll(made)
    assert inspect.isgenerator(items)
    next(items)
    items.close()
    assert made.pulled == 1
    assert next(items, None) is None


def test_the_position_is_saved_with_the_output(made: Scheduled) -> None:
    """Rows are covered before they are seen, and the end only after it was taken."""
    seen = 0
    for item in poll(made):
        if isinstance(item, Batch):
            seen += len(item.rows)
        assert made.counted() >= seen
        assert not made.finished()
    assert made.counted() == seen
    assert made.finished()


def test_what_comes_out_is_well_formed(made: Scheduled) -> None:
    """Small batches in the order of their rows, closed by an end that counts them."""
    items = list(poll(made))
    *batches, end = items
    assert isinstance(end, RunEnd)
    times: list[int] = []
    for batch in batches:
        assert isinstance(batch, Batch)
        assert 0 < len(batch.rows) <= ROWS_MAX
        assert batch.rows.width == len(batch.columns)
        assert sum(len(str(cell)) for row in batch.rows.tuples() for cell in row) <= BYTES_MAX
        assert batch.measurement == end.measurement
        assert list(batch.tags) == sorted(batch.tags)
        assert all(value for _, value in batch.tags)
        times += batch.times()
    assert times == list(range(end.base, end.base + end.rows))
    assert times[-1] - times[0] < MIN_STEP // 2
    assert end.span == end.rows == len(times)
    assert end.time >= end.base


def test_asked_again_it_repeats_nothing(made: Scheduled) -> None:
    """What was taken is done."""
    assert len(list(poll(made))) == BATCHES + 1
    assert list(poll(made)) == []


def test_close_twice(made: Scheduled) -> None:
    """Also while a poll is open."""
    items = poll(made)
    next(items)
    made.source.close()
    made.source.close()
    items.close()
