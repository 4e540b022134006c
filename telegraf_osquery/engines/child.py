"""A child process on three pipes, in a group of its own."""

import contextlib
import math
import os
import select
import signal
from collections.abc import Callable, Mapping, Sequence

from telegraf_osquery.errors import EngineUnavailable

_READ = 1 << 16
_NAP_MS = 1
_PATIENT, _KILLED = 100, 1000
"""Naps for one that is about to end by itself, and for one that was killed."""
_DAY = 86_400.0


class ChildEnded(EngineUnavailable):
    """It has closed its stdout; the message says how it ended."""


class Child:
    """Started at once; to be ended by ``kill``.

    Attributes:
        pid: its process id, and that of its group.
    """

    def __init__(self, argv: Sequence[str], env: Mapping[str, str]) -> None:
        """Start the program.

        Raises:
            EngineUnavailable: it cannot be started.
        """
        self._name = argv[0]
        ours, theirs = _pipes()
        try:
            self.pid = os.posix_spawn(
                argv[0],
                list(argv),
                env,
                file_actions=[(os.POSIX_SPAWN_DUP2, end, fd) for fd, end in enumerate(theirs)],
                setpgroup=0,
                setsigmask=[],
                setsigdef=[signal.SIGPIPE, signal.SIGINT, signal.SIGTERM, signal.SIGHUP],
            )
        except OSError as error:
            _close(ours)
            raise EngineUnavailable(
                f"{argv[0]}: cannot be started: {error.strerror or error}; expected osquery's shell"
            ) from None
        finally:
            _close(theirs)
        self._open = ours
        self._stdin, self._stdout, self._stderr = ours
        for end in ours:
            os.set_blocking(end, False)
        self._pending = memoryview(b"")
        self._poll = select.poll()
        self._poll.register(self._stdout, select.POLLIN)
        self._poll.register(self._stderr, select.POLLIN)
        self._ended = ""
        self._cpu = 0.0

    def send(self, data: bytes) -> None:
        """Write to its stdin, as far as it reads; the rest goes with the next steps."""
        self._pending = memoryview(bytes(self._pending) + data)
        self._poll.register(self._stdin, select.POLLOUT)

    def step(self, seconds: float) -> tuple[bytes, bytes]:
        """Wait at most so long for something to happen; what came from stdout and stderr.

        Raises:
            ChildEnded: it has ended and everything it said has been given.
        """
        out = err = b""
        closed = False
        for end, _ in self._poll.poll(math.ceil(min(seconds, _DAY) * 1000)):
            if end == self._stdin:
                self._write()
            elif end == self._stdout:
                out = _read(end)
                closed = not out
            else:
                err = _read(end)
                if not err:
                    self._poll.unregister(end)
        if closed and not err:
            _wait(_PATIENT, lambda: _ending(self.pid))
            raise ChildEnded(f"{self._name}: {self.kill()}")
        return out, err

    def rest(self) -> bytes:
        """What is on stderr already, at most 1 MiB."""
        data = b""
        while len(data) < 1 << 20 and (more := _read(self._stderr)):
            data += more
        return data

    def cpu(self) -> float:
        """CPU seconds it has used."""
        if self._open:
            self._cpu = sum(map(int, self._stat()[11:13])) / os.sysconf("SC_CLK_TCK")
        return self._cpu

    def resident(self) -> int:
        """Bytes it has in memory."""
        return int(self._stat()[21]) * os.sysconf("SC_PAGE_SIZE")

    def limit_cpu(self, seconds: float) -> None:
        """End it after so much more CPU time, should nobody be there any more to do it."""
        try:
            import resource

            soft = math.ceil(self.cpu() + min(seconds, _DAY))
            resource.prlimit(self.pid, resource.RLIMIT_CPU, (soft, resource.RLIM_INFINITY))
        except (AttributeError, ImportError, OSError, ValueError):
            return  # not on Linux, or the limit is lower already

    def kill(self) -> str:
        """End its whole group and wait for it; how it ended. May be called again."""
        if self._open:
            self.cpu()
            with contextlib.suppress(OSError):  # all of the group may be gone
                os.killpg(self.pid, signal.SIGKILL)
            _close(self._open)
            self._open = ()
            _wait(_KILLED, self.gone)
        return self._ended or "does not die"

    def gone(self) -> bool:
        """Whether nothing of it is left; one that hangs in the kernel dies later."""
        self._ended = self._ended or _status(self.pid)
        return bool(self._ended)

    def _stat(self) -> list[str]:
        """The fields of /proc/PID/stat from the third on; zeros where there is none."""
        try:
            with open(f"/proc/{self.pid}/stat", encoding="utf-8", errors="replace") as file:
                return file.read().rpartition(")")[2].split()
        except OSError:
            return ["0"] * 50

    def _write(self) -> None:
        try:
            done = os.write(self._stdin, self._pending)
        except BlockingIOError:
            return
        except OSError:
            done = len(self._pending)  # it has closed its end; its stdout will tell the rest
        self._pending = self._pending[done:]
        if not self._pending:
            self._poll.unregister(self._stdin)


def _pipes() -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Our ends and its ends of stdin, stdout, stderr."""
    pairs: list[tuple[int, int]] = []
    try:
        for _ in range(3):
            pairs.append(os.pipe())  # noqa: PERF401 - those that were made are closed below
    except OSError as error:
        _close([end for pair in pairs for end in pair])
        raise EngineUnavailable(f"no pipe for a child process: {error.strerror}") from None
    (in_read, in_write), (out_read, out_write), (err_read, err_write) = pairs
    return (in_write, out_read, err_read), (in_read, out_write, err_write)


def _read(end: int) -> bytes:
    try:
        return os.read(end, _READ)
    except BlockingIOError:
        return b""


def _close(ends: Sequence[int]) -> None:
    for end in ends:
        os.close(end)


def _ending(pid: int) -> bool:
    """Whether it has ended; it stays a zombie, so that its group's number is not reused."""
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return True


def _status(pid: int) -> str:
    """How the process ended; empty while it lives."""
    try:
        found, status = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return "has ended"
    if not found:
        return ""
    if os.WIFSIGNALED(status):
        return f"was killed by {signal.Signals(os.WTERMSIG(status)).name}"
    return f"ended with exit status {os.WEXITSTATUS(status)}"


def _wait(naps: int, done: Callable[[], bool]) -> None:
    while not done() and naps:
        select.poll().poll(_NAP_MS)
        naps -= 1
