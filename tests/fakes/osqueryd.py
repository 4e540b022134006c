"""A double of osqueryd's extension socket; framing byte for byte as recorded.

SQL is answered by ``osquery_sql``. A comment in the SQL text makes a ``query`` misbehave:

* ``fault=slow``: the answer dribbles, 40 bytes every 10 ms;
* ``fault=cut``: half of the answer, then the connection is closed;
* ``fault=half``: half of the answer, then nothing;
* ``fault=hang``: nothing at all;
* ``fault=garbage``: bytes that are no Thrift;
* ``fault=sequence``: the answer has another sequence id;
* ``fault=huge``, ``fault=negative``: a text in the first row claims a wild length;
* ``fault=refused``: the daemon does not know the call;
* ``fault=die``: the daemon closes every connection and its socket.

``fault=columns:…`` does the same to ``getQueryColumns``. ``beside`` starts one in a process of its
own, which ends with its stdin.
"""

import contextlib
import json
import os
import re
import select
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from tests.fakes import thrift_values as wire
from tests.fakes.osquery_sql import RECORDED, Backend, SqlError, cut

_FAULT = re.compile(r"fault=(columns:)?(\w+)")
_OPTIONS = RECORDED.parent / "options.json"
_CALLS = RECORDED.parent / "plugin_calls.json"


class _HungUpError(Exception):
    """The client has hung up."""


