"""The socket engine against a double of osqueryd that misbehaves."""

import gc
import os
import socket
import struct
import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telegraf_osquery.clock import Deadline, SystemClock
from telegraf_osquery.engines.base import Answer
from telegraf_osquery.engines.socket import Socket
from telegraf_osquery.engines.thrift_rows import RowReader
from telegraf_osquery.engines.thrift_wire import Session
from telegraf_osquery.errors import EngineUnavailable, QueryError, QueryTimeout
from tests.fakes import thrift_values as wire
from tests.fakes.nobody import as_nobody
from tests.fakes.osqueryd import FakeOsqueryd

CLOCK = SystemClock()
COUNT = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT {}) SELECT x FROM c"


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[FakeOsqueryd]:
    started = FakeOsqueryd(tmp_path / "osquery.em")
    yield started
    started.close()


@pytest.fixture
def engine(daemon: FakeOsqueryd) -> Iterator[Socket]:
    made = Socket(CLOCK, daemon.path)
    yield made
    made.close()


def _within(seconds: float) -> Deadline:
    return Deadline(CLOCK, seconds)


def _rows(answer: Answer) -> list[tuple[Any, ...]]:
    return [row for chunk in answer.chunks for row in zip(*chunk, strict=True)]


def _fault(engine: Socket, fault: str, seconds: float = 5, count: int = 3) -> None:
    _rows(engine.execute(f"{COUNT.format(count)} /* fault={fault} */", _within(seconds)))


def test_no_socket(tmp_path: Path) -> None:
    """It says what was expected and how osqueryd comes to listen."""
    with pytest.raises(EngineUnavailable) as caught:
        Socket(CLOCK, f"{tmp_path}/em").execute("SELECT 1", _within(5))
    assert str(caught.value) == (
        f"socket {tmp_path}/em: there is none, expected osqueryd to listen there; start osqueryd "
        "(without --disable_extensions), or set the path that its --extensions_socket names"
    )


def test_a_dead_socket(daemon: FakeOsqueryd, engine: Socket) -> None:
    """The file of an osqueryd that was killed is told from a missing one."""
    daemon.die()
    with pytest.raises(EngineUnavailable, match="nobody listens, an osqueryd that died left it"):
        engine.execute("SELECT 1", _within(5))


@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_path_that_is_no_socket(tmp_path: Path, what: str) -> None:
    """As dead as a stale one."""
    path = tmp_path / "em"
    if what == "file":
        path.touch()
    else:
        path.mkdir()
    with pytest.raises(EngineUnavailable, match=f"socket {path}: .*nobody listens"):
        Socket(CLOCK, str(path)).execute("SELECT 1", _within(5))


def test_a_path_that_is_too_long() -> None:
    """A unix socket's path has 107 bytes."""
    with pytest.raises(EngineUnavailable, match=r"path too long.*check the path"):
        Socket(CLOCK, "/" + "x" * 200).execute("SELECT 1", _within(5))


def test_a_socket_without_permission(daemon: FakeOsqueryd, engine: Socket) -> None:
    """The message names user, owner, mode and both cures."""
    folder = os.path.dirname(daemon.path)
    os.chmod(daemon.path, 0o555)  # noqa: S103 - no right to write
    for above in (folder, *map(str, Path(folder).parents)):
        if above.startswith("/tmp/"):  # noqa: S108 - where pytest keeps its folders
            os.chmod(above, 0o755)  # noqa: S103
    with as_nobody(), pytest.raises(EngineUnavailable) as caught:
        engine.execute("SELECT 1", _within(5))
    message = str(caught.value)
    assert f"socket {daemon.path}: permission denied for user " in message
    assert "mode 0555" in message
    assert f":rw {daemon.path}" in message
    assert "`telegraf-osquery collect` as root" in message


