"""Tables ``process_open_sockets`` and ``listening_ports``.

Every network namespace that a process lives in is shown once, read through that process. The owner
of a socket is found among the descriptors of all processes; of several owners the last one counts,
as in osquery. The name of another user's namespace cannot be read without root: ``net_namespace``
is then ``0``. (osquery shows such a user the sockets of his own namespace twice, once under ``0``.)
"""

import os
from collections.abc import Iterator
from typing import Any

from telegraf_osquery.engines.embedded_tables import net_tables, procfs
from telegraf_osquery.engines.embedded_tables.ask import Ask, Table
from telegraf_osquery.errors import QueryTimeout

_UNIX, _IP = 1, frozenset({2, 10})
_SOCKET = "socket:["
_NOBODY = (-1, -1)

Owner = tuple[int, int]
"""Process and descriptor."""


def _owners(ask: Ask, pids: list[str]) -> dict[int, Owner]:
    """Socket inode → who holds it."""
    found: dict[int, Owner] = {}
    for pid in pids:
        _look_at_deadline(ask)
        folder = ask.path(f"/proc/{pid}/fd")
        for name in procfs.names(folder):
            target = procfs.link(f"{folder}/{name}")
            if target.startswith(_SOCKET):
                found[int(target[len(_SOCKET) : -1])] = (int(pid), int(name))
    return found


def _look_at_deadline(ask: Ask) -> None:
    """For stretches of a scan that give no row, after which the engine would look.

    Raises:
        QueryTimeout: it has passed.
    """
    if ask.deadline.expired():
        raise QueryTimeout("the deadline passed while sockets or their owners were looked for")


def _namespaces(ask: Ask, pids: list[str]) -> Iterator[tuple[str, str]]:
    """Each network namespace, ``0`` where its name cannot be read, and a folder that shows it.

    Every user may see that two processes share one: a namespace has files of its own below
    /proc/<pid>/net, with inodes of their own.
    """
    named: dict[str, str] = {}
    unnamed: list[str] = []
    for pid in pids:
        folder = ask.path(f"/proc/{pid}")
        name = procfs.link(folder + "/ns/net")[5:-1]  # net:[4026531833]
        if not name:
            unnamed.append(folder + "/net")
        elif name not in named and os.path.isdir(folder + "/net"):
            named[name] = folder + "/net"
    shown = {_inode(folder) for folder in named.values()} if unnamed else set()
    yield from named.items()
    for folder in unnamed:
        inode = _inode(folder)
        if inode and inode not in shown:
            shown.add(inode)
            yield "0", folder


def _inode(folder: str) -> int:
    try:
        return os.stat(folder + "/dev").st_ino
    except OSError:
        return 0  # the process is gone


def _open_sockets(ask: Ask) -> Iterator[tuple[Any, ...]]:
    pids = procfs.pids(ask)
    one = "pid" in ask.equal
    owners = _owners(ask, pids) if one or ask.wants("pid", "fd") else {}
    if one and not owners:
        return  # a join asks for each process: most have no socket
    for namespace, folder in _namespaces(ask, pids):
        for socket in net_tables.sockets(folder):
            owner = owners.get(socket[0])
            if owner is not None or not one:
                yield *(owner or _NOBODY), *socket, namespace


def _listening(ask: Ask) -> Iterator[tuple[Any, ...]]:
    """Sockets without a peer: all but unnamed unix sockets and connected IP sockets."""
    for row in _open_sockets(ask):
        pid, fd, inode, family, protocol, address, _, port, other, path, _, namespace = row
        if (family == _UNIX and not path) or (family in _IP and other):
            _look_at_deadline(ask)
            continue
        shown = 0 if family == _UNIX else inode  # osquery leaves it out there
        yield pid, port, protocol, family, address, fd, shown, path, namespace


_LACKS = "owners of other users' sockets (pid -1), and other network namespaces"

TABLES: dict[str, Table] = {
    "process_open_sockets": Table(
        columns=(
            "pid", "fd", "socket", "family", "protocol", "local_address", "remote_address",
            "local_port", "remote_port", "path", "state", "net_namespace",
        ),
        generate=_open_sockets,
        lacks=_LACKS,
    ),
    "listening_ports": Table(
        columns=(
            "pid", "port", "protocol", "family", "address", "fd", "socket", "path",
            "net_namespace",
        ),
        generate=_listening,
        lacks=_LACKS,
    ),
}  # fmt: skip
