"""The recorded dialogues over osqueryd's extension socket, to the byte.

``tests/testcases/thrift``: ``calls`` are requests of a client library and osqueryd's answers, long
ones as a digest; ``raw`` are requests made by hand; ``extension_messages.txt`` is what osqueryd and
an extension said to each other. First the double is held to them, then the engine to the double.
"""

import contextlib
import hashlib
import json
import socket
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from telegraf_osquery.clock import Deadline, SystemClock
from telegraf_osquery.engines.socket import Socket
from telegraf_osquery.errors import QueryError
from tests.fakes import thrift_values as wire
from tests.fakes.osqueryd import FakeOsqueryd

CASES = Path(__file__).parent.parent / "testcases" / "thrift"
CALLS = {path.stem: json.loads(path.read_text()) for path in sorted(CASES.glob("calls/*.json"))}
RAW = {path.stem: json.loads(path.read_text()) for path in sorted(CASES.glob("raw/*.json"))}
MESSAGES = (CASES / "extension_messages.txt").read_text().split()
CLOCK = SystemClock()
_SEQUENCE_BYTES = 4


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeOsqueryd]:
    started = FakeOsqueryd(tmp_path_factory.mktemp("osquery") / "em", recorded=True)
    yield started
    started.close()


def _exchange(path: str, request: bytes, size: int) -> tuple[bytes, bool]:
    """What comes back within ``size`` + 1 bytes, and whether the server hung up then."""
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
        client.sendall(request)
        client.settimeout(5)
        got = b""
        while len(got) < size and (more := client.recv(1 << 16)):
            got += more
        client.settimeout(0.1)
        with contextlib.suppress(TimeoutError):
            more = client.recv(1 << 16)
            return got + more, not more
        return got, False


def _size(case: dict[str, Any]) -> int:
    return int(case["reply_bytes"]) if "reply_bytes" in case else len(case["reply"]) // 2


def _is_recorded(case: dict[str, Any], reply: bytes) -> bool:
    if "reply" in case:
        return bool(reply.hex() == case["reply"])
    return bool(hashlib.blake2b(reply, digest_size=16).hexdigest() == case["reply_blake2b"])


def test_all_dialogues_are_there() -> None:
    """An empty folder would pass all the other tests."""
    assert (len(CALLS), len(RAW), len(MESSAGES)) == (42, 10, 51)


@pytest.mark.parametrize("name", CALLS)
def test_the_double_answers_as_recorded(daemon: FakeOsqueryd, name: str) -> None:
    """Each call on a connection of its own; the answer is recorded to the byte."""
    case = CALLS[name]
    if name == "query_create_read":  # reads the table that another connection has made
        _exchange(daemon.path, bytes.fromhex(CALLS["query_create"]["request"]), 61)
    reply, closed = _exchange(daemon.path, bytes.fromhex(case["request"]), _size(case))
    assert _is_recorded(case, reply)
    assert not closed


@pytest.mark.parametrize("name", RAW)
def test_the_double_takes_odd_bytes_as_recorded(daemon: FakeOsqueryd, name: str) -> None:
    """It answers, waits, or hangs up."""
    case = RAW[name]
    reply, closed = _exchange(daemon.path, bytes.fromhex(case["request"]), _size(case))
    assert (reply.hex(), closed) == (case["reply"], case["end"] == "closed")


def _recorded_messages() -> Iterator[bytes]:
    for case in CALLS.values():
        yield bytes.fromhex(case["request"])
        yield bytes.fromhex(case.get("reply", ""))
    yield from map(bytes.fromhex, MESSAGES)


def test_the_doubles_codec_is_exact() -> None:
    """Every recorded message, read and written again, is the same bytes."""
    count = 0
    for message in filter(None, _recorded_messages()):
        source = BytesIO(message)
        head = wire.read_head(source.read)
        fields = wire.read(source.read, wire.STRUCT)
        assert source.read() == b""
        assert wire.message(*head, fields) == message
        count += 1
    assert count > 100


QUERIES = [name for name, case in CALLS.items() if case["call"] == "query"]
COLUMNS = [name for name, case in CALLS.items() if case["call"] == "getQueryColumns"]


