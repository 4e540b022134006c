"""Writes rtnetlink messages as the kernel does, from what ``ip -json`` prints."""

import ipaddress
import struct
from collections.abc import Iterable
from typing import Any

Json = dict[str, Any]

FLAGS = {
    "UP": 0x1,
    "BROADCAST": 0x2,
    "LOOPBACK": 0x8,
    "POINTOPOINT": 0x10,
    "NOARP": 0x80,
    "PROMISC": 0x100,
    "ALLMULTI": 0x200,
    "MASTER": 0x400,
    "SLAVE": 0x800,
    "MULTICAST": 0x1000,
    "LOWER_UP": 0x10000,
}
"""The names that ip(8) prints, with the kernel's bits; RUNNING (0x40) it does not print."""

_LINK_TYPES = {"loopback": 772, "ether": 1}
_ROUTE_TYPES = {"local": 2, "broadcast": 3, "anycast": 4, "multicast": 5, "blackhole": 6}
_ROUTE_TYPES |= {"unreachable": 7, "prohibit": 8}


def attribute(kind: int, payload: bytes) -> bytes:
    data = struct.pack("=HH", 4 + len(payload), kind) + payload
    return data + bytes(-len(data) % 4)


def message(kind: int, body: bytes) -> bytes:
    data = struct.pack("=IHHII", 16 + len(body), kind, 2, 1, 0) + body
    return data + bytes(-len(data) % 4)


def done() -> bytes:
    return message(3, struct.pack("=i", 0))


def _packed(address: str) -> bytes:
    return ipaddress.ip_address(address).packed


def link(shown: Json, stats: Iterable[int] = (0,) * 10) -> bytes:
    """RTM_NEWLINK of an entry of ``ip -json link``."""
    flags = sum(FLAGS[name] for name in shown["flags"])
    header = struct.pack("=BxHiII", 0, _LINK_TYPES[shown["link_type"]], shown["ifindex"], flags, 0)
    return message(
        16,
        header
        + attribute(3, shown["ifname"].encode() + b"\0")
        + attribute(4, struct.pack("=I", shown["mtu"]))
        + attribute(1, bytes.fromhex(shown["address"].replace(":", "")))
        + attribute(23, struct.pack("=10Q", *stats)),
    )


def address(index: int, shown: Json) -> bytes:
    """RTM_NEWADDR of an entry of ``addr_info``."""
    is_ipv4 = shown["family"] == "inet"
    header = struct.pack("=BBBBI", 2 if is_ipv4 else 10, shown["prefixlen"], 0, 0, index)
    data = attribute(1, _packed(str(shown.get("address", shown["local"]))))
    if is_ipv4 or "address" in shown:
        data += attribute(2, _packed(shown["local"]))
    if "broadcast" in shown:
        data += attribute(4, _packed(shown["broadcast"]))
    if is_ipv4:
        data += attribute(3, shown["label"].encode() + b"\0")
    return message(20, header + data)


def route(shown: Json, indexes: dict[str, int]) -> bytes:
    """RTM_NEWROUTE of an entry of ``ip -json route show table all``."""
    target = shown["dst"]
    is_ipv6 = ":" in target + shown.get("gateway", "")
    bits = 128 if is_ipv6 else 32
    host, _, length = target.partition("/")
    prefix = 0 if target == "default" else int(length or bits)
    kind = _ROUTE_TYPES.get(shown.get("type", ""), 1)
    header = struct.pack("=BBBBBBBBI", 10 if is_ipv6 else 2, prefix, 0, 0, 254, 3, 0, kind, 0)
    data = b"" if target == "default" else attribute(1, _packed(host))
    for metric in shown.get("metrics", []):
        data += attribute(0x8000 | 8, attribute(2, struct.pack("=I", metric["mtu"])))
    if "prefsrc" in shown:
        data += attribute(7, _packed(shown["prefsrc"]))
    if "metric" in shown:
        data += attribute(6, struct.pack("=I", shown["metric"]))
    return message(24, header + data + _hops(shown, indexes))


def _hops(shown: Json, indexes: dict[str, int]) -> bytes:
    if "nexthops" in shown:
        hops = b""
        for hop in shown["nexthops"]:
            gateway = attribute(5, _packed(hop["gateway"]))
            hops += struct.pack("=HBBi", 8 + len(gateway), 0, 0, indexes[hop["dev"]]) + gateway
        return attribute(9, hops)
    data = attribute(5, _packed(shown["gateway"])) if "gateway" in shown else b""
    if "dev" in shown:
        data += attribute(4, struct.pack("=I", indexes[shown["dev"]]))
    return data
