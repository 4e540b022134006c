"""The writer that Telegraf reads from."""

import fcntl
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from telegraf_osquery.clock import SystemClock
from telegraf_osquery.runtime import streams


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    yield reader, writer
    for fd in (reader, writer):
        try:
            os.close(fd)
        except OSError:
            continue


def lines(count: int, seed: int) -> list[bytes]:
    rng = random.Random(seed)  # noqa: S311 - sizes, not secrets
    return [b"%d " % i + b"x" * rng.randrange(1, 6000) + b"\n" for i in range(count)]


class TestPipeOutput:
    def test_everything_arrives_in_order(self, pipe: tuple[int, int]) -> None:
        """What is written comes out unchanged, however slowly it is read."""
        reader, writer = pipe
        output = streams.PipeOutput(writer, SystemClock())
        sent = lines(2000, 1)
        got = bytearray()

        def read() -> None:
            while chunk := os.read(reader, 3001):
                got.extend(chunk)

        thread = threading.Thread(target=read)
        thread.start()
        for start in range(0, len(sent), 100):
            output.write(sent[start : start + 100])
        output.close()
        thread.join()
        assert bytes(got) == b"".join(sent)

    @pytest.mark.parametrize("seed", range(6))
    def test_a_write_never_blocks_half_way(self, pipe: tuple[int, int], seed: int) -> None:
        """Each write fits the free room: on a non-blocking pipe none is ever cut short."""
        reader, writer = pipe
        output = streams.PipeOutput(writer, SystemClock())
        os.set_blocking(writer, False)
        rng = random.Random(seed)  # noqa: S311 - sizes, not secrets
        stop = threading.Event()

        def read() -> None:
            while chunk := os.read(reader, rng.randrange(1, 9000)):
                stop.wait(0.0001 if len(chunk) % 7 else 0.002)

        thread = threading.Thread(target=read)
        thread.start()
        for start in range(0, 3000, 3):
            output.write(lines(3, seed * 10000 + start))  # BlockingIOError would fail the test
        output.close()
        thread.join()

    def test_a_line_larger_than_the_pipe_passes(self, pipe: tuple[int, int]) -> None:
        """The documented exception is written whole all the same."""
        reader, writer = pipe
        output = streams.PipeOutput(writer, SystemClock())
        big = b"y" * (3 << 20) + b"\n"
        got = bytearray()

        def read() -> None:
            while chunk := os.read(reader, 1 << 16):
                got.extend(chunk)

        thread = threading.Thread(target=read)
        thread.start()
        output.write([big, b"after\n"])
        output.close()
        thread.join()
        assert bytes(got) == big + b"after\n"

    def test_a_vanished_reader_is_told(self, pipe: tuple[int, int]) -> None:
        """Writing to nobody raises BrokenPipeError instead of killing the process."""
        reader, writer = pipe
        output = streams.PipeOutput(writer, SystemClock())
        os.close(reader)
        with pytest.raises(BrokenPipeError):
            output.write([b"a\n"])

    def test_waiting_can_be_given_up(self, pipe: tuple[int, int]) -> None:
        """A reader that never reads does not hold us for ever."""
        output = streams.PipeOutput(pipe[1], SystemClock(), give_up=lambda: True)
        with pytest.raises(BrokenPipeError):
            output.write([b"x" * 60000 + b"\n"] * 40)

    def test_drain_waits_for_the_reader(self, pipe: tuple[int, int]) -> None:
        """Draining is True only once the pipe is empty."""
        reader, writer = pipe
        output = streams.PipeOutput(writer, SystemClock())
        output.write([b"a\n"])
        assert not output.drain(0.05)
        assert os.read(reader, 10) == b"a\n"
        assert output.drain(0.05)

    def test_a_kill_never_leaves_a_part_of_a_line(self) -> None:
        """A writer killed at any moment has written whole lines only."""
        program = (
            "from telegraf_osquery.clock import SystemClock\n"
            "from telegraf_osquery.runtime import streams\n"
            "out = streams.PipeOutput(1, SystemClock())\n"
            "while True: out.write([b'k' * 1500 + b'\\n'] * 50)\n"
        )
        for round_ in range(5):
            child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
            assert child.stdout is not None
            data = bytearray(os.read(child.stdout.fileno(), 65536))
            for _ in range(round_ * 20):
                data += os.read(child.stdout.fileno(), 777)
            child.send_signal(signal.SIGKILL)
            data += child.stdout.read()
            child.stdout.close()
            child.wait()
            assert data.endswith(b"\n")


class TestPrivateStreams:
    def test_stray_prints_never_reach_stdout(self) -> None:
        """After the move, print goes to stderr and only the private descriptor is stdout."""
        program = (
            "import os\n"
            "from telegraf_osquery.runtime import streams\n"
            "fd = streams.private_stdout(); print('stray', flush=True)\n"
            "os.write(fd, b'm a=1i 1\\n')\n"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
        assert done.stdout == b"m a=1i 1\n"
        assert b"stray" in done.stderr

    def test_children_cannot_eat_newlines(self) -> None:
        """Descriptor 0 is empty afterwards; the private one still has Telegraf's newlines."""
        program = (
            "import os\n"
            "from telegraf_osquery.runtime import streams\n"
            "fd = streams.private_stdin(); print(repr(os.read(0, 9)), os.read(fd, 9))\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", program], input=b"\n\n", capture_output=True, check=True
        )
        assert done.stdout == b"b'' b'\\n\\n'\n"

    def test_private_descriptors_are_not_inherited(self) -> None:
        """A child program does not hold Telegraf's pipe open."""
        program = (
            "import fcntl\n"
            "from telegraf_osquery.runtime import streams\n"
            "print(fcntl.fcntl(streams.private_stdin(), fcntl.F_GETFD) & fcntl.FD_CLOEXEC)\n"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
        assert done.stdout.strip() == str(fcntl.FD_CLOEXEC).encode()
