"""Tables interface_details, interface_addresses, routes and arp_cache, by netlink.

``testcases/network/live`` has the rows of osquery in a namespace, and what ``ip -json`` said there.
"""

import ipaddress
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telegraf_osquery.engines.embedded_tables import interfaces, links, netlink, routes
from tests.engines.tables.asking import rows, table
from tests.engines.tree import printed
from tests.fakes import netlink as fake

LIVE = Path(__file__).parents[2] / "testcases" / "network" / "live"
Rows = list[dict[str, Any]]


def _recorded(name: str) -> Rows:
    found: Rows = json.loads((LIVE / f"{name}.json").read_bytes())
    return found


def _printed(name: str, found: list[tuple[Any, ...]]) -> Rows:
    columns = table(name).columns
    return [dict(zip(columns, map(printed, row), strict=True)) for row in found]


def _bodies(*messages: bytes) -> list[bytes]:
    bodies, more = netlink.messages(b"".join(messages) + fake.done())
    assert not more
    return bodies


def _links() -> dict[int, links.Link]:
    shown = _recorded("ip_addr")
    return {link.index: link for link in map(links.parse, _bodies(*map(fake.link, shown)))}


def test_addresses_are_those_that_osquery_gave() -> None:
    """Labels, masks, broadcast or peer, and the scope of link-local ones."""
    messages = [
        fake.address(link["ifindex"], info)
        for family in ("inet", "inet6")
        for link in _recorded("ip_addr")
        for info in link["addr_info"]
        if info["family"] == family
    ]
    found = [interfaces.address_row(body, _links()) for body in _bodies(*messages)]
    ours = _printed("interface_addresses", [row for row in found if row])
    by_text = json.dumps
    recorded = _recorded("interface_addresses")
    assert sorted(map(by_text, map(_sorted, ours))) == sorted(map(by_text, map(_sorted, recorded)))


def _sorted(row: dict[str, Any]) -> dict[str, Any]:
    return dict(sorted(row.items()))


def test_routes_are_those_that_osquery_gave() -> None:
    """Each row in the kernel's order: prefix length, gateway, source, metrics, type."""
    names = {index: link.name for index, link in _links().items()}
    indexes = {name: index for index, name in names.items()}
    messages = [fake.route(route, indexes) for route in _recorded("ip_route")]
    found = [row for body in _bodies(*messages) for row in routes.rows(body, names)]
    assert _printed("routes", found) == [
        {name: row[name] for name in table("routes").columns} for row in _recorded("routes")
    ]


def test_links_are_those_that_osquery_gave() -> None:
    """Names, addresses and sizes of the interfaces, and eight bits of their type."""
    shown = ("interface", "mac", "type", "mtu")
    found = [
        dict(zip(shown, map(printed, (x.name, x.mac, x.type & 0xFF, x.mtu)), strict=True))
        for x in _links().values()
    ]
    assert found == [{name: row[name] for name in shown} for row in _recorded("interface_details")]


def test_counters_are_wide_and_leave_out_multicast() -> None:
    """A counter beyond 4 GiB does not start anew; collisions are the tenth of the kernel's list."""
    shown = _recorded("ip_addr")[1]
    link = links.parse(_bodies(fake.link(shown, (1, 2, 1 << 40, 4, 5, 6, 7, 8, 99, 9)))[0])
    assert link.counters == (1, 2, 1 << 40, 4, 5, 6, 7, 8, 9)


def test_a_peer_address_is_shown() -> None:
    """A point-to-point address has the other end instead of a broadcast address."""
    tunnel = {
        "ifindex": 9,
        "ifname": "tun0",
        "flags": ["POINTOPOINT", "UP"],
        "mtu": 1400,
        "link_type": "ether",
        "address": "",
    }
    link = links.parse(_bodies(fake.link(tunnel))[0])
    assert link.mac == "00:00:00:00:00:00"
    info = {"family": "inet", "local": "192.0.2.1", "address": "192.0.2.9", "prefixlen": 32}
    body = _bodies(fake.address(9, info | {"label": "tun0"}))[0]
    assert interfaces.address_row(body, {9: link}) == (
        "tun0",
        "192.0.2.1",
        "255.255.255.255",
        "",
        "192.0.2.9",
        "unknown",
    )


