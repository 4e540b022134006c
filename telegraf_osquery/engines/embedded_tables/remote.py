"""Mount points of network filesystems, which a scan must not walk into.

A server that does not answer holds a stat or a directory listing for ever, and no deadline helps
inside a system call. Scans that find their own way (``%`` patterns, suid_bin) therefore stop at
such mount points; a path that a person names is looked at wherever it lies.
"""

import re

_MOUNTS = "/proc/self/mountinfo"
_TYPES = frozenset(
    {
        *("nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "coda", "9p", "ceph", "lustre"),
        *("gpfs", "beegfs", "orangefs", "pvfs2", "davfs", "virtiofs", "fuse", "autofs"),
    }
)
_ESCAPED = re.compile(r"\\([0-7]{3})")


def mount_points(root: str = "") -> frozenset[str]:
    """Paths, as this process sees them, where a filesystem of another machine or program begins.

    FUSE counts (but for fuseblk, which is a local disk): its server may hang as well. So does
    autofs, where a look alone mounts. The root itself is left out: there is nowhere else to go.
    Below a root folder the mounts that its own /proc tells of count too.
    """
    points = set(_points(_MOUNTS))
    if root:
        points.update(root + point for point in _points(root + _MOUNTS))
    return frozenset(points - {"/", root})


def _points(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return [point for line in file for point in _remote(line)]
    except OSError:
        return []


def _remote(line: str) -> list[str]:
    """The mount point (field 5 of proc_pid_mountinfo(5)) if the type after `` - `` is remote."""
    before, _, after = line.partition(" - ")
    words, kinds = before.split(" "), after.split(" ")
    if len(words) <= 4 or not (kinds[0] in _TYPES or kinds[0].startswith("fuse.")):
        return []
    return [_ESCAPED.sub(lambda code: chr(int(code[1], 8)), words[4])]


def outside(points: frozenset[str], base: str) -> frozenset[str]:
    """Those of ``points`` that ``base`` does not lie in."""
    return frozenset(point for point in points if not f"{base}/".startswith(f"{point}/"))
