"""Whole processes: exit codes, signals, what stands on stdout and stderr."""

import contextlib
import json
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from telegraf_osquery.errors import EXIT_LATER, EXIT_SETTINGS
from telegraf_osquery.runtime.execd_input import modes
from telegraf_osquery.runtime.serve import fold_crashes
from telegraf_osquery.telemetry.log import Log

ROOT = Path(__file__).parents[2]
PATIENCE = 20
ONE = {"one": {"query": "SELECT 1 AS one", "interval": 3600}}


class Folder:
    """Settings, a pack and a place for the state; and processes that use them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.settings = path / "input.toml"
        self.packed(**ONE)
        self.set()

    def packed(self, **queries: dict[str, object]) -> None:
        (self.path / "p.conf").write_text(json.dumps({"queries": queries}))

    def set(self, *lines: str) -> None:
        given = [f'packs = ["{self.path}/p.conf"]', f'state_dir = "{self.path}/state"', *lines]
        self.settings.write_text("\n".join([*given, 'host = "h"']) + "\n")

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        pipe = subprocess.PIPE
        return subprocess.Popen(
            [sys.executable, "-m", "tests.fakes.agent", *words, "--config", str(self.settings)],
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            cwd=ROOT,
        )

    @contextlib.contextmanager
    def input(self, *words: str) -> Iterator[subprocess.Popen[bytes]]:
        """An ``execd input``, ended at the end whatever happens."""
        process = self.start("execd", "input", *words)
        try:
            yield process
        finally:
            process.kill()
            process.communicate()

    def run(self, *words: str, stdin: bytes = b"") -> tuple[int, list[bytes], list[bytes]]:
        """Exit code, lines of stdout, lines of stderr."""
        with self.input(*words) as process:
            out, err = process.communicate(stdin, timeout=PATIENCE)
            return process.returncode, out.splitlines(), err.splitlines()


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def first_line(process: subprocess.Popen[bytes]) -> bytes:
    """Wait until it serves."""
    assert process.stdout is not None
    assert select.select([process.stdout], [], [], PATIENCE)[0]
    return process.stdout.readline()


def catches_sigterm(process: subprocess.Popen[bytes]) -> None:
    """Wait until its handlers stand (proc(5), SigCgt)."""
    bit = 1 << (signal.SIGTERM - 1)
    for _ in range(2000):
        status = Path(f"/proc/{process.pid}/status").read_text()
        if int(status.split("SigCgt:")[1].split()[0], 16) & bit:
            return
        threading.Event().wait(0.005)
    raise AssertionError("no handler for SIGTERM")


class TestInput:
    def test_the_end_of_stdin_ends_it_after_the_first_round(self, folder: Folder) -> None:
        """Rows, their end, a last point about itself; code 0; nothing to worry about on stderr."""
        code, out, err = folder.run()
        assert code == 0
        assert [line.split(b",")[0] for line in out] == [
            b"osquery_p_one",
            b"osquery_run",
            b"osquery_self",
        ]
        assert all(line.startswith(b"I! ") for line in err)

    def test_once_leaves_by_itself(self, folder: Folder) -> None:
        """Stdin stays open; the second time nothing is due."""
        with folder.input("--once") as process:
            assert first_line(process).startswith(b"osquery_p_one,")
            assert process.wait(PATIENCE) == 0
        with folder.input("--once") as process:
            assert first_line(process).startswith(b"osquery_self,")
            assert process.wait(PATIENCE) == 0

    def test_a_trial_leaves_nothing_behind(self, folder: Folder) -> None:
        """throw_away: no state file, not even its folder."""
        folder.set("throw_away = true")
        code, out, _ = folder.run()
        assert (code, len(out)) == (0, 3)
        assert not (folder.path / "state").exists()

    def test_signals(self, folder: Folder) -> None:
        """Ctrl-C is not for us, ticks are no danger, SIGTERM ends it in order."""
        with folder.input() as process:
            first_line(process)
            for number in (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
                process.send_signal(number)
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(0.05)
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE) == 0

    def test_a_reader_that_has_gone_ends_it_quietly(self, folder: Folder) -> None:
        """Telegraf was killed: nobody is left to complain to."""
        folder.packed(often={"query": "SELECT 1 AS one", "interval": 1})
        with folder.input() as process:
            first_line(process)
            assert process.stdout is not None
            process.stdout.close()
            process.stdout = None
            assert process.wait(PATIENCE) == 0
            assert process.stderr is not None
            assert not [line for line in process.stderr.readlines() if line[:3] in (b"E! ", b"W! ")]


class TestRefused:
    @pytest.mark.parametrize(
        ("words", "lines", "told"),
        [
            ([], ["rows_per_secnd = 5"], b'did you mean "rows_per_second"'),
            ([], ['packs = "x"'], b"packs"),
            ([], ['name = "-x"'], b"name"),
            (["--bogus"], [], b"--bogus"),
            (["--state-dir"], [], b"--state-dir"),
        ],
    )
    def test_settings_and_options(
        self, folder: Folder, words: list[str], lines: list[str], told: bytes
    ) -> None:
        """Code 2 and one line with the cause: Telegraf takes each further line for an error."""
        if lines and lines[0].startswith("packs"):
            folder.settings.write_text("\n".join(lines))
        else:
            folder.set(*lines)
        code, out, err = folder.run(*words)
        assert (code, out, len(err)) == (EXIT_SETTINGS, [], 1)
        assert err[0].startswith(b"E! ")
        assert told in err[0]

    def test_a_pack_that_is_not_there(self, folder: Folder) -> None:
        """Code 2, one line, with the path."""
        (folder.path / "p.conf").unlink()
        code, out, err = folder.run()
        assert (code, out, len(err)) == (EXIT_SETTINGS, [], 1)
        assert b"p.conf" in err[0]

    def test_very_long_words_make_no_very_long_line(self, folder: Folder) -> None:
        """64 KiB on one line end Telegraf's reading of stderr for good."""
        folder.set(f'{"x" * 300_000} = "{"y" * 300_000}"')
        code, _, err = folder.run()
        assert code == EXIT_SETTINGS
        assert [len(line) < 65536 for line in err] == [True]

    def test_a_second_copy(self, folder: Folder) -> None:
        """It waits for the first to leave, ticks do not kill it, and told to stop it says why."""
        with folder.input() as first:
            first_line(first)
            with folder.input() as second:
                assert second.stderr is not None
                catches_sigterm(second)
                for number in (signal.SIGUSR1, signal.SIGHUP, signal.SIGINT):
                    second.send_signal(number)
                with pytest.raises(subprocess.TimeoutExpired):
                    second.wait(0.1)
                assert second.stdin is not None
                second.stdin.close()
                second.stdin = None
                assert second.wait(5) == EXIT_LATER  # long before it would give up by itself
                (line,) = second.stderr.readlines()
            assert line.startswith(b"E! ")
            assert b"owned by process %d;" % first.pid in line


