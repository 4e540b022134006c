"""A file system whose server never answers stops no scan that was not asked for it by name."""

import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engines.tables.asked import rows, write


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


_OWN = (
    "SELECT * FROM authorized_keys",
    "SELECT * FROM known_hosts",
    "SELECT * FROM ssh_configs",
    "SELECT * FROM user_ssh_keys",
    "SELECT * FROM shell_history",
    "SELECT * FROM startup_items",
    "SELECT * FROM python_packages",
    "SELECT * FROM python_packages WHERE directory = '/'",
    "SELECT * FROM npm_packages",
    "SELECT * FROM npm_packages WHERE directory = '/dead mount'",
    "SELECT * FROM process_open_pipes",
    "SELECT * FROM sudoers",
    "SELECT * FROM yum_sources",
)


def test_tables_of_users_and_packages_beside_a_dead_mount_end(hanging: Path) -> None:
    """A home on it, folders that lead into it, a descriptor open on it, a list included from it."""
    root = hanging.parent
    write(root, "/etc/passwd", "root:x:0:0::/dead mount:/bin/sh\n")
    write(root, "/etc/sudoers", "@include /dead mount/x\n@includedir /dead mount\n")
    write(root, "/etc/yum.conf", "[main]\nreposdir=/dead mount\n")
    for link in ("home", "usr/lib/python3", "usr/lib/node_modules", "proc/1/fd/3"):
        (root / link).parent.mkdir(parents=True, exist_ok=True)
        (root / link).symlink_to("/dead mount/x")
    found: list[int] = []

    def ask_all() -> None:
        for sql in _OWN:
            found.append(len(rows(sql, root)))  # noqa: PERF401

    scan = threading.Thread(target=ask_all, daemon=True)
    scan.start()
    scan.join(10)
    assert found == [2 if "sudoers" in sql else 0 for sql in _OWN]
