"""A stream socket that takes lines: Telegraf's ``inputs.socket_listener``, or anything like it."""

import socket
import struct
from urllib.parse import urlsplit

import msgspec

from telegraf_osquery.errors import ConfigError, TryLaterError

CONNECT_SECONDS = 5.0
SEND_SECONDS = 1.0
"""A receiver that takes nothing for so long lets the caller look around before it tries on."""


class Address(msgspec.Struct, frozen=True):
    """Where to connect: ``path`` of a unix socket, else host and port of TCP."""

    path: str = ""
    host: str = ""
    port: int = 0

    def __str__(self) -> str:
        return f"unix://{self.path}" if self.path else f"tcp://{self.host}:{self.port}"


def parse_address(text: str) -> Address:
    """``unix:///run/x.sock`` or ``tcp://host:port``.

    Raises:
        ConfigError: neither.
    """
    try:
        parts = urlsplit(text)
        if parts.scheme == "unix" and parts.path and not parts.netloc:
            return Address(path=parts.path)
        if parts.scheme == "tcp" and parts.hostname and parts.port and not parts.path:
            return Address(host=parts.hostname, port=parts.port)
    except ValueError:  # a port that is no number, a bracket that is not closed
        pass
    raise ConfigError(
        f'--to: found "{text}"; expected unix:///path/to/socket or tcp://host:port; '
        "use the address in the listener's service_address"
    )


class LineSocket:
    """One connection, made again on demand. Not thread-safe."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._socket: socket.socket | None = None

    @property
    def connected(self) -> bool:
        return self._socket is not None

    def connect(self) -> None:
        """Connect unless connected.

        Raises:
            TryLaterError: nobody listens there now.
        """
        if self._socket is not None:
            return
        address = self.address
        family = socket.AF_UNIX if address.path else socket.AF_UNSPEC
        try:
            if family == socket.AF_UNIX:
                made = socket.socket(family, socket.SOCK_STREAM)
                made.settimeout(CONNECT_SECONDS)
                try:
                    made.connect(address.path)
                except OSError:
                    made.close()
                    raise
            else:
                made = socket.create_connection((address.host, address.port), CONNECT_SECONDS)
        except OSError as error:
            raise TryLaterError(
                f"{address}: {error.strerror or error}; expected a listener there; start it, or "
                "correct --to"
            ) from None
        made.settimeout(SEND_SECONDS)
        self._socket = made

    def send(self, data: memoryview) -> int:
        """Send some of ``data``; how many bytes went, 0 when the receiver is slow.

        Raises:
            TryLaterError: the connection is lost (and closed here).
        """
        if self._socket is None:
            raise TryLaterError(f"{self.address}: not connected")
        try:
            return self._socket.send(data)
        except TimeoutError:
            return 0
        except OSError as error:
            self.close()
            raise TryLaterError(f"{self.address}: {error.strerror or error}") from None

    def unread(self) -> int:
        """Bytes the other side has not taken yet (SIOCOUTQ, tcp(7), unix(7)); 0 if unknown."""
        if self._socket is None:
            return 0
        import fcntl  # POSIX only
        import termios

        try:
            answer = fcntl.ioctl(self._socket.fileno(), termios.TIOCOUTQ, b"\0\0\0\0")
        except OSError:
            return 0
        return int(struct.unpack("i", answer)[0])

    def close(self) -> None:
        """Close; may be called twice, and ``connect`` may follow."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
