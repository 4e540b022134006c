"""A run: one execution of one scheduled query, and the point that closes it."""

from typing import Literal

import msgspec

from telegraf_osquery.model.batch import Batch
from telegraf_osquery.model.column import Column, Type
from telegraf_osquery.model.names import RUN_MEASUREMENT, measurement
from telegraf_osquery.model.rows import Rows

Outcome = Literal["ok", "empty", "partial", "failed", "refused", "skipped"]

MIN_STEP = 1_000_000_000
"""Bases of one (host, measurement) lie at least this far apart (ns)."""
SPAN_MAX = 500_000_000
"""Offsets of one run stay below this, so two rows of one run are less than 0.5 s apart."""


def next_base(clock_ns: int, last_base: int) -> int:
    """The base of the next run: strictly growing, also over clock steps back and restarts."""
    return max(clock_ns, last_base + MIN_STEP) if last_base else clock_ns


class RunEnd(msgspec.Struct, frozen=True, kw_only=True):
    """The end-of-run marker, the health metric and the ledger's upstream count.

    Attributes:
        run: +1 per run of this measurement.
        span: highest offset + 1.
        rows_total: rows of all runs of this measurement so far, this one included.
        limited: the tables show less than all without root; a steady flag, not an outcome.
        time: ns since 1970, strictly growing among run ends.
        reason: why the outcome is not ``ok`` or ``empty``; empty otherwise.
    """

    host: str
    pack: str
    query: str
    run: int
    base: int
    rows: int
    span: int
    rows_total: int
    outcome: Outcome
    time: int
    limited: bool = False
    wall_ms: float = 0.0
    cpu_ms: float = 0.0
    engine: str = ""
    sql_digest: str = ""
    columns_digest: str = ""
    reason: str = ""

    @property
    def measurement(self) -> str:
        """The measurement this run wrote to."""
        return measurement(self.pack, self.query)


_FIELDS: tuple[tuple[str, Type], ...] = (
    ("run", "integer"),
    ("base", "integer"),
    ("rows", "integer"),
    ("span", "integer"),
    ("rows_total", "integer"),
    ("outcome", "text"),
    ("limited", "boolean"),
    ("wall_ms", "double"),
    ("cpu_ms", "double"),
    ("engine", "text"),
    ("sql_digest", "text"),
    ("columns_digest", "text"),
    ("reason", "text"),
)
COLUMNS = tuple(Column(name, type_) for name, type_ in _FIELDS)


def as_batch(end: RunEnd) -> Batch:
    """The run end as a batch of one row in ``osquery_run``."""
    tags = (("host", end.host), ("osquery_pack", end.pack), ("osquery_query", end.query))
    cells = [(getattr(end, name) if getattr(end, name) != "" else None,) for name, _ in _FIELDS]
    return Batch(RUN_MEASUREMENT, tags, COLUMNS, Rows(cells), end.time, range(1))


def from_batch(batch: Batch) -> list[RunEnd]:
    """The run ends that a decoded ``osquery_run`` batch carries."""
    names = [column.name for column in batch.columns]
    known = {name for name, _ in _FIELDS}
    ends = []
    for time, row in zip(batch.times(), batch.rows.tuples(), strict=True):
        fields = {n: v for n, v in zip(names, row, strict=True) if n in known and v is not None}
        fields["host"] = batch.tag("host")
        fields["pack"] = batch.tag("osquery_pack")
        fields["query"] = batch.tag("osquery_query")
        ends.append(msgspec.convert({**fields, "time": time}, RunEnd))
    return ends


Item = Batch | RunEnd
"""What sources emit and processors change."""
