"""Walking through folders: never into file systems that somebody else answers for, never for ever.

A server that does not answer holds a stat or a directory listing for ever, and no deadline helps
inside a system call (see ``mounts``). Scans that find their own way (``%`` patterns, folders,
suid_bin) therefore stop at such mount points; a path that a person names is looked at wherever it
lies.
"""

import os
import stat
from collections.abc import Container, Iterator

from telegraf_osquery.engines.embedded_tables.ask import Ask
from telegraf_osquery.engines.embedded_tables.mounts import far_points, is_below, read_mounts
from telegraf_osquery.engines.embedded_tables.rooted import resolve
from telegraf_osquery.errors import QueryTimeout

_DEPTH_MAX = 64  # osquery's kMaxRecursiveGlobs
_ENTRIES = 256  # between two looks at the deadline


def mount_points(ask: Ask) -> frozenset[str]:
    """Mount points, as this process sees them, that are only told by name.

    Below a root folder both the mounts of the examined host and our own count. An autofs folder is
    one of them: to look at a name in it is to mount something.
    """
    points = {ask.root + point for point in _points(ask)}
    if ask.root:
        points.update(_points(Ask("", ask.used, {}, {}, ask.clock, ask.deadline)))
    return frozenset(points)


def _points(ask: Ask) -> Iterator[str]:
    mounts = read_mounts(ask)
    yield from far_points(mounts)
    top = {mount.path: mount.type for mount in mounts}
    yield from (path for path, kind in top.items() if kind == "autofs")


def outside(points: frozenset[str], base: str) -> frozenset[str]:
    """Those of ``points`` that ``base`` does not lie in."""
    return frozenset(point for point in points if not is_below(base, (point,)))


def entries(ask: Ask, folder: str) -> Iterator[os.DirEntry[str]]:
    """What lies in a folder, in its own order.

    Raises:
        OSError: it cannot be listed.
        QueryTimeout: the deadline has passed, also while a large folder is listed.
    """
    _look(ask, folder)
    with os.scandir(folder) as found:
        for number, entry in enumerate(found, 1):
            if not number % _ENTRIES:
                _look(ask, folder)
            yield entry


def listing(ask: Ask, folder: str, far: Container[str], *, folders: bool = False) -> list[str]:
    """Paths of what lies in a folder of the host: all that is no folder, or else the folders.

    As osquery's patterns give them: sorted, hidden names left out, links to folders are folders,
    links in the path of ``folder`` itself are resolved. Names are as the os module takes them (rows
    need ``content.clean``). Empty when the folder cannot be listed.

    Args:
        ask: the scan.
        folder: absolute, as the host writes it.
        far: mount points that are not entered and not looked at.
        folders: which of the two.
    """
    try:
        real = resolve(ask.root, folder, remote=far)
        found = [
            entry.name
            for entry in entries(ask, real)
            if not entry.name.startswith(".") and _is_folder(ask, entry, far) == folders
        ]
    except OSError:
        return []
    shown = real[len(ask.root) :].rstrip("/")
    return [f"{shown}/{name}" for name in sorted(found)]


def _is_folder(ask: Ask, entry: os.DirEntry[str], far: Container[str]) -> bool:
    if not entry.is_symlink():
        return entry.is_dir(follow_symlinks=False)
    return bool(_target(ask, entry, far))


def _target(ask: Ask, entry: os.DirEntry[str], far: Container[str]) -> str:
    """Where a link to a folder leads, as this process sees it; empty for any other link."""
    try:
        target = resolve(ask.root, entry.path[len(ask.root) :], remote=far)
        return target if stat.S_ISDIR(os.stat(target).st_mode) else ""
    except OSError:
        return ""


def folders_below(ask: Ask, folder: str, far: Container[str]) -> Iterator[str]:
    """All folders below a folder, each path built on its name; into each folder only once.

    As osquery's ``%%``: hidden names are left out directly in ``folder``, not below; links to
    folders are followed. Nothing where it cannot be listed.
    """
    try:
        stack = [(folder.rstrip("/"), resolve(ask.root, folder, remote=far), 0)]
    except OSError:
        return
    seen: set[tuple[int, int]] = set()
    while stack:
        shown, real, depth = stack.pop()
        for entry in _unseen(ask, real, seen):
            if entry.is_symlink():
                target = _target(ask, entry, far)
            elif entry.is_dir(follow_symlinks=False) and entry.path not in far:
                target = entry.path
            else:
                continue
            if target and (depth or not entry.name.startswith(".")):
                yield f"{shown}/{entry.name}"
                if depth < _DEPTH_MAX:
                    stack.append((f"{shown}/{entry.name}", target, depth + 1))


def _unseen(ask: Ask, real: str, seen: set[tuple[int, int]]) -> Iterator[os.DirEntry[str]]:
    """The entries of a folder, unless it was looked into before or cannot be."""
    try:
        info = os.stat(real)
        key = (info.st_dev, info.st_ino)
        if key not in seen:
            seen.add(key)
            yield from entries(ask, real)
    except OSError:
        return


def _look(ask: Ask, folder: str) -> None:
    if ask.deadline.expired():
        raise QueryTimeout(f"the deadline passed while {folder} was listed")
