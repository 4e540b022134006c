"""Builds a host's file tree from a case folder, and reads rows as osquery prints them.

A case folder holds ``root/`` (files at their absolute paths) and ``case.json``:

    folders   paths of empty folders
    files     path → text, for names that not every system can check out
    sizes     path → bytes of a file of zeros
    links     path → target, as it stands in the link
    fifos     paths
    sockets   paths
    modes     path → octal text
    owners    path → [uid, gid] (needs root)
    mtimes    path → seconds
    now       the wall clock in seconds
    cases     list of: sql; rows (osquery's, every value as it prints it, null for NULL) or error
              (SQLite's code); where ours is knowingly not osquery's: differs (the reason) and
              ours (rows)

A file named ``.keep`` only holds its folder open.
"""

import os
import shutil
import stat
from pathlib import Path
from typing import Any

import msgspec
import pytest

from telegraf_osquery.clock import Deadline
from telegraf_osquery.engines.embedded import Embedded
from telegraf_osquery.schema.tables import Schema
from tests.fakes.clock import ManualClock

Row = dict[str, str | None]


class Query(msgspec.Struct, forbid_unknown_fields=True):
    """One statement over the tree, and what it must give."""

    sql: str
    rows: list[Row] = []
    error: int = 0
    differs: str = ""
    ours: list[Row] = []


class Case(msgspec.Struct, forbid_unknown_fields=True):
    """One tree."""

    cases: list[Query]
    folders: list[str] = []
    files: dict[str, str] = {}
    sizes: dict[str, int] = {}
    links: dict[str, str] = {}
    fifos: list[str] = []
    sockets: list[str] = []
    modes: dict[str, str] = {}
    owners: dict[str, tuple[int, int]] = {}
    mtimes: dict[str, int] = {}
    now: int = 1_795_000_000


def load(folder: Path) -> Case:
    return msgspec.json.decode((folder / "case.json").read_bytes(), type=Case)


def build(folder: Path, case: Case, root: Path) -> None:
    """Copy the tree to ``root`` and set what a repository cannot carry."""
    if (folder / "root").is_dir():
        shutil.copytree(folder / "root", root, symlinks=True, dirs_exist_ok=True)
    for keep in root.rglob(".keep"):
        keep.unlink()
    _add(case, root)
    if case.owners and os.geteuid() != 0:
        pytest.skip("owners of files can be set by root only")
    for path, (uid, gid) in case.owners.items():
        os.chown(root / path[1:], uid, gid, follow_symlinks=False)
    for path, mode in case.modes.items():
        (root / path[1:]).chmod(int(mode, 8))
    for path, seconds in case.mtimes.items():
        os.utime(root / path[1:], (seconds, seconds), follow_symlinks=False)


def _add(case: Case, root: Path) -> None:
    for path in case.folders:
        (root / path[1:]).mkdir(parents=True, exist_ok=True)
    for path, text in case.files.items():
        (root / path[1:]).parent.mkdir(parents=True, exist_ok=True)
        (root / path[1:]).write_text(text, encoding="utf-8")
    for path, size in case.sizes.items():
        (root / path[1:]).parent.mkdir(parents=True, exist_ok=True)
        with (root / path[1:]).open("wb") as file:
            file.truncate(size)
    for path, target in case.links.items():
        link = root / path[1:]
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(target)
    for path in case.fifos:
        os.mkfifo(root / path[1:])
    for path in case.sockets:
        os.mknod(root / path[1:], stat.S_IFSOCK | 0o755)


def unlock(root: Path) -> None:
    """Let pytest remove a tree whose folders were closed by ``modes``."""
    for folder, _, _ in os.walk(root):
        os.chmod(folder, stat.S_IMODE(os.stat(folder).st_mode) | 0o700)


def printed(value: Any) -> str | None:
    """A cell as osquery's shell prints it."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, float):
        text = f"{value:.15g}"
        return text if "." in text or "e" in text else f"{text}.0"
    return str(value)


def ask(schema: Schema, case: Case, root: Path, sql: str) -> list[Row]:
    """The rows of one statement over the tree."""
    clock = ManualClock(case.now * 1_000_000_000)
    engine = Embedded(schema, clock, root=str(root))
    try:
        answer = engine.execute(sql, Deadline(clock, 10))
        rows = [row for chunk in answer.chunks for row in zip(*chunk, strict=True)]
    finally:
        engine.close()
    return [dict(zip(answer.names, map(printed, row), strict=True)) for row in rows]
