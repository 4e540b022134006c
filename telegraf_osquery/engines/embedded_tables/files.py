"""file: what stat(2) says of the files that ``path`` and ``directory`` ask for.

As osquery on Linux (osquery/tables/utility/file.cpp): numbers are of a link's target, ``btime`` is
always 0, ``device`` is the number of a device node. Nothing is opened. Columns of other systems
are empty. Which files: ``where``.
"""

import errno
import os
import stat
from collections.abc import Iterator
from typing import Any

from telegraf_osquery.engines.embedded_tables.ask import Ask, Table
from telegraf_osquery.engines.embedded_tables.content import clean
from telegraf_osquery.engines.embedded_tables.rooted import resolve
from telegraf_osquery.engines.embedded_tables.where import Place, places

_KINDS = {
    stat.S_IFREG: "regular",
    stat.S_IFDIR: "directory",
    stat.S_IFBLK: "block",
    stat.S_IFCHR: "character",
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
}
_NAMES = ("path", "directory", "filename")
_NUMBERS = (
    *("inode", "uid", "gid", "mode", "device", "size", "block_size"),
    *("atime", "mtime", "ctime", "btime", "hard_links"),
)
_LINK = ("symlink", "type", "symlink_target_path")
_ELSEWHERE = (
    *("attributes", "volume_serial", "file_id", "file_version", "product_version"),
    *("original_filename", "shortcut_target_path", "shortcut_target_type"),
    *("shortcut_target_location", "shortcut_start_in", "shortcut_run", "shortcut_comment"),
    "bsd_flags",
)
_REST = (0, "", *("" for _ in _ELSEWHERE))
_UNKNOWN = (None, None, None, "", *(None for _ in _NUMBERS[4:]))
_INT64_MAX = (1 << 63) - 1


def _file(ask: Ask) -> Iterator[tuple[Any, ...]]:
    for place in places(ask):
        told = _far(place) if place.far else _look(ask.root, place.real)
        if told is not None:
            yield place.path, place.directory, place.filename, *told, *_REST


def _far(place: Place) -> tuple[Any, ...]:
    """A mount point that must not be looked at: only its names are known."""
    return (*_UNKNOWN, None, "directory" if place.path.endswith("/") else "", "")


def _look(root: str, real: str) -> tuple[Any, ...] | None:
    """The cells from inode to symlink_target_path; None when there is no such file."""
    try:
        info = os.lstat(real)
        if not stat.S_ISLNK(info.st_mode):
            return *_numbers(info), 0, _KINDS.get(stat.S_IFMT(info.st_mode), "unknown"), ""
        target = clean(os.readlink(real))
    except OSError:
        return None
    try:
        info = os.stat(resolve(root, real[len(root) :]))
        kind = _KINDS.get(stat.S_IFMT(info.st_mode), "unknown")
    except OSError as error:
        kind = "unknown" if error.errno in {errno.ENOENT, errno.ENOTDIR} else "error"
    return *_numbers(info), 1, kind, target


def _numbers(info: os.stat_result) -> tuple[Any, ...]:
    return (
        info.st_ino if info.st_ino <= _INT64_MAX else None,
        info.st_uid,
        info.st_gid,
        f"{info.st_mode & 0o7777:04o}",
        info.st_rdev,
        info.st_size,
        info.st_blksize,
        info[stat.ST_ATIME],  # whole seconds, exact also before 1970
        info[stat.ST_MTIME],
        info[stat.ST_CTIME],
        0,
        info.st_nlink,
    )


TABLES = {
    "file": Table(
        (*_NAMES, *_NUMBERS, *_LINK, "pid_with_namespace", "mount_namespace_id", *_ELSEWHERE),
        _file,
        lacks="files in folders that only root may enter do not show",
    )
}
