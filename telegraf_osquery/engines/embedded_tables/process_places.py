"""process_memory_map, process_namespaces, process_open_pipes: where a process lives, from /proc.

Sources of the rules: osquery/tables/system/linux/processes.cpp and process_open_pipes.cpp.
"""

import os
import re
import stat
from collections.abc import Iterator
from typing import Any

import msgspec

from telegraf_osquery.engines.embedded_tables import procfs
from telegraf_osquery.engines.embedded_tables.ask import Ask, Table
from telegraf_osquery.engines.embedded_tables.rooted import resolve
from telegraf_osquery.engines.embedded_tables.walk import mount_points
from telegraf_osquery.errors import QueryTimeout

_KINDS = ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts")
_NUMBER = re.compile("[0-9]+")
_READS, _WRITES = 0o444, 0o222
_LACKS = "processes of other users"


def _memory_map(ask: Ask) -> Iterator[tuple[Any, ...]]:
    """The lines of /proc/<pid>/maps; a path ends at its first blank, as in osquery."""
    for pid in procfs.pids(ask):
        try:
            data = procfs.read_table(ask.path(f"/proc/{pid}/maps"))
        except OSError:
            continue
        for line in procfs.text(data).split("\n"):
            words = line.split(None, 6)
            start, dash, end = words[0].partition("-") if len(words) > 4 else ("", "", "")
            if dash:
                path = words[5] if len(words) > 5 else ""
                pseudo = int(words[4] == "0" and bool(path))
                numbers = int(words[2], 16), words[3], int(words[4])
                yield int(pid), f"0x{start}", f"0x{end}", words[1], *numbers, path, pseudo


def _namespaces(ask: Ask) -> Iterator[tuple[Any, ...]]:
    """The inode numbers behind /proc/<pid>/ns as text; empty where they may not be read."""
    for pid in procfs.pids(ask):
        folder = ask.path(f"/proc/{pid}")
        if os.path.isdir(folder):
            links = (_NUMBER.search(procfs.link(f"{folder}/ns/{kind}")) for kind in _KINDS)
            yield int(pid), *(link[0] if link else "" for link in links)


class _End(msgspec.Struct, frozen=True):
    """A descriptor of a pipe."""

    pid: int
    fd: int
    mode: str
    inode: int
    type: str


def _open_pipes(ask: Ask) -> Iterator[tuple[Any, ...]]:
    """Each descriptor of a pipe with each that may be its other end.

    One whose pipe nobody else has open stands alone; one whose pipe is open elsewhere, but only in
    the same direction, does not show.
    """
    pipes: dict[tuple[str, int], list[_End]] = {}
    ends = list(_ends(ask))
    for end in ends:
        pipes.setdefault((end.type, end.inode), []).append(end)
    for end in ends:
        shared = pipes[end.type, end.inode]
        own = (end.pid, end.fd, end.mode, end.inode, end.type)
        if len(shared) == 1:
            yield *own, None, None, ""
        for other in shared:
            if other is not end and (other.mode != end.mode or end.mode == "rw"):
                yield *own, other.pid, other.fd, other.mode


def _ends(ask: Ask) -> Iterator[_End]:
    far = mount_points(ask)
    for pid in procfs.pids(ask):
        if ask.deadline.expired():
            raise QueryTimeout("table process_open_pipes: the deadline passed during the scan")
        folder = ask.path(f"/proc/{pid}/fd")
        for name in procfs.names(folder):
            target = procfs.link(f"{folder}/{name}")
            kind, inode = _pipe(ask, target, far)
            if kind and name.isdigit():
                yield _End(int(pid), int(name), _mode(f"{folder}/{name}"), inode, kind)


def _pipe(ask: Ask, target: str, far: frozenset[str]) -> tuple[str, int]:
    """What kind of pipe a descriptor leads to, and its inode; an empty kind for anything else."""
    if target.startswith("pipe:"):
        number = _NUMBER.search(target)
        return "anonymous", int(number[0]) if number else 0
    if target.startswith("/"):
        try:
            info = os.stat(resolve(ask.root, target, remote=far))
        except OSError:
            return "", 0
        if stat.S_ISFIFO(info.st_mode):
            return "named", info.st_ino
    return "", 0


def _mode(link: str) -> str:
    """Directions, which the kernel shows as permissions of the link."""
    try:
        mode = os.lstat(link).st_mode
    except OSError:
        return "-"
    return ("r" if mode & _READS else "") + ("w" if mode & _WRITES else "")


TABLES = {
    "process_memory_map": Table(
        ("pid", "start", "end", "permissions", "offset", "device", "inode", "path", "pseudo"),
        _memory_map,
        lacks=_LACKS,
    ),
    "process_namespaces": Table(
        ("pid", *(f"{kind}_namespace" for kind in _KINDS)), _namespaces, lacks=_LACKS
    ),
    "process_open_pipes": Table(
        ("pid", "fd", "mode", "inode", "type", "partner_pid", "partner_fd", "partner_mode"),
        _open_pipes,
        lacks=_LACKS,
    ),
}