def test_a_route_with_several_hops_has_a_row_for_each() -> None:
    """Each with its own gateway and interface."""
    hops = [{"gateway": "192.0.2.2", "dev": "eth0"}, {"gateway": "192.0.2.3", "dev": "eth1"}]
    body = _bodies(fake.route({"dst": "198.51.100.0/24", "nexthops": hops}, {"eth0": 2, "eth1": 3}))
    found = list(routes.rows(body[0], {2: "eth0", 3: "eth1"}))
    assert [(row[0], row[2], row[5]) for row in found] == [
        ("198.51.100.0", "192.0.2.2", "eth0"),
        ("198.51.100.0", "192.0.2.3", "eth1"),
    ]


def test_an_ipv4_route_over_an_ipv6_gateway_shows_it() -> None:
    """The kernel gives such a gateway its own attribute (RTA_VIA)."""
    via = struct.pack("=H", socket.AF_INET6) + ipaddress.ip_address("fe80::1").packed
    header = struct.pack("=BBBBBBBBI", 2, 0, 0, 0, 254, 3, 0, 1, 0)
    (row,) = routes.rows(header + fake.attribute(18, via), {})
    assert (row[0], row[2]) == ("0.0.0.0", "fe80::1")  # noqa: S104 - the default route


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 32))
def test_an_ipv4_mask_is_that_of_its_length(prefix: int) -> None:
    """As the ipaddress module has it."""
    expected = ipaddress.ip_network(f"0.0.0.0/{prefix}").netmask
    assert interfaces.mask(socket.AF_INET, prefix) == str(expected)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 0x3FFF), st.binary(max_size=40))))
def test_attributes_are_read_back(written: list[tuple[int, bytes]]) -> None:
    """Whatever their lengths, each is found where the padding of the last one ends."""
    data = b"".join(fake.attribute(kind, payload) for kind, payload in written)
    assert netlink.attributes(b"head" + data, 4) == dict(written)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_cut_or_odd_attributes_end_the_list(data: bytes) -> None:
    """Any bytes end in a result, never in an endless loop."""
    assert all(len(payload) <= len(data) for payload in netlink.attributes(data).values())


def test_the_kernels_refusal_is_an_error() -> None:
    """An NLMSG_ERROR message becomes OSError with its number."""
    refusal = fake.message(2, struct.pack("=i", -1) + bytes(16))
    with pytest.raises(PermissionError, match="netlink"):
        netlink.messages(refusal)


def test_the_tables_of_this_host_can_be_read() -> None:
    """There is a loopback interface here, and its rows fit the table."""
    names = {row["interface"] for row in rows("interface_details")}
    assert "lo" in names
    assert {row["interface"].partition(":")[0] for row in rows("interface_addresses")} <= names
    assert {row["interface"] for row in rows("routes")} <= names | {""}


def _sys(root: Path, name: str, **files: str) -> None:
    folder = root / "sys" / "class" / "net" / name
    (folder / "statistics").mkdir(parents=True)
    for file, text in files.items():
        (folder / file.replace("__", "/")).write_text(text + "\n")


def test_below_another_root_details_come_from_sys(tmp_path: Path) -> None:
    """Ordered by index; the bus address is not known there, nor a speed below 0."""
    _sys(tmp_path, "lo", ifindex="1", type="772", mtu="65536", flags="0x9", address="00:00")
    _sys(
        tmp_path,
        "eth0",
        ifindex="2",
        type="1",
        flags="0x1003",
        address="02:00:00:00:00:01",
        speed="10000",
        mtu="1500",
        statistics__rx_packets="7",
        statistics__collisions="3",
    )
    _sys(tmp_path, "br0", ifindex="3", speed="-1")
    (tmp_path / "sys" / "class" / "net" / "bonding_masters").write_text("\n")
    lo, eth, bridge = rows("interface_details", tmp_path)
    assert (lo["interface"], lo["type"], lo["mac"]) == ("lo", 4, "00:00:00:00:00:00")
    assert (eth["mac"], eth["flags"], eth["link_speed"]) == ("02:00:00:00:00:01", 4099, 10000)
    assert (eth["ipackets"], eth["collisions"], eth["pci_slot"]) == (7, 3, "")
    assert (bridge["link_speed"], bridge["mtu"]) == (0, 0)


