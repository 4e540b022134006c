"""Table ``mounts``, and which mounts may keep a caller waiting for ever.

The sizes of a file system come from statfs(2), and for one behind a network or a user's process
that call waits for somebody else: a dead NFS server or a stuck FUSE program would hold the thread
that asks, often beyond the reach of SIGKILL. So only file systems that the kernel answers for by
itself (``_NEAR``) are asked; for all others, and for what is mounted below one of them, the six
size columns are NULL. A child process is no cure: it hangs in the thread's place, and the next scan
adds another. The root folder is always asked: a host whose root hangs has no agent either.
"""

import os
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from telegraf_osquery.engines.embedded_tables import procfs
from telegraf_osquery.engines.embedded_tables.ask import Ask, Table
from telegraf_osquery.engines.embedded_tables.content import clean

_NEAR_NAMES = """
    adfs affs apparmorfs bcachefs bdev befs bfs binder binfmt_misc bpf btrfs cgroup cgroup2
    configfs cpuset cramfs debugfs devpts devtmpfs dmabuf ecryptfs efivarfs efs erofs exfat
    ext2 ext3 ext4 f2fs functionfs fusectl hfs hfsplus hpfs hugetlbfs iso9660 jffs2 jfs minix
    mqueue msdos nilfs2 nsfs ntfs ntfs3 omfs overlay pipefs proc pstore qnx4 qnx6 ramfs
    reiserfs resctrl romfs rpc_pipefs securityfs selinuxfs smackfs sockfs squashfs sysfs sysv
    tmpfs tracefs ubifs udf ufs vfat xenfs xfs zfs zonefs
"""
_NEAR = frozenset(_NEAR_NAMES.split())
_TRIGGERS = frozenset({"autofs"})  # asking one for its size would mount what it stands for
_STACKED = frozenset({"overlay", "ecryptfs"})
_SIZES = ("blocks_size", "blocks", "blocks_free", "blocks_available", "inodes", "inodes_free")
_UNKNOWN = (None,) * len(_SIZES)
_LINKS_MAX = 40  # as the kernel's own limit


class Mount(msgspec.Struct, frozen=True):
    """One line of /proc/mounts, unescaped; text as the os module takes it."""

    device: str
    path: str
    type: str
    options: str


def unescape(word: bytes) -> str:
    r"""The text of ``My\040Disk``: odd bytes stand as a backslash and three octal digits."""
    if b"\\" in word:
        first, *others = word.split(b"\\")
        word = first + b"".join(map(_octal, others))
    return os.fsdecode(word)


def _octal(after: bytes) -> bytes:
    digits = after[:3]
    if len(digits) == 3 and digits[0] in b"0123" and not digits.strip(b"01234567"):
        return bytes((int(digits, 8),)) + after[3:]
    return b"\\" + after


def read_mounts(ask: Ask) -> list[Mount]:
    """The mounts that the examined host shows, in order; none when it does not say."""
    try:
        data = procfs.read_table(procfs.of_host(ask, "/proc/mounts"))
    except OSError:
        return []
    lines = (line.split(b" ") for line in data.split(b"\n"))
    return [Mount(*map(unescape, words[:4])) for words in lines if len(words) >= 4]


def far_points(mounts: Iterable[Mount]) -> tuple[str, ...]:
    """Where somebody else answers for the file system; never ``/``.

    Of several mounts on one folder the last one counts: it is what a path leads to.
    """
    top = {mount.path: mount for mount in mounts}
    far = tuple(p for p, m in top.items() if m.type not in _NEAR | _TRIGGERS and p != "/")
    if not far:
        return far
    return far + tuple(p for p, m in top.items() if m.type in _STACKED and _stands_on(m, far))


def _stands_on(mount: Mount, far: tuple[str, ...]) -> bool:
    """Whether a layer of this mount lies on another one: ``lowerdir=/a:/b,upperdir=/c``."""
    layers = (value for option in mount.options.split(",") for value in option.split("=")[1:])
    folders = [mount.device, *(folder for layer in layers for folder in layer.split(":"))]
    return any(is_below(folder, far) for folder in folders)


def is_below(path: str, points: Iterable[str]) -> bool:
    """Whether this path is one of these mount points or lies below one."""
    return any(path == point or path.startswith(point + "/") for point in points)


def _canonical(ask: Ask, device: str, far: tuple[str, ...]) -> str:
    """The device with its links resolved, itself when it is no path; never enters a far mount.

    osquery resolves it in the root folder, so that the device ``proc`` becomes ``/proc``.
    """
    done, todo, links = "", device.split("/")[::-1], 0
    while todo:
        name = todo.pop()
        if name in {"", "."}:
            continue
        done, before = (os.path.dirname(done), "") if name == ".." else (f"{done}/{name}", done)
        if is_below(done, far):
            return device
        target = procfs.link(ask.path(done)) if name != ".." else ""
        if target:
            links += 1
            done = "" if target.startswith("/") else before
            todo += target.split("/")[::-1]
        if links > _LINKS_MAX or not (target or os.path.lexists(ask.path(done))):
            return device
    return done or device


def _sizes(path: str) -> tuple[int | None, ...]:
    try:
        fs = os.statvfs(path)
    except OSError:
        return _UNKNOWN
    return fs.f_bsize, fs.f_blocks, fs.f_bfree, fs.f_bavail, fs.f_files, fs.f_ffree


def _mounts(ask: Ask) -> Iterator[tuple[Any, ...]]:
    mounts = read_mounts(ask)
    far, ours = far_points(mounts), _our_far_points(ask)
    top = {mount.path: mount.type for mount in mounts}
    wants_sizes, wants_alias = ask.wants(*_SIZES), ask.wants("device_alias")
    for mount in mounts:
        alias = _canonical(ask, mount.device, far) if wants_alias else ""
        place = ask.path(mount.path)
        waits = top[mount.path] in _TRIGGERS or is_below(mount.path, far) or is_below(place, ours)
        sizes = _sizes(place) if wants_sizes and not waits else _UNKNOWN
        texts = map(clean, (mount.device, alias, mount.path, mount.type, mount.options))
        device, alias, path, kind, options = texts
        yield device, alias, path, kind, *sizes, options


def _our_far_points(ask: Ask) -> tuple[str, ...]:
    """Those of this process, where the root folder of another host is examined."""
    if not ask.root:
        return ()
    here = Ask("", ask.used, ask.equal, ask.like, ask.clock, ask.deadline)
    return far_points(read_mounts(here))


TABLES: dict[str, Table] = {
    "mounts": Table(
        columns=("device", "device_alias", "path", "type", *_SIZES, "flags"),
        generate=_mounts,
    ),
}
