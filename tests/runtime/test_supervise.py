"""The loop: ticks, lanes, and leaving in order; with real threads, pipes and signals, sped up."""

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence

import pytest

from telegraf_osquery.clock import SystemClock
from telegraf_osquery.errors import EXIT_LATER, StoreDamaged
from telegraf_osquery.model.batch import Batch
from telegraf_osquery.model.names import SELF_MEASUREMENT
from telegraf_osquery.model.run import Item, RunEnd
from telegraf_osquery.runtime import output as output_module
from telegraf_osquery.runtime import supervise
from telegraf_osquery.runtime.emit import Emitter
from telegraf_osquery.runtime.formats import encoder
from telegraf_osquery.runtime.lanes import Lane
from telegraf_osquery.runtime.pacer import Pacer
from telegraf_osquery.runtime.signals import Signals
from telegraf_osquery.runtime.supervise import Ears, Limits, Supervisor
from tests.runtime.lane_sources import PATIENCE, batch
from tests.runtime.test_emit import Paper
from tests.sources.staged import PIDS, Stage, query, rows


class Work:
    """Lanes of a stage; remembers what it was asked."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.plan = stage.plan
        self.is_settled = True
        self.refreshed = 0
        self.closed = threading.Event()
        self.closing: Callable[[], object] = lambda: None
        self.lanes: list[Lane] = []

    def make_lane(self, emit: Callable[[Item], None], changed: Callable[[], None]) -> Lane:
        made = Lane(self.stage.source, emit, self.stage.instruments, changed)
        self.lanes.append(made)
        return made

    def settled(self) -> bool:
        return self.is_settled

    def refresh(self) -> bool:
        self.refreshed += 1
        return False

    def self_point(self) -> Batch:
        return batch(1, SELF_MEASUREMENT)

    def cut(self) -> None:
        self.stage.stopping = True

    def close(self) -> None:
        self.closing()
        self.closed.set()


class Blockable(Paper):
    """Paper whose writers give up when the time is over, as those of pipes do."""

    def __init__(self, late: threading.Event) -> None:
        super().__init__()
        self.late = late
        self.closed = False

    def write(self, lines: Sequence[bytes]) -> None:
        self.entered.set()
        while not self.blocked.wait(0.005):
            if self.late.is_set():
                raise BrokenPipeError
        super().write(lines)

    def drain(self, seconds: float) -> bool:
        return self.blocked.wait(seconds)

    def close(self) -> None:
        self.closed = True


class Process:
    """A supervisor over a stage, run in this thread."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        stage.clock = stage.instruments.clock = SystemClock()  # type: ignore[assignment]
        self.work = Work(stage)
        self.late = threading.Event()
        self.paper = Blockable(self.late)
        self.reader, self.stdin = os.pipe()
        self.ticks = True
        self.once = False
        self.refresh = self.self_interval = 1e9
        self.others: list[threading.Thread] = []

    def run(self) -> int:
        stage = self.stage
        encode = encoder("influx", "escape", "i", stage.counters)
        pacer = Pacer(0, 500, stage.clock)
        self.emit = Emitter(self.paper, encode, pacer, stage.instruments, self.late)
        limits = Limits(2, 1e9, self.refresh, self.self_interval, self.ticks)
        ears = Ears(Signals(), -1 if self.once else self.reader, self.once)
        made = Supervisor(self.work, self.emit, self.paper, limits, stage.instruments, ears)
        return made.run()

    def meanwhile(self, work: Callable[[], object]) -> None:
        """Do this in another thread while the supervisor runs."""
        thread = threading.Thread(target=work)
        self.others.append(thread)
        thread.start()

    def tick(self, count: int = 1) -> None:
        os.write(self.stdin, b"\n" * count)

    def end(self) -> None:
        """Telegraf closes our stdin."""
        os.close(self.stdin)
        self.stdin = -1

    def ends(self) -> list[str]:
        """Outcomes of the run ends that were written."""
        lines = [line for line in self.paper.lines if line.startswith(b"osquery_run,")]
        return [line.split(b'outcome="')[1].split(b'"')[0].decode() for line in lines]

    def written(self, wanted: int) -> None:
        """Wait for so many run ends."""
        pause = threading.Event()
        for _ in range(2000):
            if len(self.ends()) >= wanted:
                return
            pause.wait(0.005)
        raise AssertionError(f"only {self.ends()}")

    def close(self) -> None:
        self.paper.blocked.set()
        for thread in self.others:
            thread.join(PATIENCE)
        for lane in self.work.lanes:
            lane.stop()
            lane.join(PATIENCE)
        for fd in (self.reader, self.stdin):
            if fd >= 0:
                os.close(fd)


