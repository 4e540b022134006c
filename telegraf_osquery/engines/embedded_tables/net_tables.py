"""The socket tables of the kernel, /proc/<pid>/net/{tcp,udp,raw,unix,packet,...}.

Numbers and names are those osquery prints (osquery/filesystem/linux/proc.cpp): the protocol of
``raw`` is 255 and its port is the IP protocol; only TCP has a state; a packet socket's is ``NONE``.
"""

import socket
import sys
from collections.abc import Callable, Iterator

from telegraf_osquery.engines.embedded_tables import procfs

Socket = tuple[int, int, int, str, str, int, int, str, str]
"""Inode, family, protocol, local and remote address, local and remote port, path, state."""

_UNIX, _INET, _INET6, _PACKET = 1, 2, 10, 17
_INET_TABLES = (("icmp", 1), ("tcp", 6), ("udp", 17), ("udplite", 136), ("raw", 255))
_TCP = 6
_STATES = (
    "UNKNOWN",
    "ESTABLISHED",
    "SYN_SENT",
    "SYN_RECV",
    "FIN_WAIT1",
    "FIN_WAIT2",
    "TIME_WAIT",
    "CLOSED",
    "CLOSE_WAIT",
    "LAST_ACK",
    "LISTEN",
    "CLOSING",
)


def address(digits: str) -> str:
    """The IPv4 or IPv6 address of 8 or 32 hex digits: words of 32 bits in the host's byte order.

    Raises:
        ValueError: not such digits.
    """
    raw = bytes.fromhex(digits)
    if sys.byteorder == "little":
        raw = b"".join(raw[at : at + 4][::-1] for at in range(0, len(raw), 4))
    return socket.inet_ntop(socket.AF_INET if len(raw) == 4 else socket.AF_INET6, raw)


def _inet(family: int, protocol: int) -> Callable[[bytes], Socket]:
    known: dict[str, str] = {}  # the same few addresses come again and again

    def end(word: str) -> tuple[str, int]:
        digits, port = word.split(":")
        shown = known.get(digits)
        if shown is None:
            shown = known[digits] = address(digits)
        return shown, int(port, 16)

    def parse(line: bytes) -> Socket:
        fields = line.decode("ascii").split()
        (here, port), (there, other) = end(fields[1]), end(fields[2])
        state = ""
        if protocol == _TCP:
            number = int(fields[3], 16)
            state = _STATES[number] if number < len(_STATES) else _STATES[0]
        return int(fields[9]), family, protocol, here, there, port, other, "", state

    return parse


def _unix(line: bytes) -> Socket:
    fields = line.split(None, 7)
    path = procfs.text(fields[7]) if len(fields) > 7 else ""
    return int(fields[6]), _UNIX, int(fields[2], 16), "", "", 0, 0, path, ""


def _packet(line: bytes) -> Socket:
    fields = line.split()
    return int(fields[8]), _PACKET, int(fields[3], 16), "", "", 0, 0, "", "NONE"


def _tables() -> Iterator[tuple[str, Callable[[bytes], Socket]]]:
    """File names and line parsers, in osquery's order."""
    for name, protocol in _INET_TABLES:
        yield name, _inet(_INET, protocol)
        yield name + "6", _inet(_INET6, protocol)
    yield "unix", _unix
    yield "packet", _packet


def sockets(folder: str) -> Iterator[Socket]:
    """All sockets of the tables in this folder; tables that are not there have none."""
    for name, parse in _tables():
        yield from _table(f"{folder}/{name}", parse)


def _table(path: str, parse: Callable[[bytes], Socket]) -> Iterator[Socket]:
    try:
        lines = procfs.lines(path)
        next(lines, None)  # the heading
        for line in lines:
            try:
                yield parse(line)
            except (ValueError, IndexError):
                continue  # the second line of a path with a newline in it, or a short line
    except OSError:
        return
