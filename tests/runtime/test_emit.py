"""From an item to lines in the output."""

import threading
from collections.abc import Sequence

import pytest

from telegraf_osquery.errors import CodecError
from telegraf_osquery.model.batch import Batch
from telegraf_osquery.model.run import Item
from telegraf_osquery.runtime.emit import Emitter, Reporter
from telegraf_osquery.runtime.formats import encoder
from telegraf_osquery.runtime.pacer import Pacer
from tests.runtime.lane_sources import PATIENCE, Bench, batch, run_end


class Paper:
    """An output that keeps what is written; ``blocked`` holds a writer up."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.gone = False
        self.backlog = 0
        self.blocked = threading.Event()
        self.blocked.set()
        self.entered = threading.Event()

    def write(self, lines: Sequence[bytes]) -> None:
        self.entered.set()
        assert self.blocked.wait(PATIENCE)
        if self.gone:
            raise BrokenPipeError
        self.lines += lines

    def queued(self) -> int:
        return self.backlog

    def drain(self, seconds: float) -> bool:
        del seconds
        return True

    def close(self) -> None:
        return


class Desk:
    """An emitter over paper."""

    def __init__(self, bench: Bench, rate: int = 0) -> None:
        self.paper = Paper()
        self.bench = bench
        encode = encoder("influx", "escape", "i", bench.counters)
        pacer = Pacer(rate, burst=500, clock=bench.clock)
        self.emit = Emitter(self.paper, encode, pacer, bench.instruments, threading.Event())

    def counted(self) -> dict[str, int]:
        return {name: n for name, n in self.bench.counters.snapshot().items() if n}


@pytest.fixture
def desk(bench: Bench) -> Desk:
    return Desk(bench)


class TestEmitter:
    def test_a_batch_is_whole_lines(self, desk: Desk) -> None:
        """One per row, each ending in a newline; rows and bytes are counted."""
        desk.emit(batch(3))
        assert desk.paper.lines == [b"osquery_p_q,host=h n=%di %d\n" % (i, 1 + i) for i in range(3)]
        size = sum(map(len, desk.paper.lines))
        assert desk.counted() == {"rows": 3, "bytes": size}

    def test_a_run_end_is_a_point(self, desk: Desk) -> None:
        """In its own measurement, with its own time."""
        desk.emit(run_end(time=77))
        (line,) = desk.paper.lines
        assert line.startswith(b"osquery_run,host=h,osquery_pack=p,osquery_query=q ")
        assert line.endswith(b" 77\n")

    def test_nobody_reads(self, desk: Desk) -> None:
        """The writer is told, the rows are counted, and everyone can see it."""
        desk.paper.gone = True
        with pytest.raises(BrokenPipeError):
            desk.emit(batch(4))
        assert desk.emit.gone.is_set()
        assert desk.counted() == {"rows_dropped_write": 4}

    def test_what_cannot_be_encoded_is_counted_and_left_out(self, desk: Desk) -> None:
        """A time outside int64 harms no other batch, and is told once."""
        for _ in range(2):
            desk.emit(_at(batch(2), 1 << 63))
        desk.emit(batch(1))
        assert len(desk.paper.lines) == 1
        assert desk.counted()["rows_dropped_codec"] == 4
        assert len(desk.bench.lines) == 1

    def test_pacing_waits_until_it_is_told_to_hurry(self, bench: Bench) -> None:
        """Rows wait their turn; when stopping, they do not."""
        desk = Desk(bench, rate=10)
        desk.emit(batch(500))
        thread = threading.Thread(target=desk.emit, args=(batch(500),))
        thread.start()
        while not desk.counted().get("paced_ms"):
            threading.Event().wait(0.001)
        assert len(desk.paper.lines) == 500
        desk.emit.hurry.set()
        thread.join(PATIENCE)
        assert len(desk.paper.lines) == 1000
        assert desk.counted()["paced_ms"] == 50_000

    def test_time_at_a_full_pipe_is_counted(self, desk: Desk) -> None:
        """blocked_ms tells a slow reader from a slow query."""
        desk.paper.blocked.clear()
        thread = threading.Thread(target=desk.emit, args=(batch(1),))
        thread.start()
        assert desk.paper.entered.wait(PATIENCE)
        desk.bench.clock.advance(3)
        desk.paper.blocked.set()
        thread.join(PATIENCE)
        assert desk.counted()["blocked_ms"] == 3000

    def test_the_queue_and_its_peak(self, desk: Desk) -> None:
        """What the reader has not taken yet, and the most of it since the start."""
        for backlog in (10, 500, 20):
            desk.paper.backlog = backlog
            desk.emit(batch(1))
        assert (desk.counted()["queue"], desk.counted()["queue_peak"]) == (20, 500)


def _at(made: Batch, base: int) -> Batch:
    return Batch(made.measurement, made.tags, made.columns, made.rows, base, made.offsets)


class TestReporter:
    def test_it_writes_in_order_and_ends(self, desk: Desk) -> None:
        """Close waits for what was put."""
        reporter = Reporter(desk.emit)
        for time in range(5):
            reporter.put(run_end(time=time))
        assert reporter.close(PATIENCE)
        assert [line.rsplit(b" ")[-1] for line in desk.paper.lines] == [
            b"%d\n" % time for time in range(5)
        ]

    def test_a_full_pipe_holds_up_nobody(self, desk: Desk) -> None:
        """Putting returns at once, what waits is known, and closing gives up in time."""
        desk.paper.blocked.clear()
        reporter = Reporter(desk.emit)
        assert not reporter.waiting()
        reporter.put(run_end())
        assert desk.paper.entered.wait(PATIENCE)
        reporter.put(run_end())
        assert reporter.waiting()
        assert not reporter.close(0.01)
        desk.paper.blocked.set()
        reporter._thread.join(PATIENCE)

    def test_a_reader_that_has_gone_ends_it(self, desk: Desk) -> None:
        """Quietly; more items are of no use to anybody."""
        desk.paper.gone = True
        reporter = Reporter(desk.emit)
        reporter.put(run_end())
        reporter._thread.join(PATIENCE)
        reporter.put(run_end())
        assert reporter.close(PATIENCE)

    def test_what_cannot_be_encoded_does_not_end_it(self, bench: Bench) -> None:
        """The next point is written."""
        seen: list[Item] = []

        def encode(made: Batch) -> Sequence[bytes]:
            seen.append(made)
            if len(seen) == 1:
                raise CodecError("no")
            return [b"x\n"]

        paper = Paper()
        emit = Emitter(
            paper, encode, Pacer(0, 1, bench.clock), bench.instruments, threading.Event()
        )
        reporter = Reporter(emit)
        reporter.put(run_end())
        reporter.put(run_end())
        assert reporter.close(PATIENCE)
        assert paper.lines == [b"x\n"]