def test_a_folder_without_permission(tmp_path: Path) -> None:
    """The socket cannot even be looked at."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0)
    with as_nobody(), pytest.raises(EngineUnavailable, match="its folder may not be entered"):
        Socket(CLOCK, str(closed / "em")).execute("SELECT 1", _within(5))


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("cut", r"it closed the connection in the middle of an answer.*its watchdog killed it"),
        ("die", r"it closed the connection in the middle of an answer"),
        ("garbage", r"what came is no answer of osqueryd: .*is it osqueryd that listens there"),
        ("sequence", r"found sequence id 3, expected 2"),
        ("negative", r"no answer of osqueryd: Negative length: -1"),
        ("refused", r"the call query was refused: Invalid method name: 'query'"),
        ("columns:cut", r"it closed the connection"),
        ("columns:garbage", r"no answer of osqueryd"),
        ("columns:sequence", r"found sequence id 2, expected 1"),
    ],
)
def test_a_daemon_that_talks_nonsense(engine: Socket, fault: str, message: str) -> None:
    """Each kind is told apart; nothing of such an answer is taken for rows."""
    with pytest.raises(EngineUnavailable, match=message):
        _fault(engine, fault)


@pytest.mark.parametrize("fault", ["hang", "half", "columns:hang", "columns:half"])
def test_a_stuck_daemon_ends_at_the_deadline(engine: Socket, fault: str) -> None:
    """Nothing, or half an answer and then nothing."""
    started = CLOCK.monotonic()
    with pytest.raises(QueryTimeout, match=r"no complete answer within the deadline"):
        _fault(engine, fault, 0.2)
    assert 0.15 < CLOCK.monotonic() - started < 0.5


def test_a_daemon_that_does_not_accept(tmp_path: Path) -> None:
    """The connection waits in the kernel's queue, then there is no room in it: both end in time."""
    daemon = FakeOsqueryd(tmp_path / "em", accept=False)
    waiting = []
    started = CLOCK.monotonic()
    with pytest.raises(QueryTimeout, match="no complete answer"):
        Socket(CLOCK, daemon.path).execute("SELECT 1", _within(0.1))
    for _ in range(40):
        client = socket.socket(socket.AF_UNIX)
        client.setblocking(False)
        waiting.append(client)
        if client.connect_ex(daemon.path):
            break
    with pytest.raises(QueryTimeout, match="no connection within the deadline"):
        Socket(CLOCK, daemon.path).execute("SELECT 1", _within(0.1))
    assert CLOCK.monotonic() - started < 0.6
    for client in waiting:
        client.close()
    daemon.close()


def test_rows_before_a_fault_stay(engine: Socket) -> None:
    """The answer breaks off in the middle: what came whole is given, the fault comes after it."""
    rows = 0
    chunks = engine.execute(f"{COUNT.format(4000)} /* fault=cut */", _within(5)).chunks
    fault = None
    while fault is None:
        try:
            rows += len(next(chunks)[0])
        except EngineUnavailable as error:
            fault = error
    assert 1500 < rows < 2500


def test_a_slow_answer_is_whole(engine: Socket) -> None:
    """A few bytes at a time."""
    _fault(engine, "slow", 10, 100)
    answer = engine.execute(f"{COUNT.format(100)} /* fault=slow */", _within(10))
    assert [int(row[0]) for row in _rows(answer)] == list(range(1, 101))


def test_a_length_that_cannot_pass_is_refused_at_once(engine: Socket) -> None:
    """The claim is enough: nobody waits for two gigabytes."""
    started = CLOCK.monotonic()
    with pytest.raises(QueryError, match="a value of more than 8 MiB: select less of it"):
        _fault(engine, "huge", 5)
    assert CLOCK.monotonic() - started < 1


def test_a_large_value_passes(engine: Socket) -> None:
    """Larger than what is received at a time, and in a chunk of its own."""
    sql = "SELECT hex(zeroblob(900000)) AS a UNION ALL SELECT 'b' UNION ALL SELECT 'c'"
    chunks = list(engine.execute(sql, _within(5)).chunks)
    assert [len(chunk[0]) for chunk in chunks] == [1, 2]
    assert len(chunks[0][0][0]) == 1_800_000


