"""Table processes."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telegraf_osquery.engines.embedded_tables.processes import split_stat
from tests.engines.tables.asking import rows, scan, table

FIELDS = b"S 1 2 3 0 -1 4194560 100 200 1 2 150 50 5 6 20 0 1 0 10 170000000 3000\n"


@settings(max_examples=200, deadline=None)
@given(st.binary(min_size=0, max_size=15))
def test_any_name_can_be_told_from_the_fields(name: bytes) -> None:
    """Blanks, parentheses and digits in a name do not shift the fields after it."""
    found, fields = split_stat(b"77 (" + name + b") " + FIELDS)
    assert found == name
    assert (fields[0], fields[1], fields[19]) == (b"S", b"1", b"10")


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60))
def test_other_bytes_are_refused(data: bytes) -> None:
    """What is no stat line raises ValueError, nothing else."""
    with pytest.raises(ValueError):  # noqa: PT011 - bytes.index has no better message
        split_stat(data)


@contextmanager
def running(*command: str | bytes) -> Iterator[int]:
    """A process that has started (it printed a line) and waits for its stdin to end."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdin is not None
        child.stdout.readline()
        try:
            yield child.pid
        finally:
            child.stdin.close()
            child.wait()


WAIT = "print(flush=True); import sys; sys.stdin.read()"


def test_this_process_is_shown_as_it_knows_itself() -> None:
    """Every column that a process can check about itself agrees."""
    (row,) = rows("processes", pid=os.getpid())
    assert row["pid"] == os.getpid()
    assert row["parent"] == os.getppid()
    assert row["pgroup"] == os.getpgid(0)
    assert row["path"] == os.readlink("/proc/self/exe")
    assert row["cwd"] == os.getcwd()
    assert row["root"] == "/"
    assert (row["uid"], row["euid"], row["suid"]) == os.getresuid()
    assert (row["gid"], row["egid"], row["sgid"]) == os.getresgid()
    assert row["nice"] == os.getpriority(os.PRIO_PROCESS, 0)
    assert row["on_disk"] == 1
    assert row["state"] == "R"
    assert row["resident_size"] < row["total_size"]
    used = os.times()
    assert 0 <= used.user * 1000 - row["user_time"] < 500
    assert row["threads"] == len(os.listdir("/proc/self/task"))


def test_all_processes_are_listed_in_order() -> None:
    """Rows come by pid as text, as osquery sorts them, and hold every process there is."""
    found = [row["pid"] for row in rows("processes", used=("pid",))]
    assert found == sorted(found, key=str)
    assert {1, os.getpid()} <= set(found)


@pytest.mark.parametrize("name", ["a b) R 1 (", ") ) )", "q'\"\\x", "(", " blank "])
def test_hostile_names_survive(name: str) -> None:
    """A name may look like the rest of the file; backslashes stand twice, blank ends are cut."""
    code = f"import ctypes; ctypes.CDLL(None).prctl(15, {name.encode()!r}, 0, 0, 0); {WAIT}"
    with running(sys.executable, "-c", code) as pid:
        (row,) = rows("processes", pid=pid)
    assert row["name"].replace("\\\\", "\\") == name.strip()
    assert row["parent"] == os.getpid()
    assert row["uid"] == os.getuid()


def test_a_newline_in_a_name_does_not_forge_a_line() -> None:
    """The kernel writes it escaped, and so does the table."""
    code = f"import ctypes; ctypes.CDLL(None).prctl(15, b'x\\nUid:\\t9 9 9', 0, 0, 0); {WAIT}"
    with running(sys.executable, "-c", code) as pid:
        (row,) = rows("processes", pid=pid)
    assert row["name"].startswith("x\\nUid:")
    assert row["uid"] == os.getuid()


def test_a_command_line_that_is_not_utf8_is_still_text() -> None:
    """Odd bytes become U+FFFD, NULs blanks, and blanks at the ends are cut."""
    with running(sys.executable, "-c", WAIT, b"caf\xe9", "Отчёт", "", "two\nlines", "") as pid:
        (row,) = rows("processes", pid=pid)
    assert row["cmdline"].endswith("caf\ufffd Отчёт  two\nlines")


