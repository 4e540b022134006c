"""Rows per second, so that a burst does not overflow Telegraf's metric buffer."""

import threading

from telegraf_osquery.clock import Clock


class Pacer:
    """A rate shared by all lanes: says how long to wait before so many rows may be written."""

    def __init__(self, rows_per_second: int, burst: int, clock: Clock) -> None:
        """``rows_per_second`` 0 means no limit; ``burst`` rows may go at once after a pause."""
        self._rate = rows_per_second
        self._burst = burst
        self._clock = clock
        self._booked = 0.0
        self._lock = threading.Lock()

    def book(self, rows: int) -> float:
        """Book ``rows`` and return the seconds to wait before writing them."""
        if not self._rate:
            return 0.0
        with self._lock:
            now = self._clock.monotonic()
            start = max(self._booked, now - self._burst / self._rate)
            self._booked = start + rows / self._rate
            return max(0.0, self._booked - now)