class TestCollect:
    def test_a_service_stops_at_ctrl_c(self, folder: Folder) -> None:
        """Lines arrive at the socket, stdout has none, and the code is 0."""
        path = folder.path / "t.sock"
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(path))
            server.listen()
            server.settimeout(PATIENCE)
            process = folder.start("collect", "--to", f"unix://{path}")
            try:
                peer, _ = server.accept()
                data = b""
                with peer:
                    while b"osquery_run," not in data or not data.endswith(b"\n"):
                        data += peer.recv(65536)
                    process.send_signal(signal.SIGINT)
                    while chunk := peer.recv(65536):
                        data += chunk
                assert process.wait(PATIENCE) == 0
                assert [line.split(b",")[0] for line in data.splitlines()] == [
                    b"osquery_p_one",
                    b"osquery_run",
                    b"osquery_self",
                ]
            finally:
                process.kill()
                out, _ = process.communicate()
            assert out == b""

    @pytest.mark.parametrize(
        ("words", "told"),
        [(["--to", "udp://h:1"], b"udp://h:1"), ([], b"--to"), (["--to"], b"--to")],
    )
    def test_a_wrong_address_is_refused(
        self, folder: Folder, words: list[str], told: bytes
    ) -> None:
        """Code 2, one line."""
        process = folder.start("collect", *words)
        out, err = process.communicate(timeout=PATIENCE)
        assert (process.returncode, out, err.count(b"\n")) == (EXIT_SETTINGS, b"", 1)
        assert err.startswith(b"E! ")
        assert told in err


class TestCrashes:
    @pytest.fixture
    def log(self, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
        for name in ("excepthook", "unraisablehook"):
            monkeypatch.setattr(sys, name, getattr(sys, name))
        monkeypatch.setattr(threading, "excepthook", threading.excepthook)
        lines: list[bytes] = []
        fold_crashes(Log(lines.append))
        return lines

    def crash(self) -> None:
        raise ZeroDivisionError("two\nlines " + "x" * 200_000)

    def test_in_a_thread(self, log: list[bytes]) -> None:
        """One line with the place, however long the message."""
        thread = threading.Thread(target=self.crash)
        thread.start()
        thread.join()
        assert len(log) == 1
        assert log[0].startswith(b"E! unforeseen: ZeroDivisionError: two\\nlines xxx")
        assert (log[0].count(b"\n"), len(log[0]) < 65536) == (1, True)

    def test_in_the_main_thread(self, log: list[bytes]) -> None:
        """The interpreter's last words are one line as well."""
        try:
            self.crash()
        except ZeroDivisionError as error:
            sys.excepthook(type(error), error, error.__traceback__)
        assert len(log) == 1

    def test_where_nobody_can_catch_it(self, log: list[bytes]) -> None:
        """An error while something is thrown away."""

        class Odd:
            def __del__(self) -> None:
                raise ZeroDivisionError("at the end")

        Odd()
        assert len(log) == 1
        assert b"ZeroDivisionError: at the end" in log[0]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("telegraf --config x.conf", set()),
        ("/usr/bin/telegraf --test", {"test"}),
        ("telegraf -test", {"test"}),
        ("telegraf --config x --test-wait 8", {"test"}),
        ("telegraf --test-wait=8", {"test"}),
        ("telegraf --test-wait 0", set()),
        ("telegraf --test=false", set()),
        ("telegraf --once", {"once"}),
        ("telegraf --once --test-wait 8", {"once"}),
        ("telegraf --test --once", {"once"}),
        ("telegraf --input-filter test", set()),
        ("telegraf --config once --config-directory test", set()),
        ("bash --test", set()),
        ("", set()),
    ],
)
def test_what_telegraf_was_started_for(line: str, found: set[str]) -> None:
    """As Telegraf itself reads its options; a value that looks like one is none."""
    words = [word.encode() for word in line.split(" ")]
    assert modes([*words, b""]) == found
