"""A clock that moves only when told."""


class ManualClock:
    """Starts at a fixed day in 2026; ``advance`` moves all its hands."""

    def __init__(self, time_ns: int = 1_795_000_000_000_000_000) -> None:
        self._time_ns = time_ns
        self._monotonic = 1000.0
        self._cpu = 0.0

    def time_ns(self) -> int:
        return self._time_ns

    def monotonic(self) -> float:
        return self._monotonic

    def cpu(self) -> float:
        return self._cpu

    def advance(self, seconds: float) -> None:
        self._time_ns += round(seconds * 1_000_000_000)
        self._monotonic += seconds

    def set_wall(self, time_ns: int) -> None:
        """A step of the wall clock, as NTP or a person would do it."""
        self._time_ns = time_ns

    def burn(self, seconds: float) -> None:
        """CPU time spent by the calling thread."""
        self._cpu += seconds
