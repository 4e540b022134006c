"""The agent itself: how fast it starts, what it holds, what it costs per hour.

The rival is a bare Python, which starts and holds something as well. Memory is VmHWM, the most a
process ever held, read from /proc while it still lives.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from telegraf_osquery.packs.library import Library
from tests.bench.measure import Result

_PROGRAM = Path(sys.executable).parent / "telegraf-osquery"
_WIDE = [sys.executable, "-m", "tests.fakes.wide", "execd", "input"]
_ROOT = Path(__file__).parent.parent.parent
_MIB = 1024.0
_TICKS = os.sysconf("SC_CLK_TCK")
# The starter queries that people want each minute; scans of the whole disk have an hour.
_DEAR = 3600


def _start(command: Sequence[object], **options: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [str(word) for word in command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=_ROOT,
        env={**os.environ, **options},
    )


def _first_byte(command: Sequence[object]) -> float:
    """Milliseconds from spawn to the first byte on stdout."""
    started = time.perf_counter()
    process = _start(command)
    assert process.stdin
    assert process.stdout
    process.stdout.read(1)
    spent = (time.perf_counter() - started) * 1000
    process.stdin.close()
    while process.stdout.read(65536):
        pass
    process.stdout.close()
    process.wait()
    return spent


def _peak(pid: int) -> float:
    """VmHWM in MiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if "VmHWM" in line) / _MIB


def _cpu(pid: int) -> float:
    """CPU seconds, user and system, of the process and its waited-for children."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, words[11:15])) / _TICKS


def _bare() -> float:
    process = _start([sys.executable, "-I", "-c", "print(flush=True); input()"])
    assert process.stdin
    assert process.stdout
    process.stdout.readline()
    peak = _peak(process.pid)
    process.stdin.close()
    process.stdout.close()
    process.wait()
    return peak


def _settings(folder: Path, *lines: str) -> Path:
    path = folder / "input.toml"
    given = [f'packs = ["{folder}/bench.conf"]', f'state_dir = "{folder}/state"']
    path.write_text("\n".join([*given, *lines]) + "\n")
    return path


def _starter(folder: Path, interval: int, *, cheap: int = 0) -> int:
    """A pack of the starter queries at this interval; ``cheap``: so many, none that scans disks."""
    library = Library(["inventory", "network", "users"])
    library.load()
    queries = [query for pack in library.packs for query in pack.queries]
    chosen = [query for query in queries if not cheap or query.interval < _DEAR][: cheap or None]
    pack = {f"{q.pack}_{q.name}": {"query": q.sql, "interval": interval} for q in chosen}
    (folder / "bench.conf").write_text(json.dumps({"queries": pack}))
    return len(chosen)


def _alive(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        raise RuntimeError(
            f"the program ended with {process.returncode}; run it by hand to see why"
        )


def _drain(process: subprocess.Popen[bytes], seconds: float) -> int:
    """Read stdout for so long; how many run ends came."""
    assert process.stdout
    os.set_blocking(process.stdout.fileno(), False)
    ends, runs = time.monotonic() + seconds, 0
    while time.monotonic() < ends and process.poll() is None:
        data = process.stdout.read() or b""
        runs += data.count(b"\nosquery_run,") + data.startswith(b"osquery_run,")
        time.sleep(0.05)
    return runs


def _end(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin
    assert process.stdout
    process.stdin.close()
    _drain(process, 6)
    process.stdout.close()
    process.wait()


def start(folder: Path, rounds: int) -> Iterator[Result]:
    """Spawn to first line, bytecode compiled, against a bare Python's first line."""
    compile_ = [sys.executable, "-m", "compileall", "-q", _ROOT / "telegraf_osquery"]
    subprocess.run(list(map(str, compile_)), check=True)  # as `make install` leaves it
    ours, theirs = [], []
    for number in range(rounds):
        ours.append(_first_byte([_PROGRAM, "execd", "input", "--state-dir", folder / f"s{number}"]))
        theirs.append(_first_byte([sys.executable, "-I", "-c", "print(flush=True)"]))
    mine, bare = statistics.median(ours), statistics.median(theirs)
    yield Result("start to the first line", "bare python", mine, bare, mine, "<= 80", "ms")


def memory(folder: Path, rounds: int, wide_rows: int) -> Iterator[Result]:
    """The most that is held: over many rounds of the starter queries, and under a wide answer."""
    bare = _bare()
    _starter(folder, 1)
    settings = _settings(folder, "rows_per_second = 0")
    process = _start([_PROGRAM, "execd", "input", "--config", settings])
    runs, queries = 0, len(json.loads((folder / "bench.conf").read_text())["queries"])
    while runs < rounds * queries:
        _alive(process)
        runs += _drain(process, 1)
    peak = _peak(process.pid)
    _end(process)
    name = f"memory after {rounds} runs of the starter queries"
    yield Result(name, "bare python", peak, bare, peak, "<= 25", "MiB VmHWM")

    query = {"query": f"SELECT * FROM wide LIMIT {wide_rows}", "interval": 3600}
    (folder / "bench.conf").write_text(json.dumps({"queries": {"wide": query}}))
    settings = _settings(folder, f"rows_per_second = {max(2000, wide_rows // 20)}")
    process = _start([*_WIDE, "--config", settings])
    runs = 0
    while runs < 1:
        _alive(process)
        runs = _drain(process, 0.5)
    peak = _peak(process.pid)
    _end(process)
    name = f"memory while {wide_rows} rows of 28 columns pass, paced"
    yield Result(name, "bare python", peak, bare, peak, "<= 35", "MiB VmHWM")


def quiet(folder: Path, seconds: float) -> Iterator[Result]:
    """CPU of 15 starter queries once a minute, in percent of one core, start not counted."""
    count = _starter(folder, 60, cheap=15)
    settings = _settings(folder)
    process = _start([_PROGRAM, "execd", "input", "--config", settings])
    _drain(process, 3)
    before, since = _cpu(process.pid), time.monotonic()
    runs = _drain(process, seconds)
    spent, over = _cpu(process.pid) - before, time.monotonic() - since
    _end(process)
    percent = spent / over * 100
    note = f"{runs} runs in {over:.0f} s"
    name = f"{count} starter queries once a minute"
    yield Result(name, "one core", percent, 100, percent, "<= 0.5", "% of a core", note)
