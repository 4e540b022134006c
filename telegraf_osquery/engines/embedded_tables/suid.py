"""suid_bin: programs that run with their owner's or group's rights.

osquery looks in seven folders and below (osquery/tables/system/posix/suid_bin.cpp), not through
links to folders, but at the targets of links to files; on a merged /usr a program shows twice.
Names of owners come from /etc/passwd and /etc/group; an id that is not there is shown as its
number. Mount points of network filesystems are not entered, which osquery would do.
"""

import os
import stat
from collections.abc import Iterator

from telegraf_osquery.engines.embedded_tables import walk
from telegraf_osquery.engines.embedded_tables.accounts import accounts, all_groups
from telegraf_osquery.engines.embedded_tables.ask import Ask, Table
from telegraf_osquery.engines.embedded_tables.content import clean
from telegraf_osquery.engines.embedded_tables.rooted import resolve

_FOLDERS = ("/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/tmp")  # noqa: S108
_SPECIAL = stat.S_ISUID | stat.S_ISGID

Found = tuple[str, os.stat_result]


def _suid_bin(ask: Ask) -> Iterator[tuple[str | int, ...]]:
    far = walk.mount_points(ask)
    users: dict[int, str] = {}
    groups: dict[int, str] = {}
    for folder in _FOLDERS:
        for path, info in _below(ask, folder, far):
            if not users:
                users, groups = _names(ask)
            user = users.get(info.st_uid) or str(info.st_uid)
            group = groups.get(info.st_gid) or str(info.st_gid)
            yield path, user, group, _permissions(info.st_mode), 0


def _names(ask: Ask) -> tuple[dict[int, str], dict[int, str]]:
    """The first name of each id, as the C library gives it."""
    users: dict[int, str] = {}
    groups: dict[int, str] = {}
    for account in accounts(ask):
        users.setdefault(account.uid, account.name)
    for group in all_groups(ask):
        groups.setdefault(group.gid, group.name)
    return users, groups


def _permissions(mode: int) -> str:
    return ("S" if mode & stat.S_ISUID else "") + ("G" if mode & stat.S_ISGID else "")


def _below(ask: Ask, folder: str, far: frozenset[str]) -> Iterator[Found]:
    """Regular files with a special bit, folder by folder."""
    try:
        stack = [(folder, resolve(ask.root, folder, remote=far or None))]
    except OSError:
        return
    while stack:
        shown, real = stack.pop()
        try:
            for entry in walk.entries(ask, real):
                if entry.is_dir(follow_symlinks=False):
                    if entry.path not in far:
                        stack.append((f"{shown}/{clean(entry.name)}", entry.path))
                elif (info := _special(ask, entry, far)) is not None:
                    yield f"{shown}/{clean(entry.name)}", info
        except OSError:
            continue


def _special(ask: Ask, entry: os.DirEntry[str], far: frozenset[str]) -> os.stat_result | None:
    """What a regular file with a special bit is, or a link to one; None for all else."""
    try:
        if not entry.is_symlink():
            info = entry.stat(follow_symlinks=False)
        else:
            info = os.stat(resolve(ask.root, entry.path[len(ask.root) :], remote=far or None))
    except OSError:
        return None
    return info if stat.S_ISREG(info.st_mode) and info.st_mode & _SPECIAL else None


TABLES = {
    "suid_bin": Table(
        ("path", "username", "groupname", "permissions", "pid_with_namespace"),
        _suid_bin,
        lacks="programs in folders that only root may enter do not show",
    )
}
