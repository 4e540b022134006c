"""The program as it is started: entry points, pipes, signals, imports."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = [sys.executable, "-m", "telegraf_osquery"]
BANNED = [
    "urllib3",
    "ssl",
    "tenacity",
    "thrift",
    "psutil",
    "asyncio",
    "rich",
    "cyclopts",
    "hashlib",
    "dataclasses",
]


def start(*words: str, **options: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*PROGRAM, *words], capture_output=True, text=True, timeout=60, check=False, **options
    )


def test_run_prints_typed_rows() -> None:
    """A whole way: SQL to engine to JSON."""
    done = start("run", "SELECT pid, name FROM processes WHERE pid = 1", "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    (row,) = json.loads(done.stdout)
    assert row["pid"] == 1
    assert row["name"]


def test_the_console_script_is_the_same_program() -> None:
    """``telegraf-osquery`` beside the interpreter and ``python -m`` say the same."""
    script = os.path.join(os.path.dirname(sys.executable), "telegraf-osquery")
    if not os.path.exists(script):
        pytest.skip("the package is not installed beside this interpreter")
    done = subprocess.run([script, "version"], capture_output=True, text=True, check=True)
    assert done.stdout == start("version").stdout


def test_a_reader_that_leaves_ends_the_program_quietly() -> None:
    """``telegraf-osquery … | head -1`` prints no traceback."""
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [*PROGRAM, "schema"], stdout=write, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (141, "")


def test_ctrl_c_ends_the_program_quietly() -> None:
    """Exit 130 as a shell has it, and no traceback."""
    # A shell that runs the tests in the background ignores SIGINT, and so would the program.
    heard = (
        "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); "
        "os.execv(sys.argv[1], sys.argv[1:])"
    )
    with subprocess.Popen(
        [sys.executable, "-c", heard, *PROGRAM, "run", "-"],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdin is not None
        child.stdin.write("SELECT 1")
        child.stdin.flush()
        _wait_for_read(child.pid)
        child.send_signal(signal.SIGINT)
        assert child.wait(20) == 130
        assert child.stderr is not None
        assert child.stderr.read() == ""


def _wait_for_read(pid: int) -> None:
    """Until the child has taken the text from the pipe: it is inside ``read`` then."""
    for _ in range(100_000):
        with open(f"/proc/{pid}/wchan", encoding="ascii") as file:
            if "pipe" in file.read():
                return
    pytest.fail("the child never read its standard input")


def test_the_start_path_of_the_input_stays_light() -> None:
    """Neither the command line's libraries nor other heavy ones are loaded for ``execd input``."""
    code = (
        "import sys; from telegraf_osquery.__main__ import main\n"
        "try: main(['execd', 'input', '--help'])\n"
        "except SystemExit: pass\n"
        f"print('loaded:', sorted({set(BANNED)!r} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "loaded: []"


def test_no_colour_codes_reach_a_pipe() -> None:
    """Also with a terminal type and forced colours off."""
    done = start("demo", env={**os.environ, "TERM": "xterm-256color"})
    assert done.returncode == 0
    assert "\x1b" not in done.stdout


@pytest.mark.skipif(not os.path.exists("/bin/bash"), reason="needs bash")
def test_bash_completes_commands_and_choices(tmp_path: Path) -> None:
    """The script that ``completion bash`` prints is read by a real bash."""
    (tmp_path / "script").write_text(start("completion", "bash").stdout)
    asked = (
        f"source {tmp_path}/script\n"
        'function_=$(complete -p telegraf-osquery | sed "s/.*-F //; s/ .*//")\n'
        'COMP_WORDS=(telegraf-osquery pac) COMP_CWORD=1; $function_; echo "${COMPREPLY[@]}"\n'
        'COMP_WORDS=(telegraf-osquery run --format "") COMP_CWORD=3; $function_\n'
        'echo "${COMPREPLY[@]}"'
    )
    done = subprocess.run(["/bin/bash", "-c", asked], capture_output=True, text=True, check=True)
    commands, formats = done.stdout.splitlines()
    assert sorted(commands.split()) == ["pack", "packs"]
    assert sorted(formats.split()) == ["csv", "influx", "json", "line", "table"]
