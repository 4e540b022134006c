"""A client of the D-Bus system bus, as small as asking systemd needs (D-Bus specification 0.43).

One connection for one scan: authentication as this user (EXTERNAL), method calls with texts as
arguments, their answers by serial. No signals, no descriptors, no services of its own.
"""

import os
import socket
import struct
from collections.abc import Sequence

import msgspec

from telegraf_osquery.engines.embedded_tables.ask import Ask
from telegraf_osquery.engines.embedded_tables.rooted import resolve
from telegraf_osquery.errors import QueryError, QueryTimeout

SOCKET = "/run/dbus/system_bus_socket"
SECONDS = 5.0
"""An answer that takes longer than this does not come."""

_CALL, _RETURN, _ERROR = 1, 2, 3
_NO_START = 2  # flag: do not start the service for us
_PATH, _INTERFACE, _MEMBER, _ERROR_NAME, _REPLY_TO, _DESTINATION, _SIGNATURE = 1, 2, 3, 4, 5, 6, 8
_HEADER = 16
_SIZE_MAX = 1 << 24
_PIECE = 1 << 16
_LINE_MAX = 4096
_BUS = ("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus")


class Call(msgspec.Struct, frozen=True):
    """A method call whose arguments are texts."""

    destination: str
    path: str
    interface: str
    member: str
    arguments: tuple[str, ...] = ()


class Refused(msgspec.Struct, frozen=True):
    """The answer to a call is an error of this name."""

    name: str


class Reader:
    """Takes a message apart from the front.

    Every value begins at a multiple of its own size, counted from the start of the message.

    Raises:
        ValueError, struct.error: the bytes are not what they should be.
    """

    def __init__(self, data: bytes, order: str, at: int = 0) -> None:
        self._data = data
        self._order = order
        self.at = at

    def align(self, size: int) -> None:
        self.at += -self.at % size

    def number(self) -> int:
        self.align(4)
        (value,) = struct.unpack_from(self._order + "I", self._data, self.at)
        self.at += 4
        return int(value)

    def text(self, size: int | None = None) -> str:
        """A text, or with ``size`` a signature, whose length has been read."""
        size = self.number() if size is None else size
        raw = self._data[self.at : self.at + size]
        if len(raw) < size:
            raise ValueError("a text goes on behind the end of the message")
        self.at += size + 1
        return raw.decode()

    def signature(self) -> str:
        size = self._data[self.at]
        self.at += 1
        return self.text(size)

    def variant(self) -> str | int:
        """A value that says its type itself; texts, paths, signatures and numbers of 32 bits."""
        kind = self.signature()
        if kind in {"s", "o"}:
            return self.text()
        if kind == "g":
            return self.signature()
        if kind == "u":
            return self.number()
        raise ValueError(f"a value of type {kind!r}, expected a text or a number")


def encode(serial: int, call: Call) -> bytes:
    """The bytes of a call."""
    body = b""
    for argument in call.arguments:
        body += bytes(-len(body) % 4) + _text(argument)
    fields = [
        (_PATH, b"o", _text(call.path)),
        (_DESTINATION, b"s", _text(call.destination)),
        (_INTERFACE, b"s", _text(call.interface)),
        (_MEMBER, b"s", _text(call.member)),
    ]
    if body:
        signature = b"s" * len(call.arguments)
        fields.append((_SIGNATURE, b"g", bytes((len(signature),)) + signature + b"\0"))
    header = b""
    for code, kind, value in fields:
        header += bytes(-len(header) % 8) + bytes((code, 1)) + kind + b"\0" + value
    start = struct.pack("<cBBBIII", b"l", _CALL, _NO_START, 1, len(body), serial, len(header))
    return start + header + bytes(-len(header) % 8) + body


def _text(text: str) -> bytes:
    raw = text.encode()
    return struct.pack("<I", len(raw)) + raw + b"\0"


