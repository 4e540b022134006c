"""A small reader of rtnetlink(7): ask for a dump, walk its messages and their attributes.

It shows the network namespace of this process, whatever root folder is examined.
"""

import socket
import struct
from collections.abc import Iterator

GETLINK, GETADDR, GETROUTE = 18, 22, 26

_HEADER = struct.Struct("=IHHII")  # length with header, type, flags, sequence, port
_ATTRIBUTE = struct.Struct("=HH")  # length with header, type
_NUMBER = struct.Struct("=I")
_ERROR_CODE = struct.Struct("=i")
_REQUEST_DUMP = 0x301  # NLM_F_REQUEST | NLM_F_ROOT | NLM_F_MATCH
_ERROR, _DONE = 2, 3
_TYPE_MASK = 0x3FFF  # the rest of a type are NLA_F_NESTED and NLA_F_NET_BYTEORDER
_BUFFER = 65536  # the kernel never sends more in one piece of a dump
_SIZES: dict[int, int] = {socket.AF_INET: 4, socket.AF_INET6: 16}
_SECONDS = 10.0  # the kernel answers at once; this only keeps a lane from waiting for ever

Attributes = dict[int, bytes]


def dump(kind: int) -> Iterator[bytes]:
    """The body of each message of a dump over all address families.

    Raises:
        OSError: netlink cannot be used here, or the kernel refused.
    """
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC) as link:
        link.settimeout(_SECONDS)
        link.send(_HEADER.pack(_HEADER.size + 4, kind, _REQUEST_DUMP, 1, 0) + bytes(4))
        more = True
        while more:
            bodies, more = messages(link.recv(_BUFFER))
            yield from bodies


def messages(data: bytes) -> tuple[list[bytes], bool]:
    """The bodies in one piece of a dump, and whether more pieces follow.

    Raises:
        OSError: the kernel's error message.
    """
    bodies: list[bytes] = []
    at = 0
    while at + _HEADER.size <= len(data):
        length, kind, *_ = _HEADER.unpack_from(data, at)
        if kind in (_ERROR, _DONE):
            (code,) = _ERROR_CODE.unpack_from(data.ljust(at + 20, b"\0"), at + _HEADER.size)
            if code:
                raise OSError(-code, "netlink: the kernel refused the dump")
            return bodies, False
        bodies.append(data[at + _HEADER.size : at + length])
        at += max(_aligned(length), _HEADER.size)
    return bodies, True


def attributes(data: bytes, at: int = 0) -> Attributes:
    """Type → payload, from this offset on; of a type that comes twice the last."""
    found: Attributes = {}
    while at + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, at)
        if length < _ATTRIBUTE.size:
            break
        found[kind & _TYPE_MASK] = data[at + _ATTRIBUTE.size : at + length]
        at += _aligned(length)
    return found


def _aligned(length: int) -> int:
    return (length + 3) & ~3


def number(data: bytes | None) -> int:
    """An attribute of 32 bits, 0 when it is absent."""
    return int(_NUMBER.unpack_from(data)[0]) if data else 0


def text(data: bytes | None) -> str:
    """An attribute that is a C string, ``""`` when it is absent."""
    return (data or b"").partition(b"\0")[0].decode("utf-8", "replace")


def address(family: int, data: bytes | None) -> str:
    """An attribute that is an IP address, ``""`` when it is absent or of another family."""
    if not data or len(data) != _SIZES.get(family):
        return ""
    return socket.inet_ntop(family, data)