@pytest.fixture
def process(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Iterator[Process]:
    for name, seconds in {"FINISH": 0.15, "CUT": 0.08, "JOIN": 0.05, "DRAIN": 0.03}.items():
        monkeypatch.setattr(supervise, name, seconds)
    monkeypatch.setattr(supervise, "LOOK", 0.03)
    monkeypatch.setattr(supervise, "_SOON", 0.01)
    monkeypatch.setattr(output_module, "LINGER", 0.0)
    made = Process(stage)
    yield made
    made.close()


@pytest.fixture
def stage() -> Iterator[Stage]:
    made = Stage()
    yield made
    made.close()


def test_all_steps_of_leaving_together_take_less_than_five_seconds() -> None:
    """Telegraf sends SIGTERM after 5 s, and the service of a reload waits for us."""
    steps = (
        supervise.FINISH,
        supervise.CUT,
        supervise.JOIN / 2,
        supervise.JOIN,
        supervise.DRAIN,
        output_module.LINGER,
        supervise.CLOSE,
    )
    assert sum(steps) < 4.96
    assert supervise.FINISH < 4


class TestEnd:
    def test_before_the_first_round_has_ended(self, process: Process) -> None:
        """EOF at once, as Telegraf's --test gives it: the round is finished, with its rows."""
        process.stage.script(rows(600))
        process.stage.schedule(query(), query("r", sql="SELECT 1 AS one", interval=3600))
        process.end()
        assert process.run() == 0
        assert sorted(process.ends()) == ["empty", "ok"]
        assert process.stage.counted()["rows"] >= 600
        assert process.work.closed.wait(PATIENCE)
        assert process.paper.closed

    def test_with_nothing_pending(self, process: Process) -> None:
        """Leaves at once, with a last point about itself."""
        process.end()
        assert process.run() == 0
        assert [line[:12] for line in process.paper.lines] == [b"osquery_self"]

    def test_a_newline_before_the_end_is_a_collection(self, process: Process) -> None:
        """What it calls is finished before leaving."""
        process.stage.plan._ticked = True
        process.stage.schedule(query())
        assert not process.stage.plan.pending()
        process.tick()
        process.end()
        process.run()
        assert process.ends() == ["empty"]

    def test_a_query_that_does_not_end_is_cut(self, process: Process) -> None:
        """It is closed partial, with the rows that were written."""
        pause = threading.Event()
        endless = [step for _ in range(400) for step in (lambda: pause.wait(0.005), rows(1))]
        process.stage.script(*endless)
        process.stage.schedule(query())
        process.end()
        assert process.run() == 0
        assert process.ends() == ["partial"]
        (mark,) = process.stage.state.marks()
        printed = [line for line in process.paper.lines if line.startswith(b"osquery_p_q,")]
        assert mark.rows == len(printed) > 0

    def test_what_becomes_due_while_leaving_is_not_begun(self, process: Process) -> None:
        """What the round had called is finished, and nothing else."""
        pause = threading.Event()
        process.stage.script(lambda: pause.wait(0.08), rows(1))
        quick = "SELECT 1 AS one"
        process.stage.schedule(query(), query("soon", sql=quick))
        soon = next(e for e in process.stage.plan.entries() if e.query.name == "soon")
        soon.called, soon.due_ns = False, process.stage.clock.time_ns() + 20_000_000
        process.end()
        process.run()
        assert process.ends() == ["ok"]
        assert quick not in process.stage.engine.asked

    def test_a_query_that_hangs_holds_up_nobody(self, process: Process) -> None:
        """Its run stays open, for the next start to tell."""
        gate = threading.Event()
        process.stage.script(rows(1), lambda: gate.wait(PATIENCE))
        process.stage.schedule(query())
        process.end()
        process.run()
        assert process.ends() == []
        assert len(process.stage.state.open_runs()) == 1
        gate.set()

    def test_a_reader_that_reads_no_more(self, process: Process) -> None:
        """The writer gives up; what was not written stays open."""
        process.paper.blocked.clear()
        process.stage.script(rows(1))
        process.stage.schedule(query())
        process.end()
        assert process.run() == 0
        assert process.paper.lines == []
        assert len(process.stage.state.open_runs()) == 1
        assert any(b"left before everything" in line for line in process.stage.lines)

    def test_a_reader_that_has_gone(self, process: Process) -> None:
        """Nobody reads any more: there is nothing to stay for, and no error to tell."""
        process.paper.gone = True
        process.stage.script(rows(1))
        process.stage.schedule(query())
        assert process.run() == 0
        assert not [line for line in process.stage.lines if line.startswith((b"E! ", b"W! "))]

    def test_a_reader_that_goes_while_we_leave(self, process: Process) -> None:
        """The run whose end nobody took stays open, for the next start to tell."""

        def go() -> None:
            threading.Event().wait(0.03)
            process.paper.gone = True

        process.stage.script(rows(1), go, rows(1))
        process.stage.schedule(query())
        process.end()
        process.run()
        assert len(process.stage.state.open_runs()) == 1

    def test_a_state_file_that_cannot_be_closed(self, process: Process) -> None:
        """A disk that hangs does not keep the process."""
        gate = threading.Event()
        process.work.closing = lambda: gate.wait(PATIENCE)
        process.end()
        assert process.run() == 0
        assert not process.work.closed.is_set()
        gate.set()
        assert process.work.closed.wait(PATIENCE)

    def test_sigterm(self, process: Process) -> None:
        """The same as the end of stdin."""
        process.stage.schedule(query())
        process.meanwhile(lambda: (process.written(1), os.kill(os.getpid(), signal.SIGTERM)))
        assert process.run() == 0
        assert process.ends() == ["empty"]

    def test_sigint_is_not_for_us(self, process: Process) -> None:
        """Ctrl-C reaches Telegraf as well, and Telegraf closes our stdin."""
        seen = []

        def interrupt() -> None:
            process.written(1)
            os.kill(os.getpid(), signal.SIGINT)
            threading.Event().wait(0.03)
            seen.append(process.paper.closed)
            process.end()

        process.stage.schedule(query())
        process.meanwhile(interrupt)
        process.run()
        assert seen == [False]

    def test_damage_ends_the_process_with_a_code(self, process: Process) -> None:
        """EX_TEMPFAIL: started anew it goes on, with a new state file."""

        def damaged() -> None:
            raise StoreDamaged("x.db: damaged")

        process.stage.discovery = Told(damaged)
        assert process.run() == EXIT_LATER
        assert any(line.startswith(b"E! x.db: damaged") for line in process.stage.lines)


class Told:
    """A discovery that does this when it is asked."""

    def __init__(self, work: Callable[[], object]) -> None:
        self.work = work

    def due(self) -> float:
        return 0.0

    def discover(self, _ask: object) -> None:
        self.work()

    def give_up(self, _ask: object) -> None:
        return


class TestTicks:
    def test_ticks_that_wait_together_are_one(self, process: Process) -> None:
        """The others are counted."""
        process.stage.plan._ticked = True
        process.stage.schedule(query())
        process.tick(5)
        process.meanwhile(lambda: (process.written(1), process.end()))
        process.run()
        assert process.ends() == ["empty"]
        counted = process.stage.counted()
        assert (counted["ticks"], counted["ticks_coalesced"]) == (5, 4)

    @pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2])
    def test_a_signal_is_a_tick(self, process: Process, number: int) -> None:
        """As inputs.execd sends them with its option signal."""
        process.stage.plan._ticked = True
        process.stage.schedule(query())

        def drive() -> None:
            while not process.work.lanes:
                threading.Event().wait(0.001)
            os.kill(os.getpid(), number)
            process.written(1)
            process.end()

        process.meanwhile(drive)
        process.run()
        assert process.ends() == ["empty"]
        assert process.stage.counted()["ticks"] == 1

    def test_where_the_own_clock_drives_a_tick_has_the_packs_looked_at(
        self, process: Process
    ) -> None:
        """SIGHUP to a service reads its packs again."""
        process.ticks = False
        process.tick(3)

        def drive() -> None:
            while not process.work.refreshed:
                threading.Event().wait(0.001)
            process.end()

        process.meanwhile(drive)
        process.run()
        assert process.work.refreshed == 1
        assert "ticks_coalesced" not in process.stage.counted()


