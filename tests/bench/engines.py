"""The engines: what a row of 28 columns costs us on its way to typed cells, and how many pass.

Socket and process are asked of doubles, whose own work is not counted: CPU is this process's,
and rows per second are counted from the first chunk on, when the double has its answer ready. The
embedded engine makes its rows itself, in this process.
"""

import contextlib
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from telegraf_osquery.clock import Deadline, SystemClock
from telegraf_osquery.engines.base import Engine
from telegraf_osquery.engines.embedded import Embedded
from telegraf_osquery.engines.guard import Guard, Limits
from telegraf_osquery.engines.process import Process
from telegraf_osquery.engines.socket import Socket
from telegraf_osquery.schema.analyze import Analyzer
from telegraf_osquery.schema.tables import Schema
from tests.bench.measure import Result, Setup
from tests.fakes import osqueryd, osqueryi
from tests.fakes.osquery_sql import wide_schema, wide_table

_ROWS_MAX = 20_000
_CLOCK = SystemClock()


class _Asked:
    """One engine behind its guard, asked again and again."""

    def __init__(self, engine: Engine, schema: Schema, rows: int) -> None:
        self._guard = Guard(engine, Analyzer(schema), Limits())
        self._sql = f"SELECT * FROM wide WHERE id = '{rows}'"
        self.kind = engine.kind
        self.cpu: list[float] = []
        self.speed: list[float] = []

    def ask(self, *, count: bool) -> None:
        """One answer; CPU in µs per row, and rows per second."""
        cpu = time.process_time()
        chunks = iter(self._guard.run(self._sql, Deadline(_CLOCK, 600)))
        first = len(next(chunks))
        started = time.perf_counter()
        rows = sum(map(len, chunks))
        wall, cpu = time.perf_counter() - started, time.process_time() - cpu
        if count:
            self.cpu.append(cpu / (first + rows) * 1e6)
            self.speed.append(rows / wall)

    def close(self) -> None:
        self._guard.close()


def results(setup: Setup) -> Iterator[Result]:
    """CPU per row against the embedded engine, and rows per second, of each engine."""
    rows = min(setup.rows, _ROWS_MAX)
    with _engines(rows) as asked:
        for number in range(setup.rounds + 1):
            for one in asked:
                one.ask(count=number > 0 or setup.rounds == 1)
        rival = statistics.median(asked[0].cpu)
        for one in asked:
            cpu, speed = statistics.median(one.cpu), statistics.median(one.speed)
            yield Result(
                f"{one.kind} engine, a row to typed cells",
                "embedded engine, which makes the row as well",
                cpu,
                rival,
                cpu / rival,
                "<= 2.0",
            )
            yield Result(
                f"{one.kind} engine, speed",
                "the default pace of writing",
                speed,
                2000.0,
                speed / 2000.0,
                ">= 5.0",
                "rows/s",
            )


@contextlib.contextmanager
def _engines(rows: int) -> Iterator[list[_Asked]]:
    schema = wide_schema()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        program = osqueryi.install(folder)
        with osqueryd.beside(folder / "osquery.em"):
            engines = (
                Embedded(schema, _CLOCK, tables={"wide": wide_table()}),
                Process(_CLOCK, [program], Analyzer(schema)),
                Socket(_CLOCK, str(folder / "osquery.em")),
            )
            asked = [_Asked(engine, schema, rows) for engine in engines]
            try:
                yield asked
            finally:
                for one in asked:
                    one.close()
