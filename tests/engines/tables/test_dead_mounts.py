"""A file system whose server never answers stops no scan that was not asked for it by name."""

import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engines.tables.asked import rows


@pytest.fixture
def hanging(dead: Path) -> Iterator[Path]:
    """The mount, with links that lead into it beside it; it does hang."""
    (dead.parent / "link").symlink_to(dead / "x")
    (dead.parent / "near").touch()
    with subprocess.Popen(["stat", "-L", dead / "x"], stderr=subprocess.DEVNULL) as control:
        with pytest.raises(subprocess.TimeoutExpired):  # else these tests prove nothing
            control.wait(0.5)
        control.kill()
        yield dead


_QUERIES = (
    "SELECT path FROM file WHERE path LIKE '{}/%'",
    "SELECT path FROM file WHERE path LIKE '{}/%%'",
    "SELECT path FROM file WHERE path LIKE '{}/%/x' OR path='{}/near'",
    "SELECT path FROM file WHERE directory='{}'",
    "SELECT path FROM file WHERE directory LIKE '{}%'",
    "SELECT path FROM hash WHERE path LIKE '{}/%%'",
    "SELECT path FROM hash WHERE directory='{}'",
)


def test_scans_beside_a_dead_mount_end(hanging: Path) -> None:
    """Only its name is told; what lies near is found."""
    beside = str(hanging.parent)
    found: list[bool] = []

    def ask_all() -> None:
        for sql in _QUERIES:
            found.append((f"{beside}/near",) in rows(sql.replace("{}", beside)))  # noqa: PERF401

    scan = threading.Thread(target=ask_all, daemon=True)
    scan.start()
    scan.join(10)
    assert found == [True] * len(_QUERIES)
