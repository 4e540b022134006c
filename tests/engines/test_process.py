"""The process engine against a double of osqueryi that misbehaves."""

import gc
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from telegraf_osquery.clock import Deadline, SystemClock
from telegraf_osquery.engines import shell_answer, shell_dialogue, shell_keeper
from telegraf_osquery.engines.base import Answer
from telegraf_osquery.engines.guard import Guard, Limits
from telegraf_osquery.engines.process import Process
from telegraf_osquery.engines.shell_dialogue import question
from telegraf_osquery.errors import (
    EngineUnavailable,
    QueryError,
    QueryRefused,
    QueryTimeout,
)
from telegraf_osquery.schema.analyze import Analyzer
from telegraf_osquery.schema.tables import load
from tests.fakes import osqueryi
from tests.fakes.clock import ManualClock

CLOCK = SystemClock()
SCHEMA = load()
COUNT = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT {}) SELECT x FROM c"
ENDLESS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c"

Make = Callable[..., Process]


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def make(tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Makes engines over the double; arguments are the double's."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    made: list[Process] = []

    def one(*arguments: str, clock: Any = CLOCK) -> Process:
        program = osqueryi.install(tmp_path, *arguments)
        made.append(Process(clock, [program], Analyzer(SCHEMA), warn=said.append))
        return made[-1]

    yield one
    for engine in made:
        engine.close()
    assert _children() == set()


def _children() -> set[int]:
    """Processes that this one has started and that are still there, zombies included."""
    words: list[str] = []
    for task in Path("/proc/self/task").iterdir():
        words += (task / "children").read_text().split()
    return set(map(int, words))


def _within(seconds: float) -> Deadline:
    return Deadline(CLOCK, seconds)


def _rows(answer: Answer) -> list[tuple[Any, ...]]:
    return [row for chunk in answer.chunks for row in zip(*chunk, strict=True)]


def _ask(engine: Process, sql: str = "SELECT 1 AS a", seconds: float = 5) -> list[tuple[Any, ...]]:
    return _rows(engine.execute(sql, _within(seconds)))


def _fault(engine: Process, fault: str, count: int = 3, seconds: float = 5) -> None:
    _ask(engine, f"{COUNT.format(count)} /* fault={fault} */", seconds)


def _pid(engine: Process) -> int:
    child = engine._keeper._child
    assert child is not None
    return child.pid


def test_no_program(tmp_path: Path) -> None:
    """The path and the reason are told."""
    engine = Process(CLOCK, [f"{tmp_path}/osqueryi"], Analyzer(SCHEMA))
    with pytest.raises(EngineUnavailable, match="cannot be started: No such file or directory"):
        _ask(engine)
    engine.close()


def test_no_home(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cure is told."""
    monkeypatch.setenv("TMPDIR", "/nonexistent")
    with pytest.raises(EngineUnavailable, match="osqueryi needs a home folder: set TMPDIR"):
        _ask(make())


def test_a_program_that_ends_at_once(make: Make) -> None:
    """Exit status and last words."""
    with pytest.raises(EngineUnavailable) as caught:
        _ask(make("--start=exit"))
    message = str(caught.value)
    assert "osqueryi: ended with exit status 1 before the answer was complete" in message
    assert "its last words: ERROR: unknown command line flag 'no_such_flag'" in message


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("killed", r"was killed by SIGKILL before the answer was complete; the next statement"),
        ("exit", r"ended with exit status 3 before .*its last words: out of luck"),
        ("garbage", r"found 'Segmentation fault.*', expected an array; the child was killed"),
        ("row", r"rows in JSON: .*the child was killed"),
    ],
)
def test_a_child_that_fails_is_replaced(make: Make, fault: str, message: str) -> None:
    """One statement fails, the next one works, with another child."""
    engine = make()
    _ask(engine)
    before = _pid(engine)
    with pytest.raises(EngineUnavailable, match=message):
        _fault(engine, fault)
    assert _ask(engine) == [("1",)]
    assert _pid(engine) != before


@pytest.mark.parametrize("fault", ["hang", "half"])
def test_a_stuck_child_is_killed_at_the_deadline(make: Make, fault: str) -> None:
    """And the next statement works."""
    engine = make()
    _ask(engine)
    before = _pid(engine)
    started = CLOCK.monotonic()
    with pytest.raises(QueryTimeout, match="no complete answer within the deadline"):
        _fault(engine, fault, seconds=0.2)
    assert 0.15 < CLOCK.monotonic() - started < 0.5
    assert before not in _children()
    assert _ask(engine) == [("1",)]


def test_a_child_that_never_begins(make: Make) -> None:
    """The deadline counts from the statement, not from the child's first word."""
    with pytest.raises(QueryTimeout):
        _ask(make("--start=hang"), seconds=0.2)


def test_rows_before_a_fault_stay(make: Make) -> None:
    """What came whole is given, the fault comes after it."""
    for fault, wanted in (("killed", EngineUnavailable), ("half", QueryTimeout)):
        rows = 0
        chunks = make().execute(f"{COUNT.format(4000)} /* fault={fault} */", _within(1)).chunks
        fault_seen: Exception | None = None
        while fault_seen is None:
            try:
                rows += len(next(chunks)[0])
            except wanted as error:
                fault_seen = error
        assert 1900 < rows < 2100


def test_a_slow_answer_is_whole(make: Make) -> None:
    """Row by row."""
    sql = f"{COUNT.format(20)} /* fault=slow */"
    assert [int(row[0]) for row in _ask(make(), sql)] == list(range(1, 21))


def test_a_flood_of_complaints_does_not_stop_the_answer(make: Make, said: list[str]) -> None:
    """More than a pipe holds, on the other channel; only its end is kept."""
    engine = make()
    _fault(engine, "flood")
    assert len(said) == 1
    assert len(said[0]) < 500


def test_remarks_are_passed_on_once(make: Make, said: list[str]) -> None:
    """They are no error."""
    engine = make()
    for _ in range(3):
        _fault(engine, "remark")
    assert [line.partition(": ")[2] for line in said] == ["libfoo: deprecated"]


def test_a_dying_child_is_not_started_in_a_loop(make: Make) -> None:
    """At once the first time, then after 1 s, 2 s, ...; an answer makes all good again."""
    clock = ManualClock()
    engine = make(clock=clock)

    def dies(pause: float) -> None:
        with pytest.raises(EngineUnavailable, match="was killed by"):
            _fault(engine, "killed")
        if pause:
            with pytest.raises(EngineUnavailable, match=f"started again in {pause:.0f} s"):
                _ask(engine)
            clock.advance(pause)

    for pause in (0, 1, 2, 4, 8, 16, 32, 60, 60):
        dies(pause)
    assert _ask(engine) == [("1",)]
    for pause in (0, 1):
        dies(pause)


def test_a_deadline_is_no_death(make: Make) -> None:
    """However often it passes, the next child starts at once."""
    engine = make(clock=ManualClock())
    for _ in range(3):
        with pytest.raises(QueryTimeout):
            _ask(engine, ENDLESS, 0.15)
    assert _ask(engine) == [("1",)]


def test_the_child_is_kept_apart(make: Make, tmp_path: Path) -> None:
    """Flags, a home of its own that only we may enter, a group of its own, few variables."""
    engine = make()
    _ask(engine)
    pid = _pid(engine)
    flags = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
    assert set(shell_keeper.FLAGS) <= set(flags)
    variables = dict(
        word.split("=", 1) for word in Path(f"/proc/{pid}/environ").read_text().split("\0") if word
    )
    home = Path(variables["HOME"])
    assert home.parent == tmp_path
    assert home.stat().st_mode & 0o777 == 0o700
    assert set(variables) <= {"HOME", "LANG", "PATH", "PWD", "PYTHONPATH", "TZ", "LD_LIBRARY_PATH"}
    assert os.getpgid(pid) == pid
    (home / ".osquery").mkdir()
    (home / ".osquery" / "history").touch()
    engine.close()
    assert not home.exists()


def test_homes_that_killed_processes_left_are_removed(make: Make, tmp_path: Path) -> None:
    """Those of living processes, and what only looks alike, stay."""
    dead = tmp_path / "osqueryi-4194305-0011"  # above the kernel's largest process id
    (dead / ".osquery").mkdir(parents=True)
    (dead / ".osquery" / "link").symlink_to("/etc")
    alive = tmp_path / f"osqueryi-{os.getpid()}-0011"
    other = tmp_path / "osqueryi-notes"
    alive.mkdir()
    other.mkdir()
    _ask(make())
    assert (dead.exists(), alive.exists(), other.exists()) == (False, True, True)
    assert Path("/etc/passwd").exists()


def test_a_child_may_use_cpu_as_long_as_somebody_waits(make: Make) -> None:
    """A limit of the kernel ends an orphan; it grows with each statement."""
    engine = make()
    limits = []
    for seconds in (5, 50):
        _ask(engine, seconds=seconds)
        text = Path(f"/proc/{_pid(engine)}/limits").read_text()
        limits.append(
            int(next(line for line in text.splitlines() if "cpu time" in line).split()[3])
        )
    assert 10 < limits[0] < 30
    assert 100 < limits[1] < 130
    assert engine.cpu() > 0


@pytest.mark.parametrize(
    ("name", "value"), [("QUERIES_MAX", 2), ("AGE_MAX", 30.0), ("RESIDENT_MAX", 1 << 20)]
)
def test_a_worn_child_is_replaced(
    make: Make, monkeypatch: pytest.MonkeyPatch, name: str, value: float
) -> None:
    """After so many statements, so much time, or as large as that; not in the middle of one."""
    monkeypatch.setattr(shell_keeper, name, value)
    clock = ManualClock()
    engine = make(clock=clock)
    pids = []
    for _ in range(4):
        _ask(engine)
        pids.append(_pid(engine))
        clock.advance(20)
    assert len(set(pids)) == (4 if name == "RESIDENT_MAX" else 2)


def test_an_answer_that_is_not_read_to_its_end(make: Make) -> None:
    """The child is kept where the rest comes at once, else it is killed."""
    engine = make()
    next(engine.execute(COUNT.format(2000), _within(5)).chunks)
    before = _pid(engine)
    assert _ask(engine) == [("1",)]
    assert _pid(engine) == before
    next(engine.execute(f"{COUNT.format(3000)} /* fault=half */", _within(5)).chunks)
    assert _ask(engine) == [("1",)]
    assert _pid(engine) != before


def test_close_in_the_middle_of_an_answer(make: Make) -> None:
    """No process stays, and no more rows come."""
    engine = make()
    answer = engine.execute(COUNT.format(3000), _within(5))
    next(answer.chunks)
    engine.close()
    assert _children() == set()
    assert list(answer.chunks) == []


def test_a_row_that_cannot_pass(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """The child is killed instead of being listened to for ever."""
    monkeypatch.setattr(shell_dialogue, "LINE_MAX", 1 << 20)
    monkeypatch.setattr(shell_answer, "LINE_MAX", 1 << 20)
    engine = make()
    with pytest.raises(QueryError, match="a row of more than 1 MiB: select less of it"):
        _ask(engine, "SELECT hex(zeroblob(900000)) AS a")
    assert _ask(engine) == [("1",)]


def test_a_statement_larger_than_a_pipe(make: Make) -> None:
    """It is written as the child reads it."""
    text = "é" * 120_000
    assert _ask(make(), f"SELECT '{text}' AS a") == [(text,)]


@pytest.mark.parametrize(
    ("sql", "sent"),
    [
        ("SELECT 1", "SELECT 1\n;"),
        ("SELECT 1;", "SELECT 1;"),
        ("SELECT 1; -- done", "SELECT 1; -- done"),
        ("SELECT 1 -- c", "SELECT 1 -- c\n;"),
        ("SELECT ';' AS a", "SELECT ';' AS a\n;"),
        ("\n SELECT\n1\r\nAS a\n", "SELECT\n1\r\nAS a\n;"),
        ("SELECT 8\n/\n2", "SELECT 8 /\n2\n;"),
        ("SELECT 1 AS\n go ", "SELECT 1 AS  go\n;"),
    ],
)
def test_what_is_sent(sql: str, sent: str) -> None:
    """One complete statement, then the marker; no line that the shell takes for a semicolon."""
    assert question(sql, "mark").decode() == f"{sent}\n.print mark\n"


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT 'a\0b'", "NUL character"),
        ("SELECT 'abc", "open comment or quotes"),
        ('SELECT "abc', "open comment or quotes"),
        ("SELECT 1 /* abc", "open comment or quotes"),
        (".quit", "a dot at the start"),
        (" \n.quit\n", "a dot at the start"),
        ("SELECT 'a\r\nb'", r"CR LF inside a text.*char\(13\)"),
        ("SELECT '\ud800'", "not valid Unicode"),
    ],
)
def test_what_is_not_sent(sql: str, message: str) -> None:
    """The shell would read on and never answer, do something else, or change the text."""
    with pytest.raises(QueryError, match=message):
        question(sql, "mark")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 8\n/\n2 AS a",
        "SELECT 'x;\n.print y\n' AS a, '[' AS b -- ]",
        "SELECT\r\n 1 AS a",
        "SELECT ']\n]' AS a, char(10, 93, 10) AS b",
        "SELECT '\u2028\x7f\x85' AS a, '\"\\' AS b",
    ],
)
def test_texts_that_look_like_the_dialogue(make: Make, sql: str) -> None:
    """They are data; what comes back is what SQLite gives."""
    engine = make()
    told = _ask(engine, sql)
    code = f"SELECT hex(a) FROM ({sql}\n)"
    assert [row[0].encode().hex().upper() for row in told] == [r[0] for r in _ask(engine, code)]


