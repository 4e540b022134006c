"""What the process counts about itself. ``METRICS`` is the whole list: add a line to count more."""

import threading
from typing import Literal

import msgspec

Kind = Literal["counter", "gauge"]


class Metric(msgspec.Struct, frozen=True):
    """One thing that is counted.

    Attributes:
        name: field of ``osquery_self``; with reasons, the field is ``<name>_<reason>``.
        kind: a counter grows from 0 at process start; a gauge is set.
        reasons: the closed list of reasons, empty where there is none.
    """

    name: str
    kind: Kind
    unit: str
    meaning: str
    reasons: tuple[str, ...] = ()


METRICS = (
    Metric("ticks", "counter", "ticks", "collections asked for by Telegraf or the own clock"),
    Metric("ticks_coalesced", "counter", "ticks", "of them, merged into one that was waiting"),
    Metric(
        "runs",
        "counter",
        "runs",
        "executions of scheduled queries, by outcome",
        ("ok", "empty", "partial", "failed", "refused", "skipped"),
    ),
    Metric("rows", "counter", "rows", "rows printed"),
    Metric("bytes", "counter", "bytes", "bytes printed"),
    Metric(
        "rows_dropped",
        "counter",
        "rows",
        "rows that were made but not printed, by reason",
        ("abandoned", "codec", "stopped", "store", "write"),
    ),
    Metric(
        "values_dropped",
        "counter",
        "values",
        "cells left out of a row, by reason",
        ("type", "not_finite"),
    ),
    Metric("values_changed", "counter", "values", "cells cut or escaped to fit the wire format"),
    Metric("queries_caught_up", "counter", "runs", "runs missed while asleep, made up for once"),
    Metric("queries_denylisted", "gauge", "queries", "queries held back for passing their budget"),
    Metric("lanes", "gauge", "lanes", "lanes at work"),
    Metric("lanes_abandoned", "counter", "lanes", "lanes given up because a query hung"),
    Metric("queue", "gauge", "bytes", "made but not yet taken by the reader"),
    Metric("queue_peak", "gauge", "bytes", "highest queue since the start"),
    Metric("paced_ms", "counter", "milliseconds", "time spent waiting for the pacer"),
    Metric("blocked_ms", "counter", "milliseconds", "time spent waiting for a full pipe"),
    Metric("reconnects", "counter", "connections", "connections to the receiver made again"),
    Metric("packs", "gauge", "packs", "packs in use"),
    Metric("queries", "gauge", "queries", "scheduled queries in use"),
    Metric("packs_invalid", "gauge", "packs", "changed packs refused, the old one kept"),
    Metric("log_lines_lost", "gauge", "lines", "log lines that could not be written"),
    Metric(
        "store_errors",
        "counter",
        "errors",
        "commits of the state file that failed, by reason",
        ("busy", "full", "damaged", "io"),
    ),
)


class Counters:
    """Counters and gauges of ``METRICS``; may be used from any thread.

    A name or reason outside the list is a KeyError: it is a mistake in the code, and a field that
    appears by accident is one that nobody has documented.
    """

    def __init__(self, metrics: tuple[Metric, ...] = METRICS) -> None:
        self._fields = {field: 0 for metric in metrics for field in fields(metric)}
        self._kinds = {metric.name: metric.kind for metric in metrics}
        self._lock = threading.Lock()

    def add(self, name: str, n: int = 1, reason: str = "") -> None:
        """Count ``n`` more."""
        self._expect(name, "counter")
        field = f"{name}_{reason}" if reason else name
        with self._lock:
            self._fields[field] += n

    def set(self, name: str, value: int) -> None:
        """Set a gauge."""
        self._expect(name, "gauge")
        with self._lock:
            self._fields[name] = value

    def snapshot(self) -> dict[str, int]:
        """Every field with its value now, also those still 0, in the order of ``METRICS``."""
        with self._lock:
            return dict(self._fields)

    def _expect(self, name: str, kind: Kind) -> None:
        if self._kinds[name] != kind:
            raise KeyError(f"{name} is a {self._kinds[name]}, not a {kind}")


def fields(metric: Metric) -> tuple[str, ...]:
    """The fields of ``osquery_self`` that this metric fills."""
    return tuple(f"{metric.name}_{reason}" for reason in metric.reasons) or (metric.name,)