class TestOnce:
    def test_it_leaves_after_the_round(self, process: Process) -> None:
        """Without anyone saying so."""
        process.once = True
        process.stage.script(rows(3))
        process.stage.schedule(query())
        assert process.run() == 0
        assert process.ends() == ["ok"]

    def test_with_nothing_due_it_still_closes_what_a_kill_has_cut(
        self, process: Process, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """One process per interval, of which most have nothing to do but this."""
        monkeypatch.setattr(supervise, "JOIN", 0.0)
        process.once = True
        process.work.is_settled = False
        process.stage.before = Settling(process.work)
        assert process.run() == 0
        assert process.ends() == ["partial"]


class Settling:
    """The ends of cut runs; when they were taken the work is settled."""

    def __init__(self, work: Work) -> None:
        self.work = work

    def __iter__(self) -> Iterator[Item]:
        threading.Event().wait(0.05)  # a disk that takes its time
        known = {"run": 1, "base": 1, "rows": 0, "span": 0, "rows_total": 0, "time": 1}
        yield RunEnd(host="h", pack="p", query="q", outcome="partial", **known)
        self.work.is_settled = True


class TestLanes:
    def test_a_second_lane_for_a_query_that_would_wait(self, process: Process) -> None:
        """A slow query holds up no other; when it has ended both ends are there."""
        gate = threading.Event()
        process.stage.script(lambda: gate.wait(PATIENCE))
        quick = "SELECT 1 AS one"
        process.stage.schedule(query("a_slow"), query("quick", sql=quick))
        process.meanwhile(lambda: (process.written(1), gate.set(), process.end()))
        process.run()
        assert process.ends() == ["empty", "empty"]
        assert len(process.work.lanes) == 2
        assert set(process.stage.engine.asked) == {PIDS, quick}

    def test_one_lane_while_runs_of_a_former_process_are_open(self, process: Process) -> None:
        """Their ends come first; a second lane might begin the next run of one of them."""
        process.work.is_settled = False
        gate = threading.Event()
        process.stage.script(lambda: gate.wait(PATIENCE))
        process.stage.schedule(query("a_slow"), query("quick", sql="SELECT 1 AS one"))

        def drive() -> None:
            threading.Event().wait(0.05)
            assert len(process.work.lanes) == 1
            gate.set()
            process.end()

        process.meanwhile(drive)
        process.run()
        assert len(process.work.lanes) == 1

    def test_a_lane_that_dies_is_told_in_one_line_and_costs_one_run(
        self, process: Process, crashes: list[type[BaseException]]
    ) -> None:
        """The run is closed, the other queries run in the next lane."""
        process.stage.script(rows(2), ZeroDivisionError("unforeseen"))
        process.stage.schedule(query(), query("r", sql="SELECT 1 AS one", interval=3600))
        process.meanwhile(lambda: (process.written(2), process.end()))
        process.run()
        assert sorted(process.ends()) == ["empty", "partial"]
        assert crashes == [ZeroDivisionError]
        assert process.stage.state.open_runs() == []


class TestOwnPoints:
    def test_now_and_then(self, process: Process) -> None:
        """Every self_interval, without a query being due."""
        process.self_interval = 0.02

        def drive() -> None:
            while len(process.paper.lines) < 3:
                threading.Event().wait(0.001)
            process.end()

        process.meanwhile(drive)
        process.run()
        assert all(line.startswith(b"osquery_self,") for line in process.paper.lines)

    def test_they_do_not_pile_up_while_nobody_reads(
        self, process: Process, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A listener that is away for a day finds one, not a thousand."""
        monkeypatch.setattr(supervise, "LOOK", 0.001)
        process.self_interval = 0.001
        process.paper.blocked.clear()

        def drive() -> None:
            threading.Event().wait(0.05)
            process.paper.blocked.set()
            process.end()

        process.meanwhile(drive)
        process.run()
        assert len(process.paper.lines) <= 4
