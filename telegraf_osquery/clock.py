"""The only reader of time, and the deadline that can be stopped."""

import contextlib
import time
from collections.abc import Iterator
from typing import Protocol

SECOND = 1_000_000_000


class Clock(Protocol):
    """What the rest of the package may know about time."""

    def time_ns(self) -> int:
        """Wall clock, nanoseconds since 1970 (may step back)."""

    def monotonic(self) -> float:
        """Seconds that only grow, with an arbitrary zero."""

    def cpu(self) -> float:
        """CPU seconds (user + system) of the calling thread."""


class SystemClock:
    """The host's clocks."""

    def time_ns(self) -> int:
        return time.time_ns()

    def monotonic(self) -> float:
        return time.monotonic()

    def cpu(self) -> float:
        return time.thread_time()


class Deadline:
    """Seconds of work that are left; waiting for others does not count.

    A query may run for its deadline, but the time its consumer spends on a full pipe, the pacer or
    the store is not the query's: the consumer wraps that in ``paused()``.
    """

    __slots__ = ("_clock", "_ends", "_stopped")

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._ends = clock.monotonic() + seconds
        self._stopped = 0.0

    def left(self) -> float:
        """Seconds left, never below 0; frozen while paused."""
        now = self._stopped or self._clock.monotonic()
        return max(0.0, self._ends - now)

    def expired(self) -> bool:
        return self.left() <= 0.0

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Stop the deadline for the length of the block. Not nested."""
        self._stopped = self._clock.monotonic()
        try:
            yield
        finally:
            self._ends += self._clock.monotonic() - self._stopped
            self._stopped = 0.0
