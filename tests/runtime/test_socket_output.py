"""Lines into a socket that may go away and come back."""

import socket
import threading
from collections.abc import Iterator, Sequence

import pytest

from telegraf_osquery.errors import TryLaterError
from telegraf_osquery.net.lines import Address, LineSocket
from telegraf_osquery.runtime import collect
from telegraf_osquery.runtime.collect import SocketOutput
from telegraf_osquery.telemetry.counters import Counters
from telegraf_osquery.telemetry.instruments import Instruments
from telegraf_osquery.telemetry.log import Log
from tests.fakes.clock import ManualClock

LINES = [b"m a=1i 1\n", b"m a=2i 2\n", b"m a=3i 3\n"]


class ScriptedSocket(LineSocket):
    """A connection whose fate is written down: what each connect and send does.

    ``seen`` is what each connection has taken.
    """

    def __init__(self, connects: Sequence[str], sends: Sequence[int | str] = ()) -> None:
        super().__init__(Address(path="/run/t.sock"))
        self.connects = list(connects)
        self.sends = list(sends)
        self.seen: list[bytes] = []
        self.up = False

    @property
    def connected(self) -> bool:
        return self.up

    def connect(self) -> None:
        if self.connects and (error := self.connects.pop(0)):
            raise TryLaterError(error)
        self.up = True
        self.seen.append(b"")

    def send(self, data: memoryview) -> int:
        step = self.sends.pop(0) if self.sends else len(data)
        if isinstance(step, str):
            self.up = False
            raise TryLaterError(step)
        self.seen[-1] += bytes(data[:step])
        return min(step, len(data))


class Writer:
    """An output over a scripted socket; the clock goes on whenever the output waits."""

    def __init__(self, line: LineSocket, patience: float = 1e9) -> None:
        self.clock = ManualClock()
        self.lines: list[bytes] = []
        self.counters = Counters()
        self.waits: list[float] = []
        self.patience = patience
        instruments = Instruments(self.clock, Log(self.lines.append), self.counters)
        self.output = SocketOutput(line, instruments, self.give_up)
        self.output._pause = self  # type: ignore[assignment] # its wait moves the clock

    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)

    def give_up(self) -> bool:
        return self.clock.monotonic() - 1000.0 > self.patience

    def warnings(self) -> list[bytes]:
        return [line for line in self.lines if line.startswith(b"W! ")]


class TestConnecting:
    def test_it_waits_for_a_listener(self) -> None:
        """Longer each time, up to a quarter of a minute; told once, and the lines are not lost."""
        line = ScriptedSocket(["refused"] * 8)
        writer = Writer(line)
        writer.output.write(LINES)
        assert line.seen == [b"".join(LINES)]
        took = writer.clock.monotonic() - 1000
        assert took == pytest.approx(0.5 + 1 + 2 + 4 + 8 + 15 + 15 + 15, abs=0.5)
        assert len(writer.warnings()) == 1
        assert writer.counters.snapshot()["reconnects"] == 0

    def test_another_reason_is_told_too(self) -> None:
        """First there was no file, then no permission: both have to be known."""
        line = ScriptedSocket(["no such file", "no such file", "permission denied"])
        writer = Writer(line)
        writer.output.write(LINES)
        assert len(writer.warnings()) == 2

    def test_the_next_outage_is_told_anew(self) -> None:
        """After lines have gone through, the same reason is news again."""
        line = ScriptedSocket(["", "refused", "refused", ""], [27, "broken", 27, "broken"])
        writer = Writer(line)
        for _ in range(3):
            writer.output.write(LINES)
        told = [line for line in writer.warnings() if b"broken" in line]
        assert len(told) == 2
        assert writer.counters.snapshot()["reconnects"] == 2

    def test_stopping_ends_the_wait(self) -> None:
        """Nobody listens and the time is over: the writer is told so."""
        writer = Writer(ScriptedSocket(["refused"] * 1000), patience=100)
        with pytest.raises(BrokenPipeError):
            writer.output.write(LINES)
        assert 100 < writer.clock.monotonic() - 1000 < 101


class TestBreaking:
    @pytest.mark.parametrize("cut", range(1, 27))
    def test_a_connection_that_breaks_in_mid_write(self, cut: int) -> None:
        """All lines of the write go again, whole, over the next one."""
        line = ScriptedSocket(["", ""], [cut, "broken"])
        writer = Writer(line)
        writer.output.write(LINES)
        assert line.seen == [b"".join(LINES)[:cut], b"".join(LINES)]
        assert writer.counters.snapshot()["reconnects"] == 1

    def test_short_sends_are_put_together(self) -> None:
        """A slow receiver gets every byte once."""
        line = ScriptedSocket([""], [1, 0, 0, 5, 0, 7])
        writer = Writer(line)
        writer.output.write(LINES)
        assert line.seen == [b"".join(LINES)]
        assert writer.warnings() == []

    def test_a_listener_that_hangs_up_at_once_is_not_run_down(self) -> None:
        """Accepted and closed again and again (max_connections): the tries get rarer."""
        line = ScriptedSocket([], ["closed"] * 20)
        writer = Writer(line)
        writer.output.write(LINES)
        assert len(line.seen) == 21
        assert writer.clock.monotonic() - 1000 > 15 * 14
        assert len(writer.warnings()) == 1

    def test_stopping_ends_a_write_that_nobody_takes(self) -> None:
        """The receiver is there but reads no more."""
        line = ScriptedSocket([""], [5] + [0] * 10_000)
        writer = Writer(line, patience=3)
        original = line.send

        def send(data: memoryview) -> int:
            writer.clock.advance(1)  # as the timeout of a real one
            return original(data)

        line.send = send  # type: ignore[method-assign]
        with pytest.raises(BrokenPipeError):
            writer.output.write(LINES)


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        made.listen()
        yield made


class TestReal:
    def output(self, server: socket.socket) -> Writer:
        return Writer(LineSocket(Address(host="127.0.0.1", port=server.getsockname()[1])))

    def test_lines_of_several_lanes_are_not_mixed(self, server: socket.socket) -> None:
        """Each write is one piece, whoever writes."""
        writer = self.output(server)
        pieces = [[b"%d %d\n" % (lane, i) * 50 for i in range(40)] for lane in range(3)]

        def write(lane: int) -> None:
            for piece in pieces[lane]:
                writer.output.write([piece])

        threads = [threading.Thread(target=write, args=(lane,)) for lane in range(3)]
        for thread in threads:
            thread.start()
        peer, _ = server.accept()
        data = b""
        with peer:
            while data.count(b"\n") < 3 * 40 * 50:
                data += peer.recv(1 << 16)
        for thread in threads:
            thread.join()
        writer.output.close()
        found = data.split(b"\n")[:-1]
        blocks = [set(found[start : start + 50]) for start in range(0, len(found), 50)]
        assert all(len(block) == 1 for block in blocks)

    def test_drain_waits_until_the_other_side_has_it(
        self, server: socket.socket, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """True when nothing is under way, False when the time did not suffice."""
        writer = self.output(server)
        assert writer.output.drain(0.1), "never connected"
        writer.output.write(LINES)
        peer, _ = server.accept()
        with peer:
            assert writer.output.drain(5)
            monkeypatch.setattr(writer.output._line, "unread", lambda: 1)
            assert writer.output.queued() == 1
            assert not writer.output.drain(0.1)
        writer.output.close()
        writer.output.close()


def test_the_address_is_asked_for() -> None:
    """There is no usual place to write to."""
    assert "--to" in collect.parser().format_usage()
