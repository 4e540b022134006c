"""The lock for life."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from telegraf_osquery.store.lock import FileLock

HOLD = """
    import sys
    from telegraf_osquery.store.lock import FileLock
    lock = FileLock(sys.argv[1])
    print(lock.try_acquire(), flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def lock_path(tmp_path: Path) -> str:
    return str(tmp_path / "input-x.lock")


def test_one_owner(lock_path: str) -> None:
    """While one holds it nobody else gets it, and its pid can be told."""
    first, second = FileLock(lock_path), FileLock(lock_path)
    assert first.try_acquire()
    assert first.try_acquire()
    assert not second.try_acquire()
    assert second.owner() == str(os.getpid())
    first.release()
    first.release()
    assert second.try_acquire()
    second.release()


def test_owner_unknown(lock_path: str) -> None:
    """A lock file that is missing or empty names nobody."""
    assert FileLock(lock_path).owner() == "unknown"
    Path(lock_path).write_text("")
    assert FileLock(lock_path).owner() == "unknown"


def test_dies_with_its_process(lock_path: str) -> None:
    """A killed owner leaves nothing behind that must be cleaned up."""
    command = [sys.executable, "-c", textwrap.dedent(HOLD), lock_path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"True\n"
        lock = FileLock(lock_path)
        assert not lock.try_acquire()
        assert lock.owner() == str(child.pid)
        child.kill()
        child.wait()
    assert lock.try_acquire()
    lock.release()