class Bus:
    """A connection to the bus of the examined host."""

    def __init__(self, ask: Ask) -> None:
        self._deadline = ask.deadline
        self._path = (ask.root, SOCKET)
        self._pending = b""
        self._serial = 0
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)

    def connect(self) -> None:
        """Connect and say who is there.

        Raises:
            OSError: there is no bus, or this user may not use it.
            QueryError: what answers is no bus.
            QueryTimeout: the deadline passed.
        """
        self._await()
        _connect(self._socket, resolve(*self._path))
        self._greet()

    def _greet(self) -> None:
        user = str(os.geteuid()).encode().hex().encode()
        self._send(b"\0AUTH EXTERNAL " + user + b"\r\n")
        while b"\r\n" not in self._pending and len(self._pending) < _LINE_MAX:
            self._receive()
        line, _, self._pending = self._pending.partition(b"\r\n")
        if not line.startswith(b"OK "):
            raise QueryError(f"{SOCKET}: found {line[:80]!r} as greeting, expected OK of a D-Bus")
        self._send(b"BEGIN\r\n")
        self.ask([Call(*_BUS, "Hello")])

    def ask(self, calls: Sequence[Call]) -> list[Reader | Refused]:
        """The answers to these calls, in their order; all are sent before the first is awaited.

        Raises:
            OSError: the connection broke.
                QueryError: nothing for five seconds, or bytes that are no message.
            ValueError, LookupError, struct.error: a message that does not hold what it says.
            QueryTimeout: the deadline passed.
        """
        first = self._serial + 1
        self._serial += len(calls)
        self._send(b"".join(encode(first + place, call) for place, call in enumerate(calls)))
        found: dict[int, Reader | Refused] = {}
        while len(found) < len(calls):
            serial, answer = _answer(self._message())
            if first <= serial <= self._serial:
                found[serial] = answer
        return [found[serial] for serial in range(first, self._serial + 1)]

    def _message(self) -> bytes:
        """One whole message."""
        self._fill(_HEADER)
        order = "<" if self._pending[:1] == b"l" else ">"
        body, _, fields = struct.unpack_from(order + "III", self._pending, 4)
        size = _HEADER + fields + -fields % 8 + body
        if size > _SIZE_MAX or self._pending[:1] not in {b"l", b"B"}:
            raise QueryError(f"{SOCKET}: found {self._pending[:16]!r}, expected a D-Bus message")
        self._fill(size)
        message, self._pending = self._pending[:size], self._pending[size:]
        return message

    def _fill(self, size: int) -> None:
        """Have at least this many bytes."""
        parts, have = [self._pending], len(self._pending)
        while have < size:
            self._pending = b""
            self._receive()
            parts.append(self._pending)
            have += len(self._pending)
        self._pending = b"".join(parts)

    def _receive(self) -> None:
        self._await()
        try:
            data = self._socket.recv(_PIECE)
        except TimeoutError:
            self._await()
            raise QueryError(f"{SOCKET}: no answer within {SECONDS:g} seconds") from None
        if not data:
            raise ConnectionResetError(f"{SOCKET}: the bus closed the connection")
        self._pending += data

    def _send(self, data: bytes) -> None:
        self._await()
        try:
            self._socket.sendall(data)
        except TimeoutError:
            raise QueryError(f"{SOCKET}: takes no call for {SECONDS:g} seconds") from None

    def _await(self) -> None:
        left = self._deadline.left()
        if left <= 0:
            raise QueryTimeout(f"the deadline passed while {SOCKET} was asked")
        self._socket.settimeout(min(left, SECONDS))

    def close(self) -> None:
        self._socket.close()


def _connect(client: socket.socket, path: str) -> None:
    """Connect by way of the folder: a socket's own path must be shorter than 108 bytes."""
    folder, _, name = path.rpartition("/")
    handle = os.open(folder or "/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        client.connect(f"/proc/self/fd/{handle}/{name}")
    finally:
        os.close(handle)


def _answer(message: bytes) -> tuple[int, Reader | Refused]:
    """Which call this answers, 0 for none, and with what: the body, or the error's name."""
    reader = Reader(message, "<" if message[:1] == b"l" else ">", 12)
    end = _HEADER + reader.number()
    fields: dict[int, str | int] = {}
    while reader.at < end:
        reader.align(8)
        code = message[reader.at]
        reader.at += 1
        fields[code] = reader.variant()
    serial = int(fields.get(_REPLY_TO, 0))
    if message[1] == _ERROR:
        return serial, Refused(str(fields.get(_ERROR_NAME, "")))
    reader.align(8)
    return (serial if message[1] == _RETURN else 0), reader
