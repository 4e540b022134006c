"""Network interfaces as the kernel lists them: by netlink on this host, else by /sys/class/net."""

import os
import struct
from collections.abc import Iterator

import msgspec

from telegraf_osquery.engines.embedded_tables import netlink, procfs
from telegraf_osquery.engines.embedded_tables.ask import Ask

_HEADER = struct.Struct("=BxHiII")  # ifinfomsg: family, type, index, flags, change
_NAME, _ADDRESS, _MTU, _STATS64 = 3, 1, 4, 23
_STATS = struct.Struct("=10Q")
_NO_STATS = (0,) * 9
_COUNTERS = (
    "rx_packets", "tx_packets", "rx_bytes", "tx_bytes", "rx_errors", "tx_errors", "rx_dropped",
    "tx_dropped", "collisions",
)  # fmt: skip

BROADCAST = 0x2
"""IFF_BROADCAST of netdevice(7)."""


class Link(msgspec.Struct, frozen=True):
    """One interface.

    Attributes:
        type: ARPHRD_* of the kernel.
        counters: packets in and out, bytes in and out, errors in and out, drops in and out,
            collisions; 64 bits wide.
    """

    index: int
    name: str
    mac: str
    type: int
    mtu: int
    flags: int
    counters: tuple[int, ...]


def links(ask: Ask) -> Iterator[Link]:
    """All interfaces, in the kernel's order.

    Raises:
        OSError: the host's interfaces cannot be listed.
    """
    if ask.root:
        yield from filter(None, (_from_files(ask, name) for name in _names(ask)))
    else:
        yield from map(parse, netlink.dump(netlink.GETLINK))


def parse(body: bytes) -> Link:
    """One RTM_NEWLINK message."""
    _, kind, index, flags, _ = _HEADER.unpack_from(body)
    found = netlink.attributes(body, _HEADER.size)
    stats = _NO_STATS
    if len(found.get(_STATS64, b"")) >= _STATS.size:
        *first, _, collisions = _STATS.unpack_from(found[_STATS64])  # the ninth is multicast
        stats = (*first, collisions)
    name, mac = netlink.text(found.get(_NAME)), _mac(found.get(_ADDRESS, b""))
    return Link(index, name, mac, kind, netlink.number(found.get(_MTU)), flags, stats)


def _mac(raw: bytes) -> str:
    return raw[:6].ljust(6, b"\0").hex(":")  # always six bytes, as SIOCGIFHWADDR gives them


def _names(ask: Ask) -> list[str]:
    """The names in /sys/class/net, ordered by index."""
    names = procfs.names(ask.path("/sys/class/net"))
    return sorted(names, key=lambda name: _number(ask, name, "ifindex"))


def _from_files(ask: Ask, name: str) -> Link | None:
    if not os.path.isdir(ask.path(f"/sys/class/net/{name}")):
        return None  # such as the file bonding_masters
    index, kind, mtu, flags = (
        _number(ask, name, file) for file in ("ifindex", "type", "mtu", "flags")
    )
    words = _text(ask, name, "address").split(":")
    mac = _mac(bytes(int(word, 16) for word in words if word))
    counters = tuple(_number(ask, name, f"statistics/{file}") for file in _COUNTERS)
    return Link(index, name, mac, kind, mtu, flags, counters)


def _text(ask: Ask, name: str, file: str) -> str:
    try:
        return procfs.text(procfs.read(ask.path(f"/sys/class/net/{name}/{file}"))).strip()
    except OSError:
        return ""  # also where the driver has nothing to say (EINVAL)


def _number(ask: Ask, name: str, file: str) -> int:
    try:
        return int(_text(ask, name, file), 0)
    except ValueError:
        return 0


def speed(ask: Ask, name: str) -> int:
    """Mbit/s by /sys, 0 where unknown."""
    return max(0, _number(ask, name, "speed"))
