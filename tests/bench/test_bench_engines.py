"""The bench of the engines runs; what it finds is for a quiet machine to say."""

import math

from tests.bench import engines
from tests.bench.measure import Setup


def test_each_engine_has_a_cost_and_a_speed() -> None:
    """Two figures per engine, each with a rival and a finite number."""
    found = list(engines.results(Setup(rows=1500, rounds=1)))
    assert [one.name.split()[0] for one in found] == [
        kind for kind in ("embedded", "process", "socket") for _ in range(2)
    ]
    assert {one.unit for one in found} == {"µs CPU/row", "rows/s"}
    assert all(math.isfinite(one.ratio) and one.ours > 0 and one.rival for one in found)
