"""The only owner of fd 0 and 1 while Telegraf is served.

Telegraf reads our stdout through a pipe. Three of its habits decide what is done here:

* a line cut by a kill is a valid wrong metric, so lines are written in pieces that fit the free
  room of the pipe: such a write neither blocks nor stops half-way;
* what stands in the pipe when the child exits may be lost, so we leave only after it was read;
* everything on stdout is parsed, so fd 1 is moved away and stray prints land on stderr.
"""

import collections
import fcntl
import os
import select
import stat
import sys
import termios
import threading
from collections.abc import Callable, Sequence

from telegraf_osquery.clock import Clock
from telegraf_osquery.runtime.output import Output, pause

PIPE_WANTED = 1 << 20
"""What F_SETPIPE_SZ asks for; /proc/sys/fs/pipe-max-size allows it to any user by default."""
PAGE = 4096
_POLL_MS = 20
_ROOM_MS = 2
_HANG_UP_MS = 20


def private_stdout() -> int:
    """A private copy of fd 1; fd 1 itself becomes a copy of stderr."""
    kept = fcntl.fcntl(1, fcntl.F_DUPFD_CLOEXEC, 3)
    os.dup2(2, 1)
    return kept


def private_stdin() -> int:
    """A private copy of fd 0; fd 0 itself becomes /dev/null: no child eats Telegraf's newlines."""
    kept = fcntl.fcntl(0, fcntl.F_DUPFD_CLOEXEC, 3)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    return kept


def hang_up() -> None:
    """The last act before exit: let the reader of stderr see its end while we still live.

    Telegraf reads stderr beside its wait for our end, and may close the pipe first: the last lines,
    which say why we leave, would be lost for an error of its own (os/exec, Cmd.StderrPipe).
    """
    null = os.open(os.devnull, os.O_WRONLY)
    for fd in (1, 2):
        os.dup2(null, fd)
    os.close(null)
    pause(_HANG_UP_MS)


def is_pipe(fd: int) -> bool:
    return stat.S_ISFIFO(os.fstat(fd).st_mode)


class FileOutput:
    """A regular file, a terminal or a socket: written as it comes."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._lock = threading.Lock()

    def write(self, lines: Sequence[bytes]) -> None:
        data = memoryview(b"".join(lines))
        with self._lock:
            while data:
                data = data[os.write(self._fd, data) :]

    def queued(self) -> int:
        return 0

    def drain(self, seconds: float) -> bool:
        del seconds
        return True

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class PipeOutput:
    """A pipe whose reader must never see a part of a line.

    A single line larger than the whole pipe cannot keep that promise and is written as it is.
    """

    def __init__(self, fd: int, clock: Clock, give_up: Callable[[], bool] = lambda: False) -> None:
        """``give_up`` is asked while waiting for room; True abandons what was not written yet."""
        self._fd = fd
        self._clock = clock
        self._give_up = give_up
        self._lock = threading.Lock()
        self._capacity = _enlarge(fd)
        self._written: collections.deque[int] = collections.deque()
        self._bytes = 0
        self._poll = select.poll()
        self._poll.register(fd, select.POLLOUT)

    def write(self, lines: Sequence[bytes]) -> None:
        with self._lock:
            start = 0
            while start < len(lines):
                room = self._wait_for(min(len(lines[start]), self._capacity))
                end, size = start + 1, len(lines[start])
                while end < len(lines) and size + len(lines[end]) <= room:
                    size += len(lines[end])
                    end += 1
                self._write_all(b"".join(lines[start:end]))
                start = end

    def _write_all(self, data: bytes) -> None:
        self._written.append(len(data))
        self._bytes += len(data)
        view = memoryview(data)
        while view:
            view = view[os.write(self._fd, view) :]

    def queued(self) -> int:
        answer = bytearray(4)
        fcntl.ioctl(self._fd, termios.FIONREAD, answer)
        return int.from_bytes(answer, sys.byteorder)

    def _room(self) -> int:
        """Bytes that fit for certain.

        The kernel counts pages, and a write starts a new page when its rest does not fit the last
        one (Linux fs/pipe.c, pipe_write), so the pages of the writes not read yet are added up.
        """
        unread = self.queued()
        while self._written and self._bytes - self._written[0] >= unread:
            self._bytes -= self._written.popleft()
        pages = sum(-(-size // PAGE) for size in self._written)
        return self._capacity - pages * PAGE

    def _wait_for(self, size: int) -> int:
        """Bytes of free room, once ``size`` bytes fit."""
        while True:
            for _fd, events in self._poll.poll(_POLL_MS):
                if events & select.POLLERR:
                    raise BrokenPipeError
                room = self._room()
                if room >= size:
                    return room
                pause(_ROOM_MS)
            if self._give_up():
                raise BrokenPipeError

    def drain(self, seconds: float) -> bool:
        ends = self._clock.monotonic() + seconds
        gone = select.poll()
        gone.register(self._fd, 0)
        while self.queued():
            if gone.poll(5) or self._clock.monotonic() > ends:
                return False
        return True

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _enlarge(fd: int) -> int:
    """The pipe's capacity in bytes, after asking for more."""
    try:
        return fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, PIPE_WANTED)
    except (OSError, PermissionError):
        return fcntl.fcntl(fd, fcntl.F_GETPIPE_SZ)


def open_output(fd: int, clock: Clock, give_up: Callable[[], bool]) -> Output:
    """The right writer for what fd 1 was."""
    return PipeOutput(fd, clock, give_up) if is_pipe(fd) else FileOutput(fd)