def test_after_each_fault_the_next_statement_works(engine: Socket, daemon: FakeOsqueryd) -> None:
    """A connection is never used again, so no answer is taken for another's."""
    for fault in ("cut", "garbage", "sequence", "negative", "huge", "half", "refused"):
        with pytest.raises((EngineUnavailable, QueryError, QueryTimeout)):
            _fault(engine, fault, 0.3)
        assert _rows(engine.execute(f"SELECT '{fault}' AS f", _within(5))) == [(fault,)]
    assert "shutdown" not in daemon.asked


def test_a_daemon_that_comes_back(tmp_path: Path) -> None:
    """Its tables are asked again: it may have been upgraded."""
    first = FakeOsqueryd(tmp_path / "em")
    engine = Socket(CLOCK, first.path)
    assert "users" in engine.tables()
    first.close()
    with pytest.raises(EngineUnavailable):
        engine.execute("SELECT 1", _within(5))
    second = FakeOsqueryd(tmp_path / "em")
    assert "users" in engine.tables()
    assert second.asked == ["getQueryColumns", "query"]
    engine.close()
    second.close()


def test_only_two_calls_are_ever_made(engine: Socket, daemon: FakeOsqueryd) -> None:
    """Above all not ``shutdown``."""
    engine.tables()
    engine.release()
    _rows(engine.execute("SELECT 1 AS a", _within(5)))
    assert set(daemon.asked) == {"getQueryColumns", "query"}


@pytest.mark.parametrize(
    ("sql", "message"), [("SELECT 'a\0b'", "NUL character"), ("SELECT '\ud800'", "valid Unicode")]
)
def test_a_text_that_cannot_be_sent(engine: Socket, sql: str, message: str) -> None:
    """Osqueryd would cut it, or Thrift would not carry it."""
    with pytest.raises(QueryError, match=message):
        engine.execute(sql, _within(5))


def test_limited_depends_on_the_daemons_user(engine: Socket) -> None:
    """The other end's user id comes from the kernel; a daemon of root sees all."""
    asked = frozenset({"shadow", "time"})
    engine.execute("SELECT 1", _within(5))
    assert engine.limited(asked) == (frozenset({"shadow"}) if os.geteuid() else frozenset())
    engine._peer = 1000
    assert engine.limited(asked) == {"shadow"}


def test_rows_with_other_columns_than_told(engine: Socket) -> None:
    """What getQueryColumns says is what the guard has checked: other columns are no answer."""
    with pytest.raises(QueryError, match=r"rows have the columns .*getQueryColumns said"):
        _rows(engine.execute("SELECT 1 AS a WHERE 0; SELECT 2 AS b", _within(5)))
    with pytest.raises(EngineUnavailable, match="found a row with the columns"):
        _rows(engine.execute("SELECT 1 AS a; SELECT 2 AS b", _within(5)))


def test_many_connections_leave_nothing(engine: Socket) -> None:
    """Also half-read answers, faults and timeouts: no descriptor, no thread stays."""

    def round_() -> None:
        next(engine.execute(COUNT.format(3000), _within(5)).chunks)
        for fault in ("cut", "garbage"):
            with pytest.raises(EngineUnavailable):
                _fault(engine, fault)

    round_()
    engine.execute("SELECT 1", _within(5)).chunks.close()  # type: ignore[attr-defined]
    before = threading.active_count(), len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        round_()
    engine.execute("SELECT 1", _within(5)).chunks.close()  # type: ignore[attr-defined]
    gc.collect()
    settle = _within(2)
    while threading.active_count() > before[0] and not settle.expired():
        threading.Event().wait(0.01)
    assert threading.active_count() <= before[0]
    assert len(os.listdir("/proc/self/fd")) <= before[1] + 1


