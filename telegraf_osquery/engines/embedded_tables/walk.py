"""Walking through folders: never into file systems that somebody else answers for, never for ever.

A server that does not answer holds a stat or a directory listing for ever, and no deadline helps
inside a system call (see ``mounts``). Scans that find their own way (``%`` patterns, folders,
suid_bin) therefore stop at such mount points; a path that a person names is looked at wherever it
lies.
"""

import os
from collections.abc import Iterator

from telegraf_osquery.engines.embedded_tables.ask import Ask
from telegraf_osquery.engines.embedded_tables.mounts import far_points, is_below, read_mounts
from telegraf_osquery.errors import QueryTimeout

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


def _look(ask: Ask, folder: str) -> None:
    if ask.deadline.expired():
        raise QueryTimeout(f"the deadline passed while {folder} was listed")
