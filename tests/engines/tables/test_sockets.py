"""Tables process_open_sockets and listening_ports."""

import ipaddress
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telegraf_osquery.clock import Deadline
from telegraf_osquery.engines.embedded_tables import net_tables
from telegraf_osquery.engines.embedded_tables.ask import Ask
from telegraf_osquery.errors import QueryTimeout
from tests.engines.tables.asking import rows, table
from tests.fakes.clock import ManualClock

HEADING = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n"
NAMESPACE = os.readlink("/proc/self/ns/net")[5:-1]


def _as_the_kernel_prints(packed: bytes) -> str:
    words = (packed[at : at + 4] for at in range(0, len(packed), 4))
    return "".join(f"{int.from_bytes(word, sys.byteorder):08X}" for word in words)


@settings(max_examples=300, deadline=None)
@given(st.ip_addresses())
def test_any_address_is_read_back(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    """The hex words of /proc give the address that the ipaddress module knows."""
    shown = net_tables.address(_as_the_kernel_prints(address.packed))
    assert ipaddress.ip_address(shown) == address
    assert shown == socket.inet_ntop(
        socket.AF_INET if address.version == 4 else socket.AF_INET6, address.packed
    )


def test_an_ipv4_peer_of_an_ipv6_socket_is_shown_mapped() -> None:
    """As inet_ntop(3) prints it: the last 32 bits in dots."""
    packed = ipaddress.ip_address("::ffff:192.0.2.1").packed
    assert net_tables.address(_as_the_kernel_prints(packed)) == "::ffff:192.0.2.1"


@pytest.mark.parametrize("digits", ["", "0100007", "zz00007F", "0100007F01"])
def test_odd_digits_are_refused(digits: str) -> None:
    """What is no address raises ValueError, so that the line is left out."""
    with pytest.raises(ValueError):  # noqa: PT011 - from bytes.fromhex or inet_ntop
        net_tables.address(digits)


def _line(state: str, inode: int, local: str = "0100007F:0016") -> str:
    return f"   0: {local} 00000000:0000 {state} 0:0 0:0 0 0 0 {inode} 1 x\n"


def _fixture(root: Path, tables: dict[str, str]) -> Path:
    folder = root / "proc" / "7" / "net"
    folder.mkdir(parents=True)
    (root / "proc" / "7" / "ns").mkdir()
    (root / "proc" / "7" / "ns" / "net").symlink_to("net:[4026531833]")
    for name, text in tables.items():
        (folder / name).write_text(text)
    return root


@pytest.mark.parametrize(
    ("number", "state"), [("01", "ESTABLISHED"), ("06", "TIME_WAIT"), ("0B", "CLOSING")]
)
def test_states_have_the_names_of_osquery(tmp_path: Path, number: str, state: str) -> None:
    """The kernel's number decides."""
    (row,) = rows("process_open_sockets", _fixture(tmp_path, {"tcp": HEADING + _line(number, 5)}))
    assert (row["state"], row["pid"], row["fd"]) == (state, -1, -1)


@pytest.mark.parametrize("number", ["00", "0C", "FF"])
def test_an_unknown_state_is_called_so(tmp_path: Path, number: str) -> None:
    """States that osquery does not know are UNKNOWN, not an error."""
    (row,) = rows("process_open_sockets", _fixture(tmp_path, {"tcp": HEADING + _line(number, 5)}))
    assert row["state"] == "UNKNOWN"


def test_broken_lines_are_left_out(tmp_path: Path) -> None:
    """A line cut short or with odd digits does not end the scan."""
    text = HEADING + "   0: 0100007F\n" + _line("0A", 5, "zz:1") + "\n" + _line("0A", 6)
    (row,) = rows("process_open_sockets", _fixture(tmp_path, {"tcp": text}))
    assert row["socket"] == 6


def test_a_unix_path_keeps_its_blanks(tmp_path: Path) -> None:
    """The path is the rest of the line; a newline in it does not make a row of its own."""
    text = "Num RefCount Protocol Flags Type St Inode Path\n"
    text += "00: 00000002 00000000 00010000 0001 01 42 /run/a b\nc d\n"
    text += "00: 00000002 00000000 00000000 0002 01 43\n"
    found = rows("process_open_sockets", _fixture(tmp_path, {"unix": text}))
    assert [(row["socket"], row["path"]) for row in found] == [(42, "/run/a b"), (43, "")]


def test_of_several_owners_the_last_counts(tmp_path: Path) -> None:
    """Processes in the order of their text, as in osquery."""
    root = _fixture(tmp_path, {"tcp": HEADING + _line("0A", 5)})
    for pid in (7, 10, 8):
        (root / "proc" / str(pid) / "fd").mkdir(parents=True)
        (root / "proc" / str(pid) / "fd" / "3").symlink_to("socket:[5]")
    (row,) = rows("process_open_sockets", root)
    assert (row["pid"], row["fd"]) == (8, 3)


def test_connected_and_unnamed_sockets_do_not_listen(tmp_path: Path) -> None:
    """listening_ports has sockets without a peer, and unix sockets with a path."""
    peer = _line("01", 5).replace("00000000:0000", "0100007F:1F90")
    unix = "Num\n00: 00000002 00000000 00010000 0001 01 42 /run/a\n00: 2 0 0 1 01 43\n"
    tables = {"tcp": HEADING + peer + _line("0A", 6), "udp": HEADING + peer, "unix": unix}
    found = rows("listening_ports", _fixture(tmp_path, tables))
    assert [(row["family"], row["port"], row["socket"], row["path"]) for row in found] == [
        (2, 22, 6, ""),
        (1, 0, 0, "/run/a"),
    ]


def test_the_deadline_holds_while_no_row_is_found(tmp_path: Path) -> None:
    """A host with very many connections and owners cannot keep a scan beyond it."""
    peer = _line("01", 5).replace("00000000:0000", "0100007F:0050")
    root = _fixture(tmp_path, {"tcp": HEADING + peer * 9})
    clock = ManualClock()
    deadline = Deadline(clock, 1)
    clock.advance(2)
    for used in ({"port"}, {"pid"}):  # without and with a search for the owners
        ask = Ask(str(root), frozenset(used), {}, {}, clock, deadline)
        with pytest.raises(QueryTimeout):
            list(table("listening_ports").generate(ask))


def _mine(name: str, **cells: object) -> list[dict[str, Any]]:
    found = (row for row in rows(name) if row["pid"] == os.getpid())
    return [row for row in found if cells.items() <= row.items()]


@pytest.mark.parametrize(
    ("family", "kind", "host", "protocol"),
    [
        (socket.AF_INET, socket.SOCK_STREAM, "127.0.0.1", 6),
        (socket.AF_INET, socket.SOCK_DGRAM, "127.0.0.1", 17),
        (socket.AF_INET6, socket.SOCK_STREAM, "::1", 6),
        (socket.AF_INET6, socket.SOCK_DGRAM, "::1", 17),
    ],
)
def test_a_real_listener_is_shown(
    family: socket.AddressFamily, kind: socket.SocketKind, host: str, protocol: int
) -> None:
    """Port, address, process, descriptor and inode are those of the socket."""
    with socket.socket(family, kind) as opened:
        try:
            opened.bind((host, 0))
        except OSError as error:
            pytest.skip(f"no {host} here: {error}")
        if kind == socket.SOCK_STREAM:
            opened.listen()
        port = opened.getsockname()[1]
        (row,) = _mine("listening_ports", port=port, protocol=protocol)
        assert row == {
            "pid": os.getpid(),
            "port": port,
            "protocol": protocol,
            "family": int(family),
            "address": host,
            "fd": opened.fileno(),
            "socket": os.fstat(opened.fileno()).st_ino,
            "path": "",
            "net_namespace": NAMESPACE,
        }


def test_a_real_unix_listener_is_shown(tmp_path: Path) -> None:
    """By its path, with port 0."""
    path = str(tmp_path / "a socket")
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind(path)
        opened.listen()
        (row,) = _mine("listening_ports", path=path)
        assert (row["family"], row["port"], row["fd"]) == (1, 0, opened.fileno())
        (row,) = _mine("process_open_sockets", path=path)
        assert row["socket"] == os.fstat(opened.fileno()).st_ino


def test_both_ends_of_a_real_connection_are_shown() -> None:
    """Each end is the other's remote; a scan for this process alone finds the same."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client, server.accept()[0] as taken:
            mine = client.getsockname()[1]
            (row,) = _mine("process_open_sockets", local_port=mine, remote_port=port)
            assert (row["state"], row["fd"]) == ("ESTABLISHED", client.fileno())
            (row,) = _mine("process_open_sockets", local_port=port, remote_port=mine)
            assert row["fd"] == taken.fileno()
            alone = rows("process_open_sockets", pid=os.getpid())
            assert {row["local_port"] for row in alone} >= {mine, port}
            assert {row["pid"] for row in alone} == {os.getpid()}


CHILD = """
import socket, sys
server = socket.create_server(("0.0.0.0", 0)); print(server.getsockname()[1], flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("unshare"), reason="needs root and unshare(1)"
)
def test_a_listener_in_another_network_namespace_is_shown_once() -> None:
    """It is read through a process that lives there, and carries that namespace."""
    with subprocess.Popen(
        ["unshare", "-n", sys.executable, "-c", CHILD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        port = child.stdout.readline()
        if not port:
            child.communicate()
            pytest.skip("no namespace of our own can be made here")
        namespace = os.readlink(f"/proc/{child.pid}/ns/net")[5:-1]
        found = [row for row in rows("listening_ports") if row["net_namespace"] == namespace]
        child.communicate()
    assert [(row["pid"], row["port"], row["address"]) for row in found] == [
        (child.pid, int(port), "0.0.0.0")  # noqa: S104 - in a namespace without interfaces
    ]


@pytest.mark.skipif(os.geteuid() != 0, reason="another user is needed")
def test_without_root_sockets_of_others_have_no_owner() -> None:
    """They are shown once, with pid -1; the own namespace keeps its name."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        code = f"""
import os, sys
sys.path[:0] = {sys.path!r}
from tests.engines.tables.asking import rows
rows("listening_ports")
os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)
found = [row for row in rows("listening_ports") if row["port"] == {server.getsockname()[1]}]
print([(row["pid"], row["fd"]) for row in found])
"""
        done = subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, text=True
        )
    assert done.stdout == "[(-1, -1)]\n"
