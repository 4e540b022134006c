"""A real Telegraf: found, configured, started, read, ended."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.real import servers
from tests.real.points import Point, points

ROOT = Path(__file__).parent.parent.parent
AGENT = """
[agent]
  interval = "1s"
  flush_interval = "1s"
  metric_batch_size = 5000
  metric_buffer_limit = 2000000
  omit_hostname = true
  skip_processors_after_aggregators = true
"""
OUTPUT = """
[[outputs.file]]
  files = ["{path}"]
  data_format = "influx"
  influx_uint_support = true
"""


class Telegraf:
    """One Telegraf process with its configuration, output file and log."""

    def __init__(self, program: Path, folder: Path) -> None:
        self.program = program
        self.folder = folder
        self.out = folder / "out.influx"
        self.log = folder / "telegraf.log"
        self.config = folder / "telegraf.conf"
        self.process: subprocess.Popen[bytes] | None = None

    def configure(self, inputs: str, agent: str = AGENT) -> None:
        self.config.write_text(agent + inputs + OUTPUT.format(path=self.out))

    def start(self, *options: str) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command(options),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                env=environment(),
            )

    def run(self, *options: str, timeout: float = 60) -> bytes:
        """Start with options that end by themselves (--test, --once); what stdout had."""
        with self.log.open("ab") as log:
            done = subprocess.run(
                self._command(options),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment(),
                timeout=timeout,
                check=False,
            )
        return done.stdout

    def _command(self, options: Sequence[str]) -> list[str]:
        # Since 1.38 variables are handled strictly; without the flag every start warns of it.
        return [str(self.program), "--strict-env-handling", "--config", str(self.config), *options]

    def read(self) -> list[Point]:
        """Every finished point that outputs.file has written so far."""
        data = self.out.read_bytes() if self.out.exists() else b""
        return list(points(data[: data.rfind(b"\n") + 1]))

    def ends(self) -> list[Point]:
        """The run ends among the text written so far, found without reading the rows."""
        data = self.out.read_bytes() if self.out.exists() else b""
        lines = [
            line for line in data.split(b"\n")[:-1] if line.startswith(b"osquery_run,host=web-1")
        ]
        return list(points(b"".join(line + b"\n" for line in lines)))

    def wait(self, ready: Callable[[], bool], seconds: float = 60) -> None:
        """Until ``ready()``; fails with the log's end when the time is over."""
        ends = time.monotonic() + seconds
        while not ready():
            if time.monotonic() > ends:
                raise AssertionError(f"not ready after {seconds} s:\n{self.tail()}")
            time.sleep(0.1)

    def tail(self) -> str:
        return self.log.read_text(errors="replace")[-3000:] if self.log.exists() else ""

    def send(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def stop(self, number: int = signal.SIGTERM) -> float:
        """End it; the seconds it took."""
        assert self.process is not None
        started = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(30)
        return time.monotonic() - started

    def children(self) -> list[int]:
        """Pids of its direct children."""
        assert self.process is not None
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        tasks = path.parent.parent.glob("*/children")
        return [int(pid) for task in tasks for pid in task.read_text().split()]

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def environment() -> dict[str, str]:
    """Our environment, with the checkout importable and its programs on PATH."""
    programs = Path(sys.executable).parent
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PYTHONPATH": str(ROOT), "PATH": path}


def execd(command: Sequence[str], **options: str) -> str:
    """An ``inputs.execd`` section."""
    lines = ["[[inputs.execd]]", f"  command = {list(command)!r}".replace("'", '"')]
    lines += [f'  {name} = "{value}"' for name, value in options.items()]
    return "\n".join([*lines, '  data_format = "influx"', '  restart_delay = "1s"', ""])


@contextmanager
def telegraf_in(folder: Path) -> Iterator[Telegraf]:
    """A Telegraf to configure, in this folder; ended at the end."""
    made = Telegraf(servers.needed("telegraf", servers.telegraf()), folder)
    try:
        yield made
    finally:
        made.close()
