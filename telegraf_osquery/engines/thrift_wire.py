"""Calls over osqueryd's extension socket, their answers read as they arrive.

TBinaryProtocol with the strict header over a plain unix socket, without frames
(``osquery/extensions/thrift/osquery.thrift``, ``impl_thrift.cpp``). Two calls are needed: ``query``
and ``getQueryColumns``; both answer with ``{1: {1: code, 2: message, 3: uuid}, 2: list of
map<string, string>}``. All is read by the ``thrift`` package but most of the maps, which are the
bulk (``thrift_rows``). ``thrift`` is imported when a connection is made.
"""

import contextlib
import struct
from collections.abc import Iterator
from typing import Any

from telegraf_osquery.clock import Deadline
from telegraf_osquery.engines.osquery_facts import code
from telegraf_osquery.engines.thrift_stream import Stream
from telegraf_osquery.errors import EngineUnavailable, QueryError

VALUE_MAX = 8 << 20
"""Bytes of one value; more cannot pass in the memory this program keeps to."""
_COLUMNS_MAX = 32_767  # SQLite's own limit
_ROWS_MAX = (1 << 31) - 1

SIZE = struct.Struct("!I")
MAP_OF_TEXTS = b"\x0b\x0b"
_STOP, _I32, _STRING, _STRUCT, _MAP, _LIST = 0, 8, 11, 12, 13, 15
_CALL, _REPLY, _EXCEPTION = 1, 2, 3


class Session:
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
            container_length_limit=_ROWS_MAX,
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
