"""How is measured: interleaved runs, medians, CPU time per row."""

import statistics
import time
from collections.abc import Callable

import msgspec

Task = Callable[[], float]
"""One run; gives CPU microseconds per row."""


class Setup(msgspec.Struct, frozen=True):
    """How much is measured."""

    rows: int = 50_000
    rounds: int = 7
    seed: int = 20_261


class Result(msgspec.Struct, frozen=True):
    """One figure.

    Attributes:
        name: what was measured.
        rival: what it is compared with.
        ours: in ``unit``, median of the rounds.
        theirs: the rival's, likewise.
        ratio: the figure that has a target.
        target: such as ``<= 3.6``.
        unit: of ``ours`` and ``theirs``.
        note: what a reader should know.
    """

    name: str
    rival: str
    ours: float
    theirs: float
    ratio: float
    target: str
    unit: str = "µs CPU/row"
    note: str = ""

    @property
    def met(self) -> bool:
        sign, limit = self.target.split()
        return self.ratio <= float(limit) if sign == "<=" else self.ratio >= float(limit)


def medians(tasks: dict[str, Task], rounds: int) -> dict[str, float]:
    """Run all tasks in turn, ``rounds`` times, after one round that warms up."""
    times: dict[str, list[float]] = {name: [] for name in tasks}
    for number in range(rounds + 1):
        for name, task in tasks.items():
            spent = task()
            if number or rounds == 1:
                times[name].append(spent)
    return {name: statistics.median(spent) for name, spent in times.items()}


def cpu_per_row(work: Callable[[], object], rows: int) -> Task:
    """CPU time of this process for ``work``."""

    def run() -> float:
        start = time.process_time()
        work()
        return (time.process_time() - start) / rows * 1e6

    return run
