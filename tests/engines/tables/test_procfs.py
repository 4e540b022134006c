"""Reading of /proc."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telegraf_osquery.engines.embedded_tables import procfs
from tests.engines.tables.asking import an_ask


@settings(max_examples=30, deadline=None)
@given(st.lists(st.binary(max_size=400).map(lambda line: line.replace(b"\n", b" ")), max_size=900))
def test_lines_are_those_of_the_whole_file(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]
) -> None:
    """However many pieces a table comes in, its lines are whole, in order and complete."""
    path = tmp_path_factory.mktemp("lines") / "table"
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    assert list(procfs.lines(str(path))) == lines


def test_lines_of_a_long_kernel_table_are_complete() -> None:
    """A table of the kernel that does not fit into one page is read to its end."""
    with open("/proc/self/maps", "rb") as file:
        whole = file.read()
    assert len(whole) > 4096
    assert len(list(procfs.lines("/proc/self/maps"))) >= whole.count(b"\n") - 2


def test_a_last_line_without_newline_counts(tmp_path: Path) -> None:
    """Nothing is lost when a file does not end in a newline."""
    (tmp_path / "table").write_bytes(b"a\nb")
    assert list(procfs.lines(str(tmp_path / "table"))) == [b"a", b"b"]


def test_a_big_file_is_read_whole(tmp_path: Path) -> None:
    """More than one buffer is read until the end."""
    (tmp_path / "big").write_bytes(b"x" * 200_001)
    assert len(procfs.read(str(tmp_path / "big"))) == 200_001
    assert len(procfs.read_table(str(tmp_path / "big"))) == 200_001


def test_an_unreadable_link_is_empty(tmp_path: Path) -> None:
    """Others are what the os module reads."""
    os.symlink(b"/caf\xe9", os.fsencode(tmp_path / "link"))
    assert os.fsencode(procfs.link(str(tmp_path / "link"))) == b"/caf\xe9"
    assert procfs.link(str(tmp_path / "none")) == ""


def test_below_another_root_its_first_process_tells_what_the_host_sees(tmp_path: Path) -> None:
    """/proc/mounts and /proc/net would show what this process sees; on the host itself they do."""
    (tmp_path / "proc" / "1").mkdir(parents=True)
    ask = an_ask(str(tmp_path))
    assert procfs.of_host(ask, "/proc/mounts") == f"{tmp_path}/proc/mounts"
    (tmp_path / "proc" / "1" / "mounts").touch()
    assert procfs.of_host(ask, "/proc/mounts") == f"{tmp_path}/proc/1/mounts"
    assert procfs.of_host(an_ask("/"), "/proc/mounts") == "/proc/mounts"


@pytest.mark.parametrize(
    ("asked", "expected"),
    [(12, ["12"]), ("12", ["12"]), (12.0, ["12"]), (1.5, []), (-1, []), ("../1", []), ("x", [])],
)
def test_a_constraint_on_pid_names_one_process(asked: object, expected: list[str]) -> None:
    """Only digits reach the path below /proc, whatever the statement compares with."""
    assert procfs.pids(an_ask(pid=asked)) == expected
