"""Where a path of the examined host really lies.

With a root folder (a fixture, a mounted image) an absolute link must lead to a place below that
root, as it would on that host, and ``..`` must not climb above it. The kernel offers no such lookup
to Python, so the links are followed here, one by one. Without a root the kernel does it.
"""

import errno
import os
from collections.abc import Container

_LINKS_MAX = 40  # as in Linux, fs/namei.c


def resolve(
    root: str, path: str, *, last: bool = True, remote: Container[str] | None = None
) -> str:
    """The real path of the absolute ``path``, free of links.

    Without a root and without ``remote`` the path itself is returned: the kernel follows its links.
    What does not exist is no error here; the next system call says so.

    Args:
        root: the root folder without a final slash, empty for this host itself.
        path: absolute, as the examined host writes it.
        last: whether a link as the last part is followed.
        remote: mount points that must not be entered, not even looked at.

    Raises:
        OSError: ELOOP for links in a ring, EXDEV where the way leads into one of ``remote``.
    """
    if not root and remote is None:
        return path
    pending = path.split("/")[::-1]
    done = ""
    links = 0
    while pending:
        part = pending.pop()
        if part in {"", "."}:
            continue
        if part == "..":
            done = done.rpartition("/")[0]
            continue
        here = f"{done}/{part}"
        if remote is not None and root + here in remote:
            raise OSError(errno.EXDEV, "lies on a network filesystem", root + here)
        target = _target(root + here) if last or pending else ""
        if not target:
            done = here
            continue
        links += 1
        if links > _LINKS_MAX:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
        if target.startswith("/"):
            done = ""
        pending += target.split("/")[::-1]
    return root + (done or "/")


def _target(path: str) -> str:
    """What a link holds; empty for anything else and for what is not there."""
    try:
        return os.readlink(path)
    except OSError:
        return ""
