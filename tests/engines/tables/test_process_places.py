"""process_memory_map, process_namespaces, process_open_pipes, over trees and real processes."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from telegraf_osquery.errors import QueryTimeout
from tests.engines.tables.asked import rows, scan, write
from tests.engines.tables.asking import table


def test_a_line_of_maps_that_is_cut_is_left_out(tmp_path: Path) -> None:
    """Five words at least, and two addresses; a path ends at its first blank."""
    lines = (
        "1000-2000 r-xp 0000a000 08:01 5                  /usr/bin/a b",
        "2000-3000 rw-p 00000000 00:00 0                  [heap]",
        "3000 rw-p 00000000 00:00 0",
        "4000-5000 rw-p 00000000 00:00",
        "",
    )
    write(tmp_path, "/proc/7/maps", "\n".join(lines))
    assert rows("SELECT * FROM process_memory_map", tmp_path) == [
        (7, "0x1000", "0x2000", "r-xp", 40960, "08:01", 5, "/usr/bin/a", 0),
        (7, "0x2000", "0x3000", "rw-p", 0, "00:00", 0, "[heap]", 1),
    ]
    assert rows("SELECT * FROM process_memory_map WHERE pid = 8", tmp_path) == []


def test_this_process_is_mapped_as_the_kernel_says() -> None:
    """Every line, in order, but for what changes while it is read."""
    found = rows(f"SELECT start, permissions FROM process_memory_map WHERE pid = {os.getpid()}")
    lines = Path("/proc/self/maps").read_text().splitlines()
    told = {(f"0x{line.split('-')[0]}", line.split()[1]) for line in lines}
    assert len(told & set(found)) > 0.9 * len(told)


def test_namespaces_are_those_of_stat() -> None:
    """Inode numbers as text; a process that is not there has no row."""
    (row,) = rows(f"SELECT * FROM process_namespaces WHERE pid = {os.getpid()}")
    kinds = ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts")
    numbers = [str(Path(f"/proc/self/ns/{kind}").stat().st_ino) for kind in kinds]
    assert row == (os.getpid(), *numbers)
    assert rows("SELECT * FROM process_namespaces WHERE pid = 4194999") == []


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """Its standard input and output are pipes of this process."""
    code = "import sys; sys.stdin.buffer.readline()"
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe) as process:
        yield process
        process.communicate(b"\n", 10)


def test_both_ends_of_a_pipe_name_each_other(child: subprocess.Popen[bytes]) -> None:
    """With direction, inode and descriptor."""
    assert child.stdin is not None
    inode, fd = os.fstat(child.stdin.fileno()).st_ino, child.stdin.fileno()
    sql = (
        "SELECT pid, fd, mode, type, partner_pid, partner_fd, partner_mode "
        f"FROM process_open_pipes WHERE inode = {inode} ORDER BY mode"
    )
    assert rows(sql) == [
        (child.pid, 0, "r", "anonymous", os.getpid(), fd, "w"),
        (os.getpid(), fd, "w", "anonymous", child.pid, 0, "r"),
    ]


def test_a_named_pipe_and_one_end_alone(tmp_path: Path) -> None:
    """A pipe that nobody else has open has no partner."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    handle = os.open(fifo, os.O_RDWR)
    try:
        sql = "SELECT pid, fd, mode, partner_pid, partner_fd, partner_mode FROM process_open_pipes"
        found = rows(f"{sql} WHERE type = 'named' AND inode = {fifo.stat().st_ino}")
        assert found == [(os.getpid(), handle, "rw", None, None, "")]
    finally:
        os.close(handle)


def test_two_readers_without_a_writer_do_not_show(tmp_path: Path) -> None:
    """As in osquery: neither is the other's end, and neither is alone."""
    for pid in ("1", "2"):
        folder = tmp_path / "proc" / pid / "fd"
        folder.mkdir(parents=True)
        (folder / "3").symlink_to("pipe:[77]")
    ends = list(table("process_open_pipes").generate(scan(tmp_path)))
    assert [end[:2] for end in ends] == [(1, 3), (2, 3)]  # links made here have all permissions


def test_files_on_network_filesystems_are_not_looked_at(tmp_path: Path) -> None:
    """A descriptor may lead to a server that does not answer."""
    (tmp_path / "far").mkdir()
    os.mkfifo(tmp_path / "far/fifo")
    folder = tmp_path / "proc/1/fd"
    folder.mkdir(parents=True)
    (folder / "3").symlink_to("/far/fifo")
    assert len(rows("SELECT * FROM process_open_pipes", tmp_path)) == 1
    write(tmp_path, "/proc/mounts", "s:/x /far nfs rw 0 0\n")
    assert rows("SELECT * FROM process_open_pipes", tmp_path) == []


def test_a_scan_of_pipes_ends_at_its_deadline() -> None:
    """It looks at all processes before the first row."""
    with pytest.raises(QueryTimeout):
        list(table("process_open_pipes").generate(scan(seconds=0)))
