"""A D-Bus system bus with systemd behind it, over a socket below a root folder.

It answers ListUnits and Get of the properties it was given, byte by byte as dbus-daemon and systemd
do, after a signal that nobody asked for, as the bus sends one. ``mode`` makes it misbehave.
"""

import os
import socket
import struct
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self

Properties = dict[str, str]
"""By interface and name, a blank between; one that is not here is answered with an error."""

_PATH, _MEMBER, _SIGNATURE = 1, 3, 8
_UNKNOWN_PROPERTY = "org.freedesktop.DBus.Error.UnknownProperty"


def unit(name: str, state: str = "active", **more: Any) -> tuple[Any, ...]:
    """A row of ListUnits."""
    path = "/org/freedesktop/systemd1/unit/" + name.replace(".", "_2e").replace("-", "_2d")
    job = more.get("job", (0, "", "/"))
    return (name, f"About {name}", "loaded", state, more.get("sub", "running"), "", path, *job)


class SystemdBus:
    """Serves one connection after the other until it is closed.

    Attributes:
        asked: members and arguments of the calls, in order.
    """

    def __init__(
        self,
        root: Path,
        units: list[tuple[Any, ...]],
        properties: dict[str, Properties] | None = None,
        mode: str = "",
    ) -> None:
        """Listen.

        Args:
            root: the examined host's root folder.
            units: the rows of ListUnits.
            properties: of each unit, by the last part of its path.
            mode: empty; ``rejects``, ``chatters`` (no bus at all), ``silent`` (after Hello),
                ``cuts`` (half an answer), ``garbage``, ``huge``, ``big`` (the other byte order),
                or the name of the error that ListUnits is answered with.
        """
        self.asked: list[str] = []
        self._units = units
        self._properties = properties or {}
        self._mode = mode
        self._order = ">" if mode == "big" else "<"
        folder = root / "run" / "dbus"
        folder.mkdir(parents=True, exist_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        handle = os.open(folder, os.O_PATH)
        self._listener.bind(f"/proc/self/fd/{handle}/system_bus_socket")
        os.close(handle)
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with client:
                try:
                    self._talk(client)
                except (OSError, EOFError):
                    continue

    def _talk(self, client: socket.socket) -> None:
        reader = client.makefile("rb")
        with reader:
            line = reader.readline()
            expected = b"\0AUTH EXTERNAL " + str(os.geteuid()).encode().hex().encode() + b"\r\n"
            assert line == expected, line
            if self._mode == "chatters":
                client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                return
            if self._mode == "rejects":
                client.sendall(b"REJECTED EXTERNAL\r\n")
                return
            client.sendall(b"OK 0123456789abcdef0123456789abcdef\r\n")
            assert reader.readline() == b"BEGIN\r\n"
            while True:
                head = reader.read(16)
                if len(head) < 16:
                    return
                _, _, _, version, body, serial, fields = struct.unpack("<cBBBIII", head)
                assert version == 1
                header = _fields(reader.read(fields))
                reader.read(-fields % 8)
                arguments = _arguments(reader.read(body))
                assert header.get(_SIGNATURE, "") == "s" * len(arguments)
                self._reply(client, serial, header, arguments)

    def _reply(
        self, client: socket.socket, serial: int, header: dict[int, str], arguments: list[str]
    ) -> None:
        member = header[_MEMBER]
        self.asked.append(" ".join((member, *arguments)))
        if member == "Hello":
            client.sendall(self._message(4, 0, "s", _text(self._order, ":1.7")))
            client.sendall(self._message(2, serial, "s", _text(self._order, ":1.7")))
        elif self._mode == "silent":
            return
        elif self._mode == "garbage":
            client.sendall(b"\xff" * 64)
        elif self._mode == "huge":
            client.sendall(struct.pack("<cBBBIII", b"l", 2, 0, 1, 1 << 30, 9, 0))
        elif member == "ListUnits" and "." in self._mode:
            client.sendall(self._error(serial, self._mode))
        elif member == "ListUnits":
            answer = self._message(2, serial, "a(ssssssouso)", self._list())
            client.sendall(answer[: len(answer) // 2] if self._mode == "cuts" else answer)
            if self._mode == "cuts":
                raise EOFError
        else:
            unit = header[_PATH].rpartition("/")[2]
            found = self._properties.get(unit, {}).get(" ".join(arguments))
            if found is None:
                client.sendall(self._error(serial, _UNKNOWN_PROPERTY))
            else:
                body = b"\x01s\0\0" + _text(self._order, found)
                client.sendall(self._message(2, serial, "v", body))

    def _list(self) -> bytes:
        rows = b""
        for row in self._units:
            rows += bytes(-len(rows) % 8)
            for cell in row:
                rows += bytes(-len(rows) % 4)
                if isinstance(cell, int):
                    rows += struct.pack(self._order + "I", cell)
                else:
                    rows += _text(self._order, cell)
        return struct.pack(self._order + "I4x", len(rows)) + rows

    def _error(self, serial: int, name: str) -> bytes:
        return self._message(3, serial, "s", _text(self._order, "no"), name)

    def _message(
        self, kind: int, serial: int, signature: str, body: bytes, error: str = ""
    ) -> bytes:
        order = self._order
        fields = b"\x06\x01s\0" + _text(order, ":1.7")
        if serial:
            fields += bytes(-len(fields) % 8) + b"\x05\x01u\0" + struct.pack(order + "I", serial)
        if error:
            fields += bytes(-len(fields) % 8) + b"\x04\x01s\0" + _text(order, error)
        raw = signature.encode()
        fields += bytes(-len(fields) % 8) + b"\x08\x01g\0" + bytes((len(raw),)) + raw + b"\0"
        start = b"B" if order == ">" else b"l"
        head = struct.pack(order + "cBBBIII", start, kind, 1, 1, len(body), 77, len(fields))
        return head + fields + bytes(-len(fields) % 8) + body


def _text(order: str, text: str) -> bytes:
    raw = text.encode()
    return struct.pack(order + "I", len(raw)) + raw + b"\0"


def _fields(data: bytes) -> dict[int, str]:
    """The header fields of a call by their number: texts and one signature."""
    found = {}
    at = 0
    while at < len(data):
        at += -at % 8
        code, kind = data[at], data[at + 2 : at + 3]
        at += 4
        if kind == b"g":
            size, at = data[at], at + 1
        else:
            (size,) = struct.unpack_from("<I", data, at)
            at += 4
        found[code] = data[at : at + size].decode()
        at += size + 1
    return found


def _arguments(body: bytes) -> list[str]:
    found = []
    at = 0
    while at < len(body):
        at += -at % 4
        (size,) = struct.unpack_from("<I", body, at)
        found.append(body[at + 4 : at + 4 + size].decode())
        at += 5 + size
    return found
