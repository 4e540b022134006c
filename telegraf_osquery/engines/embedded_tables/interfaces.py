"""Tables ``interface_details`` and ``interface_addresses``.

On this host the kernel is asked by netlink, as osquery does through getifaddrs(3); differing in one
point: the counters are 64 bits wide, osquery's start anew at 4 GiB. Below another root folder only
files can be read: details come from /sys/class/net without ``pci_slot``, addresses from
/proc/net/if_inet6, which has no IPv4.
"""

import socket
import struct
from collections.abc import Iterator
from typing import Any

from telegraf_osquery.engines.embedded_tables import ethtool, netlink, procfs
from telegraf_osquery.engines.embedded_tables.ask import Ask, Table
from telegraf_osquery.engines.embedded_tables.links import BROADCAST, Link, links, speed

_HEADER = struct.Struct("=BBBBI")  # ifaddrmsg: family, prefix length, flags, scope, index
_ADDRESS, _LOCAL, _LABEL, _BROADCAST = 1, 2, 3, 4


def _details(ask: Ask) -> Iterator[tuple[Any, ...]]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        for link in links(ask):
            yield (
                link.name, link.mac, link.type & 0xFF, link.mtu, 0, link.flags, *link.counters,
                -1, *_hardware(ask, control, link.name),
            )  # fmt: skip


def _hardware(ask: Ask, control: socket.socket, name: str) -> tuple[int | None, str]:
    if ask.root:
        return speed(ask, name), ""
    return (
        ethtool.speed(control, name) if ask.wants("link_speed") else None,
        ethtool.bus(control, name) if ask.wants("pci_slot") else "",
    )


def address_row(body: bytes, by_index: dict[int, Link]) -> tuple[str, ...] | None:
    """The row of one RTM_NEWADDR message, None for other families than IP.

    As the C library has it: the peer of an interface that is not point to point, or else the
    address itself, stands in for a missing broadcast address; IPv6 has neither without a peer.
    """
    family, prefix, _, _, index = _HEADER.unpack_from(body)
    found = netlink.attributes(body, _HEADER.size)
    local, other = found.get(_LOCAL, found.get(_ADDRESS)), found.get(_BROADCAST)
    if other is None and _LOCAL in found:
        other = found.get(_ADDRESS)
    link = by_index.get(index)
    if family not in (socket.AF_INET, socket.AF_INET6) or local is None or link is None:
        return None
    name = netlink.text(found.get(_LABEL)) or link.name
    address = _scoped(family, local, link.name)
    second = _scoped(family, other, link.name)
    ends = (second, "") if link.flags & BROADCAST else ("", second)
    return name, address, mask(family, prefix), *ends, "unknown"


def _scoped(family: int, raw: bytes | None, name: str) -> str:
    shown = netlink.address(family, raw)
    local = family == socket.AF_INET6 and raw is not None and _is_link_local(raw)
    return f"{shown}%{name}" if local else shown


def _is_link_local(raw: bytes) -> bool:
    return raw[0] == 0xFE and raw[1] & 0xC0 == 0x80


def mask(family: int, prefix: int) -> str:
    """The netmask of this length as an address."""
    size = 4 if family == socket.AF_INET else 16
    bits = size * 8
    raw = ((1 << bits) - (1 << (bits - min(prefix, bits)))).to_bytes(size, "big")
    return socket.inet_ntop(family, raw)


def _addresses(ask: Ask) -> Iterator[tuple[str, ...]]:
    if ask.root:
        yield from _from_file(ask)
        return
    by_index = {link.index: link for link in links(ask)}
    for body in netlink.dump(netlink.GETADDR):
        row = address_row(body, by_index)
        if row:
            yield row


def _from_file(ask: Ask) -> Iterator[tuple[str, ...]]:
    try:
        data = procfs.read_table(procfs.of_host(ask, "/proc/net/if_inet6"))
    except OSError:
        return
    for fields in map(str.split, data.decode("utf-8", "replace").split("\n")):
        if len(fields) == 6:  # address, index, prefix length, scope, flags, name
            raw = bytes.fromhex(fields[0])
            shown = _scoped(socket.AF_INET6, raw, fields[5])
            yield fields[5], shown, mask(socket.AF_INET6, int(fields[2], 16)), "", "", "unknown"


TABLES: dict[str, Table] = {
    "interface_details": Table(
        columns=(
            "interface", "mac", "type", "mtu", "metric", "flags", "ipackets", "opackets",
            "ibytes", "obytes", "ierrors", "oerrors", "idrops", "odrops", "collisions",
            "last_change", "link_speed", "pci_slot",
        ),
        generate=_details,
    ),
    "interface_addresses": Table(
        columns=("interface", "address", "mask", "broadcast", "point_to_point", "type"),
        generate=_addresses,
    ),
}  # fmt: skip