SETUP = """
link set lo up
link add peer0 index 2 address 02:00:00:00:00:0f type veth peer name eth0 index 3 address {eth0}
link add br0 index 4 address 02:00:00:00:00:aa type bridge
link set peer0 addrgenmode none
link set eth0 addrgenmode none mtu 1400
addr add 192.0.2.5/24 brd + dev eth0
addr add 192.0.2.6/32 dev eth0 label eth0:1
link set peer0 up
link set eth0 up
addr add fe80::ff:fe00:f/64 dev peer0 nodad
addr add fe80::ff:fe00:1/64 dev eth0 nodad
addr add 2001:db8::5/64 dev eth0 nodad
route add default via 192.0.2.1
route add 198.51.100.0/24 via 192.0.2.2 src 192.0.2.6 metric 50 mtu 1300
route add blackhole 203.0.113.0/24
route add unreachable 203.0.113.128/25
route add 2001:db8:1::/48 via 2001:db8::2
route add default via 2001:db8::1
neigh add 192.0.2.2 lladdr 02:00:00:00:00:02 dev eth0 nud permanent
neigh add 192.0.2.3 lladdr 02:00:00:00:00:03 dev eth0 nud stale
"""
INSIDE = """
import json, subprocess, sys
sys.path[:0] = {path!r}
from tests.engines.tables.asking import rows
for line in {setup!r}.strip().splitlines():
    done = subprocess.run(["ip", *line.split()], capture_output=True, text=True)
    if done.returncode:
        sys.exit("ip " + line + ": " + done.stderr)
tables = "interface_details", "interface_addresses", "routes", "arp_cache"
found = {{name: rows(name) for name in tables}}
found["ip"] = json.loads(subprocess.check_output(["ip", "-s", "-j", "link"]))
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def namespace() -> dict[str, Rows]:
    """The four tables and ``ip -json`` in a namespace set up like the recorded one."""
    if os.geteuid() != 0 or not (shutil.which("unshare") and shutil.which("ip")):
        pytest.skip("needs root, unshare(1) and ip(8)")
    code = INSIDE.format(path=sys.path, setup=SETUP.format(eth0="02:00:00:00:00:01"))
    done = subprocess.run(
        ["unshare", "-n", sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"the namespace cannot be set up here: {done.stderr.strip()}")
    found: dict[str, Rows] = json.loads(done.stdout)
    return found


def _comparable(found: Rows, columns: tuple[str, ...]) -> list[list[str | None]]:
    return sorted([[printed(row[name]) for name in columns] for row in found], key=repr)


@pytest.mark.parametrize("name", ["interface_details", "interface_addresses", "arp_cache"])
def test_a_namespace_like_the_recorded_one_gives_the_recorded_rows(
    namespace: dict[str, Rows], name: str
) -> None:
    """What the kernel says today is what osquery showed, cell by cell."""
    recorded = _recorded(name)
    columns = tuple(recorded[0])
    assert _comparable(namespace[name], columns) == _comparable(recorded, columns)


def test_routes_of_such_a_namespace_are_the_recorded_ones(namespace: dict[str, Rows]) -> None:
    """Beside them the kernel has those of link-local addresses, which were still being probed."""
    columns = table("routes").columns
    found = _comparable(namespace["routes"], columns)
    more = [row for row in found if row not in _comparable(_recorded("routes"), columns)]
    assert [row for row in found if row not in more] == _comparable(_recorded("routes"), columns)
    assert {(row[0], row[8]) for row in more} <= {
        ("fe80::ff:fe00:1", "local"),
        ("fe80::ff:fe00:f", "local"),
        ("2001:db8::", "anycast"),
        ("fe80::", "anycast"),
    }


def test_flags_and_counters_agree_with_ip(namespace: dict[str, Rows]) -> None:
    """The bits that ip(8) names are set, and no other of those; so are the counters."""
    for row, shown in zip(namespace["interface_details"], namespace["ip"], strict=True):
        assert row["interface"] == shown["ifname"]
        named = {name for name, bit in fake.FLAGS.items() if row["flags"] & bit}
        assert named == set(shown["flags"]) & set(fake.FLAGS)
        into, out = shown["stats64"]["rx"], shown["stats64"]["tx"]  # asked a moment later
        assert 0 <= into["bytes"] - row["ibytes"] <= 2000
        assert 0 <= out["packets"] - row["opackets"] <= 20
        assert (row["oerrors"], row["idrops"]) == (out["errors"], into["dropped"])
