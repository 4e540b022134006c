"""Measurements and their fields, read from the model, the counters and the starter packs."""

from collections.abc import Iterator

from docs.markdown import code, table
from telegraf_osquery.model import run as model_run
from telegraf_osquery.model.column import Column
from telegraf_osquery.model.names import field
from telegraf_osquery.packs.library import Library, starter_names
from telegraf_osquery.packs.pack import ScheduledQuery
from telegraf_osquery.schema.analyze import Analyzer
from telegraf_osquery.schema.tables import load
from telegraf_osquery.telemetry.counters import METRICS, Metric, fields
from telegraf_osquery.telemetry.health import FIELDS, health

RUN = {
    "run": "number of the run of this measurement on this host, +1 each",
    "base": "time of the run's first row, ns since 1970",
    "rows": "rows of this run",
    "span": "highest offset of a row + 1 ns: all rows stand in [base, base + span)",
    "rows_total": "rows of all runs of this measurement so far, this one included",
    "outcome": "`ok`, `empty`, `partial`, `failed`, `refused` or `skipped`",
    "limited": "true where a table of the query shows less than all without root",
    "wall_ms": "time from the question to the last row, without waiting for the reader",
    "cpu_ms": "CPU of the same",
    "engine": "what answered: `embedded`, `process` or `socket`",
    "sql_digest": "changes when the SQL does",
    "columns_digest": "changes when names or types of the columns do; absent where it failed",
    "reason": "why the outcome is not `ok` or `empty`; else absent",
}
"""What each field of ``osquery_run`` means."""


def run() -> str:
    """The fields of ``osquery_run``."""
    rows = [(f"`{c.name}`", c.type, RUN[c.name]) for c in model_run.COLUMNS]
    return table(("field", "type", "meaning"), rows)


def own() -> str:
    """The fields of ``osquery_self``: the process, then what it counts."""
    known = health()
    rows = [
        (f"`{name}`", known[name][0] if name in known else "integer", "gauge", "", meaning)
        for name, meaning in FIELDS.items()
    ]
    rows += [row for metric in METRICS for row in _counted(metric)]
    return table(("field", "type", "kind", "unit", "meaning"), rows)


def _counted(metric: Metric) -> Iterator[tuple[str, str, str, str, str]]:
    for name in fields(metric):
        reason = name.removeprefix(metric.name).removeprefix("_")
        meaning = f"{metric.meaning}: {reason}" if reason else metric.meaning
        yield f"`{name}`", "integer", metric.kind, metric.unit, meaning


def starters() -> str:
    """One row per measurement of the starter packs."""
    library = Library(starter_names())
    library.load()
    analyzer = Analyzer(load())
    rows = [_row(query, analyzer) for pack in library.packs for query in pack.queries]
    analyzer.close()
    return table(("measurement", "tags", "fields"), rows)


def _row(query: ScheduledQuery, analyzer: Analyzer) -> tuple[str, str, str]:
    declared = query.additions.types
    columns = [
        Column(c.name, declared.get(c.name, c.type), c.name in query.additions.tags)
        for c in analyzer.analyze(query.sql).columns
    ]
    tags = code(field(column.name) for column in columns if column.tag)
    rest = [f"`{field(column.name)}` {column.type}" for column in columns if not column.tag]
    return f"`{query.measurement}`", tags, ", ".join(rest)
