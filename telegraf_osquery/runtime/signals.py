"""Signals become bytes in a pipe that the supervisor polls: handlers do nothing but note a stop.

SIGTERM stops. SIGINT is ignored, because Ctrl-C in a terminal reaches Telegraf and us alike and
Telegraf stops us in order. SIGHUP, SIGUSR1 and SIGUSR2 are the ticks that ``inputs.execd`` sends
when its ``signal`` option names them. Left alone, each of them would end the process, so they are
taken over before anything that may wait.
"""

import os
import signal

STOP = (signal.SIGTERM,)
TICK = (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


def hold_ticks() -> None:
    """Ticks that come while the process is starting are dropped instead of ending it."""
    for number in TICK:
        signal.signal(number, signal.SIG_IGN)


class Signals:
    """The process's signals as a descriptor to poll."""

    def __init__(self, *, interruptible: bool = False) -> None:
        """``interruptible``: SIGINT stops as well, as a person expects of a service."""
        self._stop = (*STOP, signal.SIGINT) if interruptible else STOP
        self._told = False
        self.reader, self._writer = os.pipe()
        for fd in (self.reader, self._writer):
            os.set_blocking(fd, False)
        self._former = {n: signal.getsignal(n) for n in (*STOP, *TICK, signal.SIGINT)}
        signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        for number in (*self._stop, *TICK):
            signal.signal(number, self._note)

    def _note(self, number: int, _frame: object) -> None:
        """The pipe has the number already, unless it was full: a tick may be lost, a stop not."""
        self._told = self._told or number in self._stop

    def wake(self) -> None:
        """Make the poll return; callable from any thread, also a late one. A full pipe wakes."""
        try:
            os.write(self._writer, b"\0")
        except OSError:
            return

    def read(self) -> tuple[bool, int]:
        """Whether we were told to stop, and how many ticks came since the last call."""
        try:
            numbers = os.read(self.reader, 4096)
        except BlockingIOError:
            numbers = b""
        self._told = self._told or any(number in numbers for number in self._stop)
        return self._told, sum(numbers.count(number) for number in TICK)

    def close(self) -> None:
        """Put back what was there before; may be called twice."""
        if self._writer < 0:
            return
        signal.set_wakeup_fd(-1)
        for number, handler in self._former.items():
            signal.signal(number, handler)
        reader, writer = self.reader, self._writer
        self.reader = self._writer = -1  # first, so that no late wake writes into a new file
        os.close(reader)
        os.close(writer)