@pytest.fixture
def engine(daemon: FakeOsqueryd) -> Iterator[Socket]:
    made = Socket(CLOCK, daemon.path)
    yield made
    made.close()


def _numbered(request: str, sequence: int) -> bytes:
    """The recorded request, with another sequence id."""
    data = bytes.fromhex(request)
    at = 8 + int.from_bytes(data[4:8], "big")
    return data[:at] + sequence.to_bytes(4, "big") + data[at + _SEQUENCE_BYTES :]


@pytest.mark.parametrize("name", QUERIES)
def test_the_engine_asks_as_recorded(daemon: FakeOsqueryd, engine: Socket, name: str) -> None:
    """Its ``query`` is the recorded request but for the sequence id; getQueryColumns is first."""
    case = CALLS[name]
    daemon.heard = b""
    with contextlib.suppress(QueryError):
        engine.execute(case["args"][0], Deadline(CLOCK, 5))
    first, behind = _message_sizes(daemon.heard)
    assert b"getQueryColumns" in daemon.heard[:first]
    if behind:  # else the first call had an error for an answer already
        assert daemon.heard[first:] == _numbered(case["request"], 2)


@pytest.mark.parametrize("name", COLUMNS)
def test_the_engine_asks_for_columns_as_recorded(
    daemon: FakeOsqueryd, engine: Socket, name: str
) -> None:
    """The same for the first of the two calls."""
    case = CALLS[name]
    daemon.heard = b""
    with contextlib.suppress(QueryError):
        engine.execute(case["args"][0], Deadline(CLOCK, 5))
    first, _ = _message_sizes(daemon.heard)
    assert daemon.heard[:first] == _numbered(case["request"], 1)


def _message_sizes(data: bytes) -> tuple[int, int]:
    """Bytes of the first message, and those behind it."""
    source = BytesIO(data)
    wire.read_head(source.read)
    wire.read(source.read, wire.STRUCT)
    return source.tell(), len(data) - source.tell()


def _recorded_answer(case: dict[str, Any]) -> tuple[int, str, list[dict[str, str]]]:
    """Code, message and rows as the double's codec reads them."""
    source = BytesIO(bytes.fromhex(case["reply"]))
    wire.read_head(source.read)
    (_, (_, response)) = wire.read(source.read, wire.STRUCT)[0]
    status, (_, (_, (_, maps))) = response
    (_, (_, code)), (_, (_, message)), _ = status[1][1]
    rows = [{_text(key): _text(value) for key, value in pairs} for _, _, pairs in maps]
    return code, _text(message), rows


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


ANSWERED = [name for name in QUERIES if "reply" in CALLS[name]]
NOT_ASKED = frozenset(
    {"query_create", "query_empty_text", "query_insert", "query_attach", "query_two_statements"}
)
"""Texts that are not one SELECT: osqueryd answers them, but the guard lets none of them pass."""


NO_NAMES = frozenset({"columns_bad", "columns_missing_where"})
"""The second of the two calls, or already the first, is answered by an error."""


@pytest.mark.parametrize("name", [name for name in ANSWERED if name not in NOT_ASKED])
def test_the_engine_reads_what_was_recorded(engine: Socket, name: str) -> None:
    """Rows by name, bytes that are no UTF-8 replaced; an error with the recorded message."""
    case = CALLS[name]
    code, message, rows = _recorded_answer(case)
    if code:
        with pytest.raises(QueryError) as caught:
            engine.execute(case["args"][0], Deadline(CLOCK, 5))
        assert str(caught.value) == message
        return
    answer = engine.execute(case["args"][0], Deadline(CLOCK, 5))
    got = [
        dict(zip(answer.names, row, strict=True))
        for chunk in answer.chunks
        for row in zip(*chunk, strict=True)
    ]
    assert got == rows


@pytest.mark.parametrize("name", [name for name in COLUMNS if name not in NO_NAMES])
def test_names_come_from_get_query_columns(engine: Socket, name: str) -> None:
    """In their order, and repeated ones as often as they stand."""
    _, _, rows = _recorded_answer(CALLS[name])
    answer = engine.execute(CALLS[name]["args"][0], Deadline(CLOCK, 5))
    assert answer.names == tuple(key for row in rows for key in row)
