"""osqueryd's extension socket as a stream of bytes, with a deadline on every wait."""

import socket
import struct

from telegraf_osquery.clock import Deadline
from telegraf_osquery.engines.socket_faults import unreachable
from telegraf_osquery.errors import EngineUnavailable, QueryTimeout

_RECEIVE = 1 << 17
_DAY = 86_400.0
_TIMEVAL = struct.Struct("@ll")
_CREDENTIALS = struct.Struct("@iII")


class Stream:
    """A connected socket as the protocol wants it: ``readAll``, ``write``, ``flush``.

    Attributes:
        data: what has been received and not been thrown away.
        at: offset in ``data`` of the next unread byte.
        peer: user id of the process at the other end, -1 when unknown.
    """

    def __init__(self, path: str, deadline: Deadline) -> None:
        """Connect.

        Raises:
            EngineUnavailable: nobody can be reached there; the message has the cure.
            QueryTimeout: the deadline passed.
        """
        self.path = path
        self.data = b""
        self.at = 0
        self._deadline = deadline
        self._out: list[bytes] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            self._connect()
        except (EngineUnavailable, QueryTimeout):
            self.close()
            raise
        self.peer = _peer(self._socket)

    def _connect(self) -> None:
        # A full backlog makes a connect wait, but only one that blocks: the limit is the kernel's.
        left = self._left()
        wait = _TIMEVAL.pack(int(left), int(left % 1 * 1e6) or 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, wait)
        try:
            self._socket.connect(self.path)
        except BlockingIOError:
            raise QueryTimeout(f"socket {self.path}: no connection within the deadline") from None
        except OSError as error:
            raise unreachable(self.path, error) from None

    def readAll(self, size: int) -> bytes:  # noqa: N802 - Thrift's name
        """Exactly so many bytes."""
        while len(self.data) - self.at < size:
            self.fill()
        start, self.at = self.at, self.at + size
        return self.data[start : self.at]

    def fill(self) -> None:
        """Wait for more bytes; those that were read are thrown away.

        Raises:
            EngineUnavailable: the other end has closed.
            QueryTimeout: the deadline passed.
        """
        self._socket.settimeout(self._left())
        try:
            more = self._socket.recv(_RECEIVE)
        except TimeoutError:
            raise self._late() from None
        except OSError as error:
            raise self._gone(str(error)) from None
        if not more:
            raise self._gone("it closed the connection")
        self.data = self.data[self.at :] + more
        self.at = 0

    def write(self, data: bytes) -> None:
        """Keep for ``flush``."""
        self._out.append(data)

    def flush(self) -> None:
        """Send what was written.

        Raises:
            EngineUnavailable: the other end has closed.
            QueryTimeout: the deadline passed.
        """
        data, self._out = b"".join(self._out), []
        self._socket.settimeout(self._left())
        try:
            self._socket.sendall(data)
        except TimeoutError:
            raise self._late() from None
        except OSError as error:
            raise self._gone(str(error)) from None

    def close(self) -> None:
        """Hang up; may be called twice."""
        self._socket.close()

    def _left(self) -> float:
        left = self._deadline.left()
        if left <= 0:
            raise self._late()
        return min(left, _DAY)

    def _late(self) -> QueryTimeout:
        return QueryTimeout(
            f"socket {self.path}: no complete answer within the deadline; osqueryd goes on with "
            "the query, since it has no way to cancel one"
        )

    def _gone(self, how: str) -> EngineUnavailable:
        return EngineUnavailable(
            f"socket {self.path}: {how} in the middle of an answer; osqueryd was stopped, or its "
            "watchdog killed it for this query: see its log"
        )


def _peer(connected: socket.socket) -> int:
    if not hasattr(socket, "SO_PEERCRED"):
        return -1
    who = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return int(_CREDENTIALS.unpack(who)[1])