def test_other_columns_than_the_check_found_are_refused(make: Make) -> None:
    """An osqueryi of another release than was told shows more columns: nothing is returned."""
    engine = make()
    guard = Guard(engine, Analyzer(SCHEMA, platform="linux", version="5.10.2"), Limits())
    with pytest.raises(QueryRefused, match="symlink_target_path"):
        guard.run("SELECT * FROM file WHERE path = '/etc/passwd'", _within(5))


_PARENT = """
import sys
from telegraf_osquery.clock import Deadline, SystemClock
from telegraf_osquery.engines.process import Process
from telegraf_osquery.schema.analyze import Analyzer
from telegraf_osquery.schema.tables import load
engine = Process(SystemClock(), [sys.argv[1]], Analyzer(load()))
engine.execute("SELECT 1 AS a", Deadline(SystemClock(), 5))
print(engine._keeper._child.pid, flush=True)
input()
"""


def test_a_child_does_not_outlive_its_parent(tmp_path: Path) -> None:
    """An idle one sees the end of its stdin."""
    program = osqueryi.install(tmp_path)
    command = [sys.executable, "-c", _PARENT, program]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=osqueryi.ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    ) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        assert _ends(pid, 5)


def _ends(pid: int, seconds: float) -> bool:
    """Whether the process is gone, or a zombie that nobody here has to reap, within the time."""
    deadline = _within(seconds)
    while not deadline.expired():
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        threading.Event().wait(0.02)
    return False


