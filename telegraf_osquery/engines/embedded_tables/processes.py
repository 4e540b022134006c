"""Table ``processes``: what /proc/<pid> says, opening only the files whose columns are read.

Rules as in osquery (osquery/tables/system/linux/processes.cpp, recorded with 5.23.1): times in ms,
sizes in bytes, ``start_time`` = boot time + start ticks, ``on_disk`` -1 where the program cannot be
known. A process that vanishes before its row is made, or whose ``stat`` makes no sense, has none.
"""

import os
from collections.abc import Callable, Iterator
from typing import Any

from telegraf_osquery.engines.embedded_tables import mounts, procfs
from telegraf_osquery.engines.embedded_tables.ask import Ask, Table
from telegraf_osquery.engines.embedded_tables.content import clean

_STAT = (
    "name", "state", "parent", "pgroup", "user_time", "system_time", "nice", "threads",
    "start_time",
)  # fmt: skip
_STATUS = ("uid", "euid", "suid", "gid", "egid", "sgid", "resident_size", "total_size")
_EXE = ("path", "on_disk")
_IO = ("disk_bytes_read", "disk_bytes_written")
_DELETED = " (deleted)"

Cells = tuple[Any, ...]
Part = Callable[[str], Cells]


def split_stat(data: bytes) -> tuple[bytes, list[bytes]]:
    """Name and the fields after it, field 0 being the state (proc_pid_stat(5), field 3).

    The name may hold blanks and parentheses; the last one closes it.

    Raises:
        ValueError: not the text of a ``stat`` file.
    """
    start, end = data.index(b"("), data.rindex(b")")
    fields = data[end + 1 :].split()
    if len(fields) < 20:
        raise ValueError(f"stat: found {len(fields)} fields after the name, expected 20 or more")
    return data[start + 1 : end], fields


def boot_time(ask: Ask) -> int | None:
    """Seconds since 1970 at which the kernel started, None when it does not say."""
    try:
        data = procfs.read_table(ask.path("/proc/stat"))
    except OSError:
        return None
    found = _value(data, b"\nbtime ")
    return int(found) if found.isdigit() else None


def _stat(ask: Ask) -> Part:
    ticks = os.sysconf("SC_CLK_TCK")
    boot = boot_time(ask) if ask.wants("start_time") else None

    def cells(folder: str) -> Cells:
        name, f = split_stat(procfs.read(folder + "/stat"))
        if (
            b"\n" in name or b"\\" in name
        ):  # osquery's name is that of status, where they are escaped
            name = _value(procfs.read(folder + "/status"), b"Name:")
        return (
            procfs.text(name.strip()), procfs.text(f[0]), int(f[1]), int(f[2]),
            int(f[11]) * 1000 // ticks, int(f[12]) * 1000 // ticks, int(f[16]), int(f[17]),
            None if boot is None else boot + int(f[19]) // ticks,
        )  # fmt: skip

    return cells


def _status(folder: str) -> Cells:
    data = procfs.read(folder + "/status")
    return (
        *_ids(data, b"\nUid:"),
        *_ids(data, b"\nGid:"),
        _size(data, b"\nVmRSS:"),
        _size(data, b"\nVmSize:"),
    )


def _ids(data: bytes, key: bytes) -> Cells:
    """Real, effective and saved id."""
    words = _value(data, key).split()
    return (int(words[0]), int(words[1]), int(words[2])) if len(words) > 2 else (None,) * 3


def _value(data: bytes, key: bytes) -> bytes:
    """What stands between this key and the end of its line."""
    return data.partition(key)[2].partition(b"\n")[0]


def _size(data: bytes, key: bytes) -> int | None:
    words = _value(data, key).split()  # "4000 kB", a kB being 1024 bytes; kernel threads have none
    return int(words[0]) * 1024 if words else None


def _exe(ask: Ask) -> Part:
    far: tuple[str, ...] | None = None

    def cells(folder: str) -> Cells:
        nonlocal far
        path = procfs.link(folder + "/exe")
        if not path:
            return "", -1
        if not path.endswith(_DELETED):
            return clean(path), 1
        if far is None:
            far = mounts.far_points(mounts.read_mounts(ask))
        # the kernel's mark may be part of the program's real name: ask, where asking cannot hang
        if not mounts.is_below(path, far) and os.path.lexists(ask.path(path)):
            return clean(path), 1
        return clean(path[: -len(_DELETED)]), 0

    return cells


def _cmdline(folder: str) -> Cells:
    try:
        data = procfs.read(folder + "/cmdline")
    except OSError:
        return ("",)
    return (data.replace(b"\0", b" ").strip().decode("utf-8", "replace"),)


def _cwd(folder: str) -> Cells:
    return (clean(procfs.link(folder + "/cwd")),)


def _root(folder: str) -> Cells:
    return (clean(procfs.link(folder + "/root")),)


def _io(folder: str) -> Cells:
    try:
        data = b"\n" + procfs.read(folder + "/io")
    except OSError:
        return None, None  # another user's process: only root may know
    taken, put, back = (
        _value(data, key)
        for key in (b"\nread_bytes: ", b"\nwrite_bytes: ", b"\ncancelled_write_bytes: ")
    )
    return int(taken or 0), int(put or 0) - int(back or 0)


def _cgroup(folder: str) -> Cells:
    try:
        data = procfs.read(folder + "/cgroup")
    except OSError:
        return ("",)
    return (procfs.text(data.partition(b"\n")[0].split(b":", 2)[-1]),)


def _nothing(count: int) -> Part:
    cells = (None,) * count
    return lambda _: cells


def _parts(ask: Ask) -> list[Part]:
    """One reader per file; ``stat`` is always read, since it proves that the process is there."""
    optional: tuple[tuple[tuple[str, ...], Callable[[], Part]], ...] = (
        (_STATUS, lambda: _status),
        (_EXE, lambda: _exe(ask)),
        (("cmdline",), lambda: _cmdline),
        (("cwd",), lambda: _cwd),
        (("root",), lambda: _root),
        (_IO, lambda: _io),
        (("cgroup_path",), lambda: _cgroup),
    )
    return [make() if ask.wants(*columns) else _nothing(len(columns)) for columns, make in optional]


def _processes(ask: Ask) -> Iterator[Cells]:
    proc = ask.path("/proc/")
    stat, (status, exe, cmdline, cwd, root, io, cgroup) = _stat(ask), _parts(ask)
    for pid in procfs.pids(ask):
        at = proc + pid
        try:
            first = stat(at)
            second = status(at)
        except (OSError, ValueError):
            continue
        yield (
            int(pid), 0, *first, *second, *exe(at), *cmdline(at), *cwd(at), *root(at), *io(at),
            *cgroup(at),
        )  # fmt: skip


TABLES: dict[str, Table] = {
    "processes": Table(
        columns=(
            "pid", "wired_size", *_STAT, *_STATUS, *_EXE, "cmdline", "cwd", "root", *_IO,
            "cgroup_path",
        ),
        generate=_processes,
        lacks="path, cwd, root and disk bytes of other users' processes",
    ),
}  # fmt: skip
