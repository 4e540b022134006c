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
        if self.path:
            return f"unix://{self.path}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"tcp://{host}:{self.port}"


def parse_address(text: str) -> Address:
    """``unix:///run/x.sock`` or ``tcp://host:port``.

    Raises:
        ConfigError: neither.
    """
    scheme, _, rest = text.partition("://")
    if scheme == "unix" and rest.startswith("/") and "\0" not in rest:
        return Address(path=rest)
    if scheme == "tcp" and (place := _host_and_port(text)) is not None:
        return Address(host=place[0], port=place[1])
    raise ConfigError(
        f'--to: found "{text}"; expected unix:///path/to/socket or tcp://host:port; '
        "use the address in the listener's service_address"
    )


def _host_and_port(url: str) -> tuple[str, int] | None:
    """Both of them, where the URL has nothing else."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:  # a port that is no number, a bracket that is not closed
        return None
    # What a URL may have beside them would be dropped without a word.
    more = parts.path or parts.query or parts.fragment or "@" in parts.netloc
    return (host, port) if host and port and not more else None


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
        try:
            made = _connected(self.address)
        except (OSError, UnicodeError) as error:  # a host name that IDNA cannot write
            text = getattr(error, "strerror", None) or error
            raise TryLaterError(
                f"{self.address}: {text}; expected a listener there; start it, or correct --to"
            ) from None
        made.settimeout(SEND_SECONDS)
        self._socket = made

    def send(self, data: memoryview) -> int:
        """Send some of ``data``; how many bytes went, 0 when the receiver is slow.

        Raises:
            TryLaterError: the connection is lost (and closed here).
        """
        made = self._socket
        if made is None:
            raise TryLaterError(f"{self.address}: not connected")
        try:
            return made.send(data)
        except TimeoutError:
            return 0
        except OSError as error:
            self.close()
            raise TryLaterError(f"{self.address}: {error.strerror or error}") from None

    def unread(self) -> int:
        """Bytes the other side has not taken yet (SIOCOUTQ, tcp(7), unix(7)); 0 if unknown."""
        made = self._socket
        if made is None:
            return 0
        import fcntl  # POSIX only
        import termios

        try:
            answer = fcntl.ioctl(made.fileno(), termios.TIOCOUTQ, b"\0\0\0\0")
        except (OSError, ValueError):  # closed meanwhile by another thread
            return 0
        return int(struct.unpack("i", answer)[0])

    def close(self) -> None:
        """Close; may be called twice and from another thread, and ``connect`` may follow."""
        made, self._socket = self._socket, None
        if made is not None:
            made.close()


def _connected(address: Address) -> socket.socket:
    if not address.path:
        return socket.create_connection((address.host, address.port), CONNECT_SECONDS)
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        made.settimeout(CONNECT_SECONDS)
        made.connect(address.path)
    except OSError:
        made.close()
        raise
    return made
