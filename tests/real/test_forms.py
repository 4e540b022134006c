"""The configurations in telegraf.d, as they stand, under a real Telegraf."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.real.points import Point
from tests.real.telegraf import ROOT, Telegraf, environment
from tests.real.test_execd_input import (
    AGENT_COMMAND,
    HOSTILE,
    assert_arrived,
    ends_of,
    pack,
    rows_of,
)

pytestmark = pytest.mark.real

SAMPLES = ROOT / "telegraf.d"
LINE = re.compile(rb"^> (osquery_\w+),", re.MULTILINE)


def sample(name: str, **replaced: str) -> str:
    """A shipped configuration with parts of it replaced; each must be there to be replaced."""
    text = (SAMPLES / name).read_text()
    for old, new in replaced.items():
        assert old in text
        text = text.replace(old, new)
    return text


def replace(text: str, *pairs: tuple[str, str]) -> str:
    for old, new in pairs:
        assert old in text, f"the sample has no {old}"
        text = text.replace(old, new)
    return text


def settings(folder: Path, *lines: str) -> Path:
    path = folder / "input.toml"
    given = [f'packs = ["{folder}/odd.conf"]', f'state_dir = "{folder}/state"', 'host = "web-1"']
    path.write_text("\n".join([*given, *lines]) + "\n")
    return path


class TestShipped:
    def test_osquery_conf_works_as_it_stands(self, telegraf: Telegraf) -> None:
        """With the program on PATH, --test prints typed points of every starter pack."""
        program = telegraf.program
        done = subprocess.run(
            [program, "--config", SAMPLES / "osquery.conf", "--test", "--test-wait", "8"],
            capture_output=True,
            env=environment() | {"STATE_DIRECTORY": str(telegraf.folder)},
            cwd=ROOT,
            check=True,
        )
        listed = subprocess.run(
            [sys.executable, "-m", "telegraf_osquery", "packs", "list", "--format", "json"],
            capture_output=True,
            cwd=ROOT,
            check=True,
        )
        printed = Counter(name.decode() for name in LINE.findall(done.stdout))
        packs = {name.split("_")[1] for name in printed} - {"run", "self"}
        assert packs == {entry["name"] for entry in json.loads(listed.stdout)}
        queries = sum(len(entry["queries"]) for entry in json.loads(listed.stdout))
        assert printed["osquery_run"] == queries
        assert re.search(rb"memory_total=\d+i|physical_memory=\d+i|\w+=\d+i", done.stdout)

    def test_the_folder_loads_nothing_twice(self, telegraf: Telegraf) -> None:
        """--config-directory takes osquery.conf alone: samples do not end in .conf."""
        done = subprocess.run(
            [telegraf.program, "--config-directory", SAMPLES, "--test", "--test-wait", "8"],
            capture_output=True,
            env=environment() | {"STATE_DIRECTORY": str(telegraf.folder)},
            cwd=ROOT,
            check=True,
        )
        runs = re.findall(rb"^> osquery_run,.*?osquery_query=(\w+)", done.stdout, re.MULTILINE)
        assert runs
        assert len(runs) == len(set(runs))

    @pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.conf*")), ids=lambda path: path.name)
    def test_every_file_is_accepted(self, telegraf: Telegraf, path: Path) -> None:
        """Telegraf itself finds no fault in any of them."""
        copy = telegraf.folder / "checked.conf"
        copy.write_text(path.read_text())
        done = subprocess.run(
            [telegraf.program, "config", "check", "--config", copy],
            capture_output=True,
            text=True,
            check=False,
        )
        faults = [line for line in (done.stdout + done.stderr).splitlines() if " E! " in line]
        assert not faults


class TestExec:
    def test_every_row_keeps_its_own_time(self, telegraf: Telegraf) -> None:
        """inputs.exec: one process per interval, rows in = rows out, and intervals are kept."""
        folder = telegraf.folder
        query = {"query": HOSTILE.format(5000), "telegraf_osquery": {"tags": ["label"]}}
        pack(folder, rows=query, often={"query": "SELECT 1 AS one", "interval": 1})
        command = [*AGENT_COMMAND, "--config", str(settings(folder)), "--once"]
        text = replace(
            sample("exec.conf.sample"),
            ('["telegraf-osquery", "execd", "input", "--once"]', json.dumps(command)),
            ('interval = "60s"', 'interval = "2s"'),
        )
        telegraf.configure(text)
        telegraf.start()
        telegraf.wait(lambda: len(ends_of(telegraf, "often")) >= 3)
        telegraf.stop()
        assert_arrived(rows_of(telegraf.read(), "rows"), 5000, fold=True)
        assert len(ends_of(telegraf, "rows")) == 1
        often = ends_of(telegraf, "often")
        assert [end.fields["run"] for end in often] == list(range(1, len(often) + 1))


class TestSocketListener:
    def start(self, telegraf: Telegraf, address: str) -> subprocess.Popen[bytes]:
        path = settings(telegraf.folder, "rows_per_second = 0")
        program = [sys.executable, "-m", "tests.fakes.agent", "collect", "--to", address]
        with (telegraf.folder / "collect.log").open("wb") as log:
            return subprocess.Popen(
                [*program, "--config", str(path)],
                env=environment(),
                stdin=subprocess.DEVNULL,
                stderr=log,
            )

    def configured(self, telegraf: Telegraf) -> str:
        socket = telegraf.folder / "t.sock"
        address = f"unix://{socket}"
        telegraf.configure(
            replace(
                sample("socket_listener.conf.sample"),
                ('"unix:///run/telegraf-osquery/telegraf.sock"', f'"{address}"'),
            )
        )
        return address

    def test_a_service_feeds_telegraf(self, telegraf: Telegraf) -> None:
        """With collect beside Telegraf: rows in = rows out, texts of 1 MB included."""
        query = {"query": HOSTILE.format(20_000), "telegraf_osquery": {"tags": ["label"]}}
        pack(telegraf.folder, rows=query)
        address = self.configured(telegraf)
        telegraf.start()
        telegraf.wait((telegraf.folder / "t.sock").exists)
        service = self.start(telegraf, address)
        telegraf.wait(lambda: bool(ends_of(telegraf, "rows")))
        service.send_signal(signal.SIGTERM)
        assert service.wait(6) == 0
        telegraf.stop()
        assert_arrived(rows_of(telegraf.read(), "rows"), 20_000, fold=True)

    def test_the_schedule_waits_for_a_listener_that_is_away(self, telegraf: Telegraf) -> None:
        """Started before Telegraf, and over a restart of it: nothing is made up, runs go on."""
        pack(telegraf.folder, often={"query": "SELECT 1 AS one", "interval": 1})
        address = self.configured(telegraf)
        service = self.start(telegraf, address)
        time.sleep(1)
        telegraf.start()
        telegraf.wait(lambda: len(ends_of(telegraf, "often")) >= 2)
        telegraf.stop()
        telegraf.start()
        before = len(ends_of(telegraf, "often"))
        telegraf.wait(lambda: len(ends_of(telegraf, "often")) >= before + 2)
        service.send_signal(signal.SIGTERM)
        assert service.wait(6) == 0
        telegraf.stop()
        unique = {(end.fields["run"], end.fields["base"]) for end in ends_of(telegraf, "often")}
        runs = sorted(int(run) for run, _ in unique)
        assert runs == list(range(runs[0], runs[0] + len(runs)))
        assert lost(ends_of(telegraf, "often"), rows_of(telegraf.read(), "often")) == 0

    def test_newlines_must_be_folded(self, telegraf: Telegraf) -> None:
        """A socket listener cuts at every line feed, so exact newlines are refused at start."""
        pack(telegraf.folder, one="SELECT 1 AS one")
        path = settings(telegraf.folder, 'newline = "keep"')
        done = subprocess.run(
            [
                *(sys.executable, "-m", "telegraf_osquery", "collect"),
                *("--to", "tcp://127.0.0.1:1", "--config", str(path)),
            ],
            capture_output=True,
            env=environment() | {"LC_ALL": "C"},
            check=False,
        )
        assert done.returncode == 2
        assert b'newline: found "keep"' in done.stderr


def lost(ends: list[Point], rows: list[Point]) -> int:
    """Rows that the run ends count and that did not come."""
    counted = max(int(end.fields["rows_total"]) for end in ends)
    return counted - len({row.time for row in rows})


def test_the_environment_is_the_checkouts() -> None:
    """The programs under test are those of this interpreter's environment."""
    assert environment()["PATH"].split(os.pathsep)[0] == str(Path(sys.executable).parent)
