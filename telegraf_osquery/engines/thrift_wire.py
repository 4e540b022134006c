"""Thrift messages over osqueryd's extension socket, read as they arrive.

TBinaryProtocol with the strict header over a plain unix socket, without frames
(``osquery/extensions/thrift/osquery.thrift``, ``impl_thrift.cpp``). Two calls are needed: ``query``
and ``getQueryColumns``; both answer with ``{1: {1: code, 2: message, 3: uuid}, 2: list of
map<string, string>}``. Messages and structs are read by the ``thrift`` package; the maps, which are
the bulk, straight from the buffer. Nothing here imports ``thrift`` before a connection is made.
"""

import contextlib
import socket
import struct
from collections.abc import Iterator
from typing import Any

from telegraf_osquery.clock import Deadline
from telegraf_osquery.engines.osquery_facts import code
from telegraf_osquery.engines.socket_faults import unreachable
from telegraf_osquery.errors import EngineUnavailable, QueryError, QueryTimeout

VALUE_MAX = 8 << 20
"""Bytes of one value; more cannot pass in the memory this program keeps to."""
_COLUMNS_MAX = 32_767  # SQLite's own limit
_RECEIVE = 1 << 17
_SEQUENCE_MAX = (1 << 31) - 1

_SIZE = struct.Struct("!I")
_TIMEVAL = struct.Struct("@ll")
_STOP, _I32, _STRING, _STRUCT, _MAP, _LIST = 0, 8, 11, 12, 13, 15
_CALL, _REPLY, _EXCEPTION = 1, 2, 3


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
        except BaseException:
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
        return min(left, 86_400.0)

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
    who = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    return int(struct.unpack("iII", who)[1])


class Connection:
    """One connection: calls that answer with rows, one after the other."""

    def __init__(self, path: str, deadline: Deadline) -> None:
        """Connect; raises as ``Stream`` does."""
        from thrift.protocol.TBinaryProtocol import (  # type: ignore[import-untyped]
            TBinaryProtocol,
        )
        from thrift.Thrift import TException  # type: ignore[import-untyped]

        self.stream = Stream(path, deadline)
        self._faults = (TException, ValueError, struct.error)
        self._sequence = 0
        self._sql = ""
        self._protocol: Any = TBinaryProtocol(
            self.stream,
            strictRead=True,
            string_length_limit=VALUE_MAX,
            container_length_limit=_SEQUENCE_MAX,
        )

    def ask(self, method: str, sql: str) -> int:
        """Call, and read the answer up to its rows; gives their number.

        Raises:
            QueryError: the status says so.
            EngineUnavailable, QueryTimeout: as the stream; also for bytes that are no answer.
        """
        self._sequence += 1
        self._sql = sql
        with self.sound():
            self._send(method, sql)
            self._head(method)
            return self._rows_begin()

    def columns(self, sql: str) -> tuple[str, ...]:
        """The names of the result columns, in order, repeated ones as often as they stand."""
        count = self.ask("getQueryColumns", sql)
        with self.sound():
            rows = [self.row() for _ in range(count)]
        self.end()
        return tuple(name.decode("utf-8", "replace") for row in rows for name in row)

    def row(self) -> dict[bytes, bytes]:
        """The next map, with every check. To be called inside ``sound()``."""
        key_type, value_type, size = self._protocol.readMapBegin()
        if size > _COLUMNS_MAX or (size and (key_type, value_type) != (_STRING, _STRING)):
            raise ValueError(f"a map of {size} with the types {key_type} and {value_type}")
        read = self._protocol.readBinary
        return {read(): read() for _ in range(size)}

    def end(self) -> None:
        """Read what stands behind the rows."""
        with self.sound():
            status: tuple[int, str] = (0, "")
            for depth in (2, 1):
                while (field := self._field()) is not None:
                    if depth == 2 and field == (1, _STRUCT):
                        status = self._status()
                    else:
                        self._protocol.skip(field[1])
            self._judge(status)

    def close(self) -> None:
        """Hang up; may be called twice."""
        self.stream.close()

    @contextlib.contextmanager
    def sound(self) -> Iterator[None]:
        """Bytes that are not Thrift's make the engine unavailable.

        A value larger than any that can pass makes a query error of it.
        """
        try:
            yield
        except self._faults as error:
            if "exceeded max" in str(error):
                raise QueryError(
                    f"a value of more than {VALUE_MAX >> 20} MiB: select less of it, such as by "
                    "substr()",
                    sql=self._sql,
                ) from None
            raise EngineUnavailable(
                f"socket {self.stream.path}: what came is no answer of osqueryd: {error}; is it "
                "osqueryd that listens there?"
            ) from None

    def _send(self, method: str, sql: str) -> None:
        protocol = self._protocol
        protocol.writeMessageBegin(method, _CALL, self._sequence)
        protocol.writeFieldBegin("sql", _STRING, 1)
        protocol.writeString(sql)
        protocol.writeFieldStop()
        self.stream.flush()

    def _head(self, method: str) -> None:
        name, kind, sequence = self._protocol.readMessageBegin()
        if sequence != self._sequence:
            raise ValueError(f"found sequence id {sequence}, expected {self._sequence}")
        if kind == _EXCEPTION:
            raise ValueError(f"the call {method} was refused: {self._refusal()}")
        if (name, kind) != (method, _REPLY):
            raise ValueError(f"found message {name!r} of type {kind}, expected {method} of type 2")

    def _rows_begin(self) -> int:
        """Fields of the result, then of the response in it, up to the list of rows."""
        self._expect((0, _STRUCT))
        status = (0, "")
        while (field := self._field()) is not None:
            if field == (1, _STRUCT):
                status = self._status()
                self._judge(status)
            elif field == (2, _LIST):
                kind, size = self._protocol.readListBegin()
                if size and kind != _MAP:
                    raise ValueError(f"found a list of type {kind}, expected maps")
                return int(size)
            else:
                self._protocol.skip(field[1])
        raise ValueError("found an answer without rows")

    def _expect(self, wanted: tuple[int, int]) -> None:
        found = self._field()
        if found != wanted:
            raise ValueError(f"found field {found}, expected {wanted}")

    def _field(self) -> tuple[int, int] | None:
        """Id and type of the next field; None at the end of the struct."""
        _, kind, number = self._protocol.readFieldBegin()
        return None if kind == _STOP else (number, kind)

    def _status(self) -> tuple[int, str]:
        number, message = 0, ""
        while (field := self._field()) is not None:
            if field == (1, _I32):
                number = self._protocol.readI32()
            elif field == (2, _STRING):
                message = self._protocol.readBinary().decode("utf-8", "replace")
            else:
                self._protocol.skip(field[1])
        return number, message

    def _judge(self, status: tuple[int, str]) -> None:
        number, message = status
        if number:
            raise QueryError(message or f"status {number}", sql=self._sql, code=code(message))

    def _refusal(self) -> str:
        """The text of a TApplicationException."""
        text = ""
        while (field := self._field()) is not None:
            if field == (1, _STRING):
                text = self._protocol.readBinary().decode("utf-8", "replace")
            else:
                self._protocol.skip(field[1])
        return text