def _held() -> tuple[int, int, int]:
    gc.collect()
    return len(os.listdir("/proc/self/fd")), threading.active_count(), len(_children())


def _restarts(engine: Process, count: int) -> None:
    for number in range(count):
        os.kill(_pid(engine), signal.SIGKILL)
        with pytest.raises(EngineUnavailable, match="was killed by SIGKILL"):
            _ask(engine, f"SELECT {number} AS dead")
        assert _ask(engine, f"SELECT {number} AS n") == [(str(number),)]


def test_restarts_leave_nothing(make: Make) -> None:
    """No process, descriptor or thread."""
    engine = make()
    _ask(engine)
    before = _held()
    _restarts(engine, 10)
    assert _held() == before


@pytest.mark.slow
def test_a_thousand_restarts_leave_nothing(make: Make) -> None:
    """The same for long."""
    engine = make()
    _ask(engine)
    _restarts(engine, 5)
    before, memory = _held(), _resident()
    _restarts(engine, 1000)
    assert _held() == before
    assert _resident() - memory < 2048


@pytest.mark.slow
def test_a_thousand_deadlines_leave_nothing(make: Make) -> None:
    """A child that is stuck, or has not even begun: each statement ends in time."""
    engine = make()
    _ask(engine)
    before, late = (*_held()[:2], 0), 0.0
    for number in range(1000):
        seconds = 0.3 if number % 20 == 0 else 0.02
        started = CLOCK.monotonic()
        with pytest.raises(QueryTimeout):
            _fault(engine, "hang", seconds=seconds)
        late = max(late, CLOCK.monotonic() - started - seconds)
    assert late < 0.5
    files, threads, children = _held()
    assert (files + 3, threads, children) == before  # three pipes: there is no child now
    assert _ask(engine) == [("1",)]


def _resident() -> int:
    """KiB of this process."""
    text = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in text.splitlines() if "VmRSS" in line)