class FakeOsqueryd:
    """Listens from the start; ``close`` ends it.

    Attributes:
        path: of the socket.
        asked: names of the calls that came, in order.
        heard: all bytes that came.
        open: connections that are open now.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        recorded: bool = False,
        odd: bool = False,
        accept: bool = True,
    ) -> None:
        """``recorded``, ``odd``: as ``Backend``. ``accept`` false: it only listens."""
        self.path = str(path)
        self.asked: list[str] = []
        self.heard = b""
        self.open: set[socket.socket] = set()
        self._make = partial(Backend, recorded=recorded, odd=odd)
        self._primary: Backend | None = self._make()
        self._lock = threading.Lock()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(self.path)
        self._listener.listen(16)
        self._threads: list[threading.Thread] = []
        if accept:
            self._start(self._accept)

    def close(self) -> None:
        """As SIGTERM: the socket file goes, open connections end."""
        if os.path.exists(self.path):
            os.unlink(self.path)
        self.die()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(5)
        if self._primary is not None:
            self._primary.close()
            self._primary = None

    def die(self) -> None:
        """As SIGKILL: the socket file stays, and nobody listens."""
        for one in (self._listener, *list(self.open)):
            with contextlib.suppress(OSError):  # it never had another end
                one.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _start(self, work: Any, *arguments: Any) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._threads = [thread for thread in self._threads if thread.is_alive()]
            self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        self.open.add(connection)
        session = _Session(self, connection)
        try:
            with connection:
                session.serve()
        except (_HungUpError, OSError):
            return
        finally:
            self.open.discard(connection)

    def backend(self, gone: Any) -> "_Lent":
        """The primary database if it is free, else another one, as osqueryd does."""
        with self._lock:
            lent, self._primary = self._primary, None
        if lent is None:
            return _Lent(self, self._make(expired=gone), primary=False)
        lent._engine._host.deadline._given_up = gone  # type: ignore[attr-defined]
        return _Lent(self, lent, primary=True)

    def take_back(self, backend: Backend, *, primary: bool) -> None:
        if primary:
            self._primary = backend
        else:
            backend.close()


class _Lent:
    """A database for the length of one call."""

    def __init__(self, daemon: FakeOsqueryd, backend: Backend, *, primary: bool) -> None:
        self._daemon, self._backend, self._primary = daemon, backend, primary

    def __enter__(self) -> Backend:
        return self._backend

    def __exit__(self, *_: object) -> None:
        self._daemon.take_back(self._backend, primary=self._primary)


class _Session:
    """One connection."""

    def __init__(self, daemon: FakeOsqueryd, connection: socket.socket) -> None:
        self._daemon = daemon
        self._connection = connection

    def serve(self) -> None:
        """Answer calls until something comes that is none."""
        try:
            while True:
                self._serve_one()
        except wire.NonsenseError:
            self._connection.recv(1 << 16, socket.MSG_DONTWAIT)  # a close, not a reset

    def _serve_one(self) -> None:
        name, _, sequence = wire.read_head(self._take)
        fields = dict(wire.read(self._take, wire.STRUCT))
        arguments = [fields[key][1] for key in sorted(fields)]
        method = name.decode("utf-8", "replace")
        self._daemon.asked.append(method)
        answer = self._answer(method, arguments)
        if answer is None:
            text = b"Invalid method name: '" + name + b"'"
            failure = [(1, (wire.STRING, text)), (2, (wire.I32, 1))]
            reply = wire.message(name, wire.EXCEPTION, sequence, failure)
        else:
            reply = wire.message(name, wire.REPLY, sequence, [(0, answer)])
        fault = _fault(method, arguments)
        if fault:
            self._misbehave(fault, reply, name, sequence)
        else:
            self._connection.sendall(reply)

    def _answer(self, method: str, arguments: list[Any]) -> Any:
        answers: dict[str, Callable[..., Any]] = {
            "ping": lambda: wire.status(text=b"pong"),
            "extensions": lambda: (wire.MAP, (wire.I64, wire.STRUCT, [])),
            "options": _options,
            "registerExtension": _registered,
            "deregisterExtension": lambda _: wire.status(1, b"No extension UUID found"),
            "call": _plugin,
            "query": self._query,
            "getQueryColumns": self._columns,
        }
        return answers[method](*arguments) if method in answers else None

    def _query(self, sql: bytes) -> Any:
        try:
            with self._daemon.backend(self._hung_up) as backend:
                found = backend.rows(sql.decode("utf-8", "surrogateescape"))
                rows = [{name.encode(): _text(cell) for name, cell in row.items()} for row in found]
        except SqlError as error:
            return wire.response(wire.status(1, str(error).encode()), [])
        return wire.response(wire.status(), rows)

    def _columns(self, sql: bytes) -> Any:
        try:
            with self._daemon.backend(self._hung_up) as backend:
                found = backend.columns(sql.decode("utf-8", "surrogateescape"))
        except SqlError as error:
            return wire.response(wire.status(1, str(error).encode()), [])
        rows = [{name.encode(): kind.encode()} for name, kind in found]
        return wire.response(wire.status(), rows)

    def _misbehave(self, fault: str, reply: bytes, name: bytes, sequence: int) -> None:
        half = reply[: len(reply) // 2]
        behind_head = reply[len(wire.head(name, wire.REPLY, 0)) :]
        text = [(1, (wire.STRING, b"Invalid method name: 'query'")), (2, (wire.I32, 1))]
        bytes_: dict[str, Callable[[], bytes]] = {
            "cut": lambda: half,
            "half": lambda: half,
            "garbage": lambda: b"HTTP/1.1 400 Bad Request\r\n\r\n" + b"\xff" * 200,
            "sequence": lambda: wire.head(name, wire.REPLY, sequence + 1) + behind_head,
            "huge": lambda: _with_length(reply, 0x7FFFFFF0),
            "negative": lambda: _with_length(reply, -1),
            "refused": lambda: wire.message(name, wire.EXCEPTION, sequence, text),
        }
        if fault == "slow":
            self._dribble(reply)
            return
        self._connection.sendall(bytes_.get(fault, bytes)())
        if fault == "die":
            self._daemon.die()
        if fault in {"cut", "die"}:
            raise _HungUpError
        if fault in {"half", "hang", "huge", "negative"}:
            while self._connection.recv(1024):
                pass
            raise _HungUpError

    def _dribble(self, reply: bytes) -> None:
        for at in range(0, len(reply), 40):
            self._connection.sendall(reply[at : at + 40])
            select.select([], [], [], 0.01)

    def _hung_up(self) -> bool:
        """Whether nobody waits for the answer; the real daemon goes on, a test does not want it."""
        if not select.select([self._connection], [], [], 0)[0]:
            return False
        try:
            return not self._connection.recv(1, socket.MSG_PEEK)
        except OSError:
            return True

    def _take(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            more = self._connection.recv(size - len(data))
            if not more:
                raise _HungUpError
            data += more
        self._daemon.heard += data
        return data


def _with_length(reply: bytes, size: int) -> bytes:
    """The answer up to its last row, whose first text claims to be so long."""
    return reply[: reply.rindex(b"\x0b\x0b") + 6] + struct.pack("!i", size) + b"x" * 100


def _fault(method: str, arguments: list[Any]) -> str:
    if method not in {"query", "getQueryColumns"}:
        return ""
    found = _FAULT.search(arguments[0].decode("utf-8", "replace"))
    return found[2] if found and bool(found[1]) == (method == "getQueryColumns") else ""


def _text(cell: Any) -> bytes:
    """A value as the daemon writes it: 15 digits, ``.0`` behind what has no point."""
    if cell is None:
        return b""
    if isinstance(cell, float):
        text = f"{cell or 0.0:.15g}"
        return (text if "." in text else f"{text}.0").encode()
    return cut(cell) if isinstance(cell, str | bytes) else str(cell).encode()


def _options() -> Any:
    recorded = json.loads(_OPTIONS.read_text())["flags"]
    flags = [
        (
            name.encode(),
            [
                (number, (wire.STRING, text.encode()))
                for number, text in enumerate((value, default, kind), start=1)
            ],
        )
        for name, (value, default, kind) in recorded.items()
    ]
    return wire.MAP, (wire.STRING, wire.STRUCT, flags)


def _registered(_info: Any, registry: Any) -> Any:
    for name, (_, _, routes) in registry[2]:
        if name == b"table" and any(item == b"users" for item, _ in routes):
            return wire.status(1, b"Duplicate extension registered")
    return wire.status(uuid=7581)


def _plugin(registry: bytes, item: bytes, request: Any) -> Any:
    """Calls of other plugins: those that were recorded."""
    key = [registry.decode(), item.decode(), {k.decode(): v.decode() for k, v in request[2]}]
    for recorded in json.loads(_CALLS.read_text()):
        if recorded["args"] == key:
            ended = wire.status(recorded["code"], recorded["message"].encode())
            rows = [{k.encode(): v.encode() for k, v in row.items()} for row in recorded["rows"]]
            return wire.response(ended, rows)
    if key[0] in {"table", "config"}:
        return wire.response(wire.status(1, b"Cannot call registry item: " + item), [])
    return wire.response(wire.status(1, b"Unknown registry requested: " + registry), [])


@contextlib.contextmanager
def beside(path: str | Path, *arguments: str) -> Iterator[int]:
    """An osqueryd in a process of its own; gives its process id."""
    command = [sys.executable, "-m", "tests.fakes.osqueryd", str(path), *arguments]
    root = Path(__file__).parent.parent.parent
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=root, stdin=pipe, stdout=pipe) as process:
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        yield process.pid
        process.stdin.close()


if __name__ == "__main__":
    daemon = FakeOsqueryd(sys.argv[1], recorded="--recorded" in sys.argv, odd="--odd" in sys.argv)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.read()
    daemon.close()
