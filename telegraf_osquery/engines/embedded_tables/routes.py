"""Table ``routes``: the routing tables of IPv4 and IPv6, all of them, without cached routes.

On this host by netlink, as in osquery (osquery/tables/networking/linux/routes.cpp); other than
there a route with several next hops has a row for each. ``netmask`` is the length of the prefix, 0
for host and default routes. Below another root folder /proc/net/route and /proc/net/ipv6_route are
read: they lack the IPv4 routes of the table ``local``, ``source``, ``mtu`` and ``hopcount``.
"""

import socket
import struct
from collections.abc import Iterator
from typing import Any

from telegraf_osquery.engines.embedded_tables import net_tables, netlink, procfs
from telegraf_osquery.engines.embedded_tables.ask import Ask, Table

_HEADER = struct.Struct("=BBBBBBBBI")  # rtmsg: family, dst_len, …, type (the eighth), flags
_DST, _OIF, _GATEWAY, _PRIORITY, _PREFSRC, _METRICS, _MULTIPATH, _VIA = 1, 4, 5, 6, 7, 8, 9, 18
_METRIC_MTU, _METRIC_HOPLIMIT = 2, 10
_NEXTHOP = struct.Struct("=HBBi")  # rtnexthop: length, flags, hops, interface index
_TYPES = {1: "gateway", 2: "local", 3: "broadcast", 4: "anycast"}
_OTHER = "other"
_BITS: dict[int, int] = {socket.AF_INET: 32, socket.AF_INET6: 128}
_ANY: dict[int, str] = {socket.AF_INET: "0.0.0.0", socket.AF_INET6: "::"}  # noqa: S104 - the default route
_REJECT, _LOCAL, _ANYCAST = 0x200, 0x80000000, 0x100000  # flags in the files, linux/ipv6_route.h
_NO_ROUTE = 0xFFFFFFFF  # metric of the entry that stands for "no route"

Row = tuple[Any, ...]


def rows(body: bytes, names: dict[int, str]) -> Iterator[Row]:
    """The rows of one RTM_NEWROUTE message, none for other families than IP."""
    family, length, *_, kind, flags = _HEADER.unpack_from(body)
    if family not in _BITS:
        return
    found = netlink.attributes(body, _HEADER.size)
    metrics = netlink.attributes(found.get(_METRICS, b""))
    for index, gateway in _hops(family, found):
        yield (
            netlink.address(family, found.get(_DST)) or _ANY[family],
            0 if length == _BITS[family] else length,
            gateway,
            netlink.address(family, found.get(_PREFSRC)),
            flags,
            names.get(index, ""),
            netlink.number(metrics.get(_METRIC_MTU)),
            netlink.number(found.get(_PRIORITY)),
            _TYPES.get(kind, _OTHER),
            netlink.number(metrics.get(_METRIC_HOPLIMIT)),
        )


def _hops(family: int, found: netlink.Attributes) -> Iterator[tuple[int, str]]:
    """Interface index and gateway of each next hop; one, maybe without either."""
    several = found.get(_MULTIPATH)
    if several is None:
        yield netlink.number(found.get(_OIF)), _gateway(family, found)
        return
    at = 0
    while at + _NEXTHOP.size <= len(several):
        length, _, _, index = _NEXTHOP.unpack_from(several, at)
        hop = netlink.attributes(several[at : at + length], _NEXTHOP.size)
        yield index, _gateway(family, hop)
        at += max((length + 3) & ~3, _NEXTHOP.size)


def _gateway(family: int, found: netlink.Attributes) -> str:
    via = found.get(_VIA)
    if via:  # IPv4 over an IPv6 gateway: the family in 16 bits, then the address
        return netlink.address(struct.unpack_from("=H", via)[0], via[2:])
    return netlink.address(family, found.get(_GATEWAY))


def _routes(ask: Ask) -> Iterator[Row]:
    if ask.root:
        yield from _from_ipv4_file(ask)
        yield from _from_ipv6_file(ask)
        return
    names = dict(socket.if_nameindex())
    for body in netlink.dump(netlink.GETROUTE):
        yield from rows(body, names)


def _fields(ask: Ask, path: str, count: int) -> Iterator[list[str]]:
    try:
        for line in procfs.lines(procfs.of_host(ask, path)):
            fields = line.decode("ascii", "replace").split()
            if len(fields) >= count:
                yield fields
    except OSError:
        return


def _from_ipv4_file(ask: Ask) -> Iterator[Row]:
    for fields in _fields(ask, "/proc/net/route", 11):
        name, destination, gateway, flags, _, _, metric, netmask, *_ = fields
        if name == "Iface":
            continue
        rejected = name == "*" or int(flags, 16) & _REJECT
        length = int(netmask, 16).bit_count()
        yield (
            net_tables.address(destination), 0 if length == 32 else length,
            net_tables.address(gateway) if int(gateway, 16) else "", "", 0,
            "" if name == "*" else name, None, int(metric),
            _OTHER if rejected else "gateway", None,
        )  # fmt: skip


def _from_ipv6_file(ask: Ask) -> Iterator[Row]:
    for fields in _fields(ask, "/proc/net/ipv6_route", 10):
        destination, length, _, _, gateway, metric, _, _, flags, name = fields
        if int(metric, 16) == _NO_ROUTE:
            continue
        bits = int(length, 16)
        yield (
            _ipv6(destination), 0 if bits == 128 else bits,
            _ipv6(gateway) if int(gateway, 16) else "", "", 0, name, None, int(metric, 16),
            _ipv6_type(destination, int(flags, 16)), None,
        )  # fmt: skip


def _ipv6(digits: str) -> str:
    return socket.inet_ntop(socket.AF_INET6, bytes.fromhex(digits))  # not swapped in this file


def _ipv6_type(destination: str, flags: int) -> str:
    if flags & _REJECT or destination.startswith("ff"):
        return _OTHER
    if flags & _LOCAL:
        return "local"
    return "anycast" if flags & _ANYCAST else "gateway"


TABLES: dict[str, Table] = {
    "routes": Table(
        columns=(
            "destination", "netmask", "gateway", "source", "flags", "interface", "mtu", "metric",
            "type", "hopcount",
        ),
        generate=_routes,
    ),
}  # fmt: skip
