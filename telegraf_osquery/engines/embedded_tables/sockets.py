"""Tables ``process_open_sockets`` and ``listening_ports``.

Every network namespace that a process lives in is shown once, read through that process. The owner
of a socket is found among the descriptors of all processes; of several owners the last one counts,
as in osquery. Without root a namespace cannot be told apart: ``net_namespace`` is then ``0``, and
what a known namespace has shown is not shown again under it (in osquery it is).
"""

import os
from collections.abc import Iterator
from typing import Any

from telegraf_osquery.engines.embedded_tables import net_tables, procfs
from telegraf_osquery.engines.embedded_tables.ask import Ask, Table

_UNIX, _IP = 1, frozenset({2, 10})
_SOCKET = "socket:["
_NOBODY = (-1, -1)

Owner = tuple[int, int]
"""Process and descriptor."""


def _owners(ask: Ask, pids: list[str]) -> dict[int, Owner]:
    """Socket inode → who holds it."""
    found: dict[int, Owner] = {}
    for pid in pids:
        folder = ask.path(f"/proc/{pid}/fd")
        for name in procfs.names(folder):
            target = procfs.link(f"{folder}/{name}")
            if target.startswith(_SOCKET):
                found[int(target[len(_SOCKET) : -1])] = (int(pid), int(name))
    return found


def _namespaces(ask: Ask, pids: list[str]) -> dict[str, list[str]]:
    """Network namespace → the processes in it; ``0``, at the end, where it cannot be known."""
    found: dict[str, list[str]] = {}
    for pid in pids:
        target = procfs.link(ask.path(f"/proc/{pid}/ns/net"))  # net:[4026531833]
        found.setdefault(target[5:-1] or "0", []).append(pid)
    if "0" in found:
        found["0"] = found.pop("0")
    return found


def _in_namespace(ask: Ask, pids: list[str]) -> Iterator[net_tables.Socket]:
    """The sockets seen through the first of these processes that is still there."""
    folders = (ask.path(f"/proc/{pid}/net") for pid in pids)
    folder = next(filter(os.path.isdir, folders), "")
    return net_tables.sockets(folder) if folder else iter(())


def _all(ask: Ask, pids: list[str]) -> Iterator[tuple[str, net_tables.Socket]]:
    namespaces = _namespaces(ask, pids)
    seen: set[net_tables.Socket] | None = (
        set() if len(namespaces) > 1 and "0" in namespaces else None
    )
    for namespace, members in namespaces.items():
        for socket in _in_namespace(ask, members):
            if seen is not None:
                if namespace == "0" and socket in seen:
                    continue
                seen.add(socket)
            yield namespace, socket


def _open_sockets(ask: Ask) -> Iterator[tuple[Any, ...]]:
    pids = procfs.pids(ask)
    one = "pid" in ask.equal
    owners = _owners(ask, pids) if one or ask.wants("pid", "fd") else {}
    for namespace, socket in _all(ask, pids):
        owner = owners.get(socket[0])
        if owner is not None or not one:
            yield *(owner or _NOBODY), *socket, namespace


def _listening(ask: Ask) -> Iterator[tuple[Any, ...]]:
    """Sockets without a peer: all but unnamed unix sockets and connected IP sockets."""
    for row in _open_sockets(ask):
        pid, fd, inode, family, protocol, address, _, port, other, path, _, namespace = row
        if (family == _UNIX and not path) or (family in _IP and other):
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