class RowReader:
    """Rows of one answer as columns of bytes.

    All rows of an answer have the same keys in the same order, since osquery writes them from a
    sorted map: after the first row each key is compared as bytes, not parsed.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._stream = connection.stream
        self._head = b""
        self._plan: list[tuple[bytes, int]] = []
        self.keys: tuple[bytes, ...] = ()

    def read(self, rows: list[list[bytes]], count: int, room: int) -> None:
        """Append ``count`` rows, or fewer where they have more than about ``room`` bytes.

        Raises:
            EngineUnavailable, QueryError, QueryTimeout: what was appended stays valid.
        """
        wanted = len(rows) + count
        while len(rows) < wanted and room > 0:
            used = self._quick(rows, wanted, room) if self._head else 0
            if used:
                room -= used
            elif self._head and self._partial():
                self._stream.fill()
            else:
                with self._connection.sound():
                    room -= self._slow(rows)

    def _quick(self, rows: list[list[bytes]], wanted: int, room: int) -> int:
        """Take the rows that are in the buffer whole; the bytes they had there."""
        stream, head, plan, size_at = self._stream, self._head, self._plan, _SIZE.unpack_from
        data, first, end = stream.data, stream.at, len(stream.data)
        at = first
        while len(rows) < wanted and at - first < room and data[at : at + 6] == head:
            row: list[bytes] = []
            here = at + 6
            for key, length in plan:
                size = here + length
                if data[here:size] != key or size + 4 > end:
                    break
                here = size + 4 + size_at(data, size)[0]
                row.append(data[size + 4 : here])
            if here > end or len(row) < len(plan):
                break
            at = here
            rows.append(row)
        stream.at = at
        return at - first

    def _partial(self) -> bool:
        """Whether the buffer ends inside the next row, all being well so far."""
        data, here = self._stream.data, self._stream.at
        left = data[here : here + len(self._head)]
        if left != self._head:
            return self._head.startswith(left)
        here += len(left)
        for key, length in self._plan:
            left = data[here : here + length]
            if left != key:
                return key.startswith(left)
            here += length + 4
            if here > len(data):
                return True
            size = _SIZE.unpack_from(data, here - 4)[0]
            if size > VALUE_MAX:
                return False
            here += size
        return here > len(data)

    def _slow(self, rows: list[list[bytes]]) -> int:
        row = self._connection.row()
        if not self._head:
            self.keys = tuple(row)
            self._head = bytes((_STRING, _STRING)) + _SIZE.pack(len(row))
            self._plan = [(_SIZE.pack(len(key)) + key, len(key) + 4) for key in row]
        elif row.keys() != set(self.keys):
            raise ValueError(f"found a row with the columns {[*row]}, expected {[*self.keys]}")
        rows.append([row[key] for key in self.keys])
        return sum(map(len, row.values())) + len(self._head)