def test_a_deleted_program_is_not_on_disk(tmp_path: Path) -> None:
    """The kernel's mark is taken off the path, but not off a program that is really called so."""
    cat = shutil.which("cat") or "/bin/cat"
    for name, expected in (("gone", 0), ("odd (deleted)", 1)):
        program = tmp_path / name
        shutil.copy(cat, program)
        with subprocess.Popen([program], stdin=subprocess.PIPE) as child:
            if not expected:
                program.unlink()
            (row,) = rows("processes", pid=child.pid)
        assert (row["path"], row["on_disk"]) == (str(program), expected)


def test_kernel_threads_have_no_program() -> None:
    """Their path and command line are empty, their sizes are absent."""
    kernel = [row for row in rows("processes") if row["parent"] == 2 or row["pid"] == 2]
    if not kernel:
        pytest.skip("no kernel threads are visible here")
    for row in kernel:
        assert (row["path"], row["cmdline"], row["on_disk"]) == ("", "", -1)
        assert row["resident_size"] is None


def _fixture(root: Path, *pids: int) -> Path:
    for pid in pids:
        folder = root / "proc" / str(pid)
        folder.mkdir(parents=True)
        (folder / "stat").write_bytes(b"%d (p%d) " % (pid, pid) + FIELDS)
        (folder / "status").write_text("Name:\tx\nUid:\t5\t6\t7\t8\nGid:\t1\t2\t3\t4\n")
    return root


def test_a_process_that_vanishes_in_the_scan_has_no_row(tmp_path: Path) -> None:
    """The rest of the scan goes on."""
    found = scan("processes", _fixture(tmp_path, 1, 2, 3))
    first = next(found)
    shutil.rmtree(tmp_path / "proc" / "2")
    assert [first["pid"], *(row["pid"] for row in found)] == [1, 3]


def test_a_process_that_vanishes_within_its_row_has_no_row(tmp_path: Path) -> None:
    """Half a row is never shown."""
    (_fixture(tmp_path, 1, 2) / "proc" / "1" / "status").unlink()
    assert [row["pid"] for row in rows("processes", tmp_path)] == [2]


def test_files_of_unread_columns_are_not_opened(tmp_path: Path) -> None:
    """Name and pid are known from ``stat`` alone: the absent ``status`` does not matter."""
    (_fixture(tmp_path, 1) / "proc" / "1" / "status").unlink()
    (row,) = rows("processes", tmp_path, used=("pid", "name"))
    assert (row["pid"], row["name"], row["uid"], row["path"]) == (1, "p1", None, None)


def test_without_a_boot_time_the_start_is_absent(tmp_path: Path) -> None:
    """start_time is NULL rather than a time in 1970."""
    (row,) = rows("processes", _fixture(tmp_path, 1))
    assert row["start_time"] is None


def test_start_time_is_a_moment_of_this_boot() -> None:
    """A child started now starts not before the parent."""
    with running(sys.executable, "-c", WAIT) as pid:
        (child,) = rows("processes", pid=pid)
    (parent,) = rows("processes", pid=os.getpid())
    with open("/proc/uptime", encoding="ascii") as file:
        uptime = float(file.read().split()[0])
    (boot,) = (row["start_time"] for row in rows("processes", pid=1))
    assert boot <= parent["start_time"] <= child["start_time"] <= boot + uptime + 2


def test_a_process_that_is_not_there_has_no_row() -> None:
    """A pid beyond the kernel's limit finds nothing."""
    assert rows("processes", pid=2**22 + 1) == []


def test_the_table_says_what_it_lacks() -> None:
    """Without root the paths of others are hidden, and a person is told so."""
    assert "other users" in table("processes").lacks


@pytest.mark.skipif(os.geteuid() != 0, reason="another user is needed")
def test_another_users_process_keeps_its_row() -> None:
    """Who may not read ``exe`` still sees pid, name and uid; path is empty, disk bytes absent."""
    code = f"""
import json, os, sys
sys.path[:0] = {sys.path!r}
from tests.engines.tables.asking import rows
rows("processes", pid=os.getpid())
os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)
row, = rows("processes", pid={os.getpid()})
print(json.dumps(row))
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    row = json.loads(done.stdout)
    assert (row["pid"], row["path"], row["on_disk"], row["cwd"]) == (os.getpid(), "", -1, "")
    assert (row["disk_bytes_read"], row["disk_bytes_written"]) == (None, None)
    assert row["uid"] == 0
