"""What the process costs."""

import os
import sys
from pathlib import Path

import pytest

from telegraf_osquery.model.column import TYPES
from telegraf_osquery.telemetry.health import FIELDS, health

STATUS = """\
Name:\ttelegraf-osquer
VmHWM:\t   21504 kB
VmRSS:\t   20480 kB
Threads:\t3
"""


def process(folder: Path) -> str:
    (folder / "fd").mkdir()
    for number in range(5):
        (folder / "fd" / str(number)).touch()
    (folder / "status").write_text(STATUS)
    return str(folder)


def test_fixture_process(tmp_path: Path) -> None:
    """Kilobytes become bytes; the descriptor that reads the list is not counted."""
    found = health(process(tmp_path))
    assert found["rss_bytes"] == ("integer", 20480 * 1024)
    assert found["rss_peak_bytes"] == ("integer", 21504 * 1024)
    assert found["threads"] == ("integer", 3)
    assert found["fds"] == ("integer", 4)


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_this_process() -> None:
    """Every field is there, with a plausible value of its type."""
    found = health()
    assert set(found) == set(FIELDS)
    assert all(kind in TYPES for kind, _ in found.values())
    assert 8 << 20 < found["rss_bytes"][1] <= found["rss_peak_bytes"][1]
    assert found["cpu_seconds"][1] > 0
    with open(os.devnull, "rb"):
        assert health()["fds"][1] == found["fds"][1] + 1


def test_without_proc(tmp_path: Path) -> None:
    """Where nothing can be read the CPU remains."""
    assert set(health(str(tmp_path / "none"))) == {"cpu_seconds", "cpu_children_seconds"}


def test_strange_status(tmp_path: Path) -> None:
    """Values that are no numbers are left out."""
    folder = process(tmp_path)
    (tmp_path / "status").write_text("VmRSS:\nVmHWM:\tmuch kB\nThreads\n\xff")
    assert set(health(folder)) == {"cpu_seconds", "cpu_children_seconds", "fds"}