@pytest.mark.slow
def test_a_thousand_deadlines_leave_nothing(engine: Socket) -> None:
    """A daemon that is stuck for long: each statement ends in time, nothing piles up."""
    late = 0.0

    def round_() -> float:
        started = CLOCK.monotonic()
        with pytest.raises(QueryTimeout):
            _fault(engine, "hang", 0.03)
        return CLOCK.monotonic() - started - 0.03

    round_()
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(1000):
        late = max(late, round_())
    assert late < 0.5
    engine.close()
    settle = _within(2)
    while len(os.listdir("/proc/self/fd")) > before and not settle.expired():
        threading.Event().wait(0.01)
    assert len(os.listdir("/proc/self/fd")) <= before


class _Canned:
    """A server that gives these bytes in these pieces, whatever it is asked."""

    def __init__(self, folder: Path, pieces: list[bytes]) -> None:
        self.path = str(folder / f"canned-{os.urandom(4).hex()}")
        self._pieces = pieces
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.path)
        self._listener.listen(1)
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        connection, _ = self._listener.accept()
        with connection:
            for piece in self._pieces:
                connection.sendall(piece)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(1024):
                pass

    def close(self) -> None:
        self._thread.join()
        self._listener.close()
        os.unlink(self.path)


_TEXTS = st.binary(max_size=8).map(lambda data: data.replace(b"\0", b""))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(_TEXTS, _TEXTS), max_size=30),
    st.lists(st.integers(0, 2000), max_size=8),
    st.booleans(),
)
def test_rows_are_the_same_however_they_arrive(
    tmp_path_factory: pytest.TempPathFactory,
    cells: list[tuple[bytes, bytes]],
    cuts: list[int],
    odd: bool,
) -> None:
    """In any pieces, and also where a row has its keys in another order."""
    maps = [[(b"a", a), (b"bb", b)] for a, b in cells]
    if odd and maps:
        maps[len(maps) // 2].reverse()
    rows = (wire.LIST, (wire.MAP, [(wire.STRING, wire.STRING, row) for row in maps]))
    response = (wire.STRUCT, [(1, wire.status()), (2, rows)])
    reply = wire.message(b"query", wire.REPLY, 1, [(0, response)])
    edges = sorted({0, len(reply), *(min(cut, len(reply)) for cut in cuts)})
    pieces = [reply[start:end] for start, end in pairwise(edges)]
    server = _Canned(tmp_path_factory.getbasetemp(), pieces)
    session = Session(server.path, _within(5))
    try:
        count = session.ask("query", "SELECT")
        assert count == len(cells)
        got: list[list[bytes]] = []
        reader = RowReader(session)
        while len(got) < count:
            reader.read(got, min(7, count - len(got)), 50)
        session.end()
    finally:
        session.close()
        server.close()
    wanted = cells if not cells or reader.keys == (b"a", b"bb") else [(b, a) for a, b in cells]
    assert [tuple(row) for row in got] == wanted


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_bytes_crash_it(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """An answer with one place changed is an answer or one of the engine's errors."""
    rows = [{b"a": b"12", b"b": b"x" * 9}] * 3
    reply = bytearray(
        wire.message(b"query", wire.REPLY, 1, [(0, wire.response(wire.status(), rows))])
    )
    at = data.draw(st.integers(0, len(reply) - 5))
    if data.draw(st.booleans()):
        reply[at : at + 4] = struct.pack("!i", data.draw(st.integers(-(2**31), 2**31 - 1)))
    else:
        reply[at] = data.draw(st.integers(0, 255))
    server = _Canned(tmp_path_factory.getbasetemp(), [bytes(reply)])
    session = Session(server.path, _within(1))
    try:
        got: list[list[bytes]] = []
        count = session.ask("query", "SELECT")
        reader = RowReader(session)
        while len(got) < count:
            reader.read(got, count - len(got), 1 << 20)
        session.end()
    except (EngineUnavailable, QueryError, QueryTimeout):
        pass
    finally:
        session.close()
        server.close()
