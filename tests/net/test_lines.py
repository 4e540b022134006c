"""A stream socket that takes lines."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from telegraf_osquery.errors import ConfigError, TryLaterError
from telegraf_osquery.net import lines as module
from telegraf_osquery.net.lines import Address, LineSocket, parse_address


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[tuple[LineSocket, socket.socket]]:
    """A client, and the unix socket it is to connect to."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "t.sock"))
        server.listen()
        client = LineSocket(Address(path=str(tmp_path / "t.sock")))
        yield client, server
        client.close()


class TestAddress:
    @pytest.mark.parametrize(
        ("text", "address"),
        [
            ("unix:///run/t.sock", Address(path="/run/t.sock")),
            ("unix:///run/a?b#c%20 d", Address(path="/run/a?b#c%20 d")),
            ("tcp://localhost:8094", Address(host="localhost", port=8094)),
            ("tcp://127.0.0.1:1", Address(host="127.0.0.1", port=1)),
            ("tcp://[::1]:8094", Address(host="::1", port=8094)),
            ("tcp://Example.ORG:65535", Address(host="example.org", port=65535)),
        ],
    )
    def test_what_is_understood(self, text: str, address: Address) -> None:
        """The two forms that Telegraf's service_address has for streams."""
        assert parse_address(text) == address
        assert parse_address(str(address)) == address

    @pytest.mark.parametrize(
        "text",
        [
            *("", "/run/t.sock", "unix:/run/t.sock", "unix://run/t.sock", "unix://", "udp://h:1"),
            *("tcp://h", "tcp://h:0", "tcp://h:65536", "tcp://h:x", "tcp://:1", "tcp://h:1/"),
            *("tcp://h:1?x=y", "tcp://h:1#x", "tcp://user@h:1", "tcp://[::1:1", "unix:///a\0b"),
            *("tcp://h:1 ", "http://h:1", "TCP://h:1", "tcp:h:1"),
        ],
    )
    def test_what_is_refused(self, text: str) -> None:
        """With what was found and both forms; no part of it is dropped in silence."""
        with pytest.raises(ConfigError) as caught:
            parse_address(text)
        assert f'found "{text}"' in str(caught.value)
        assert "unix:///path/to/socket or tcp://host:port" in str(caught.value)

    @example("tcp://\u2100:1")
    @example("tcp://[v1.x]:1")
    @given(st.one_of(st.text(), st.from_regex(r"(unix|tcp)://.*", fullmatch=True)))
    def test_garbage_is_a_setting_to_fix(self, text: str) -> None:
        """Whatever it is: an address, which means the same when written again, or a ConfigError."""
        try:
            address = parse_address(text)
        except ConfigError:
            return
        assert parse_address(str(address)) == address
        assert address.path.startswith("/") or (address.host and 0 < address.port < 65536)


class TestConnect:
    def test_lines_arrive(self, listener: tuple[LineSocket, socket.socket]) -> None:
        """Connecting is for the first time only; what was sent comes out."""
        client, server = listener
        assert not client.connected
        client.connect()
        client.connect()
        peer, _ = server.accept()
        with peer:
            assert client.send(memoryview(b"m a=1i 1\n")) == 9
            assert peer.recv(100) == b"m a=1i 1\n"
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()

    @pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
    def test_tcp(self, host: str) -> None:
        """Both families, by number and by name."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family) as server:
            try:
                server.bind((host, 0))
            except OSError as error:
                pytest.skip(f"{host}: {error}")
            server.listen()
            client = LineSocket(
                parse_address(str(Address(host=host, port=server.getsockname()[1])))
            )
            client.connect()
            peer, _ = server.accept()
            with peer:
                client.send(memoryview(b"a\n"))
                assert peer.recv(10) == b"a\n"
            client.close()

    def refusal(self, address: Address) -> str:
        client = LineSocket(address)
        with pytest.raises(TryLaterError) as caught:
            client.connect()
        assert not client.connected
        assert str(address) in str(caught.value)
        assert "correct --to" in str(caught.value)
        return str(caught.value)

    def test_nobody_listens(self, tmp_path: Path) -> None:
        """No file, a file that nobody serves, a file that is no socket, a port that is closed."""
        assert "No such file" in self.refusal(Address(path=str(tmp_path / "none.sock")))
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(str(tmp_path / "left.sock"))
        assert "refused" in self.refusal(Address(path=str(tmp_path / "left.sock")))
        (tmp_path / "file").write_text("x")
        assert "refused" in self.refusal(Address(path=str(tmp_path / "file")))
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            port = taken.getsockname()[1]
        assert "refused" in self.refusal(Address(host="127.0.0.1", port=port))

    def test_names_that_cannot_be(self) -> None:
        """A path that no socket can have, a host that no resolver takes."""
        assert "too long" in self.refusal(Address(path="/" + "x" * 300))
        self.refusal(Address(host=f"{'x' * 70}.invalid", port=1))
        self.refusal(Address(host="a..b", port=1))

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else for a moment")
    def test_a_socket_of_somebody_else(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The permission is named, since that is what has to be changed."""
        monkeypatch.chdir(tmp_path)  # the folders above are root's alone
        os.chmod(tmp_path, 0o711)  # noqa: S103 - a folder of this test
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("t.sock")
            server.listen()
            os.chmod("t.sock", 0o600)
            os.seteuid(65534)
            try:
                found = self.refusal(Address(path="t.sock"))
            finally:
                os.seteuid(0)
        assert "Permission denied" in found


class TestSend:
    def test_a_receiver_that_is_slow(
        self, listener: tuple[LineSocket, socket.socket], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """0 bytes go when nothing fits, so that the caller can look around; unread tells why."""
        monkeypatch.setattr(module, "SEND_SECONDS", 0.02)
        client, server = listener
        client.connect()
        peer, _ = server.accept()
        with peer:
            block = memoryview(bytes(1 << 16))
            while client.send(block):
                pass
            assert client.connected
            assert client.unread() > 0
            peer.settimeout(5)
            while client.unread():
                peer.recv(1 << 20)
            assert client.send(block) > 0

    def test_a_receiver_that_has_gone(self, listener: tuple[LineSocket, socket.socket]) -> None:
        """The connection is closed here too, and can be made anew."""
        client, server = listener
        client.connect()
        server.accept()[0].close()
        with pytest.raises(TryLaterError):
            client.send(memoryview(b"a\n"))
        assert not client.connected
        with pytest.raises(TryLaterError, match="not connected"):
            client.send(memoryview(b"a\n"))
        client.connect()
        peer, _ = server.accept()
        with peer:
            client.send(memoryview(b"b\n"))
            assert peer.recv(10) == b"b\n"

    def test_unread_never_fails(self, listener: tuple[LineSocket, socket.socket]) -> None:
        """Not connected, closed, or closed by another thread this moment: nothing is known, 0."""
        client, _server = listener
        assert client.unread() == 0
        client.connect()
        assert client._socket is not None
        client._socket.close()
        assert client.unread() == 0
        client.close()
        client.close()
        assert client.unread() == 0
