"""Counters and gauges."""

import threading

import pytest

from telegraf_osquery.telemetry.counters import METRICS, Counters, fields
from telegraf_osquery.telemetry.health import FIELDS


class TestList:
    """The closed list."""

    def test_every_field_is_explained(self) -> None:
        """Every metric has a unit and a meaning, and no two fill one field."""
        every = [field for metric in METRICS for field in fields(metric)] + list(FIELDS)
        assert len(every) == len(set(every))
        for metric in METRICS:
            assert metric.unit
            assert metric.meaning
            assert metric.name.replace("_", "").isalnum()

    def test_reasons_make_fields(self) -> None:
        """A metric with reasons is one field per reason."""
        runs = next(metric for metric in METRICS if metric.name == "runs")
        assert fields(runs)[:2] == ("runs_ok", "runs_empty")


class TestCounting:
    """Adding and setting."""

    def test_all_begin_at_0(self) -> None:
        """A field is there before anything has happened: its absence would say nothing."""
        assert set(Counters().snapshot().values()) == {0}

    def test_add_and_set(self) -> None:
        """Counters add up, by reason where there is one; gauges hold the last value."""
        counters = Counters()
        counters.add("rows", 5)
        counters.add("rows")
        counters.add("runs", reason="ok")
        counters.set("lanes", 4)
        counters.set("lanes", 2)
        found = counters.snapshot()
        assert (found["rows"], found["runs_ok"], found["lanes"]) == (6, 1, 2)

    def test_snapshot_is_a_copy(self) -> None:
        """What was read does not change afterwards."""
        counters = Counters()
        before = counters.snapshot()
        counters.add("rows")
        assert before["rows"] == 0

    def test_outside_the_list(self) -> None:
        """A name, a reason or a kind that is not declared is a mistake in the code."""
        counters = Counters()
        for mistake in (
            lambda: counters.add("rowz"),
            lambda: counters.add("runs"),
            lambda: counters.add("runs", reason="tired"),
            lambda: counters.add("lanes"),
            lambda: counters.set("rows", 1),
        ):
            with pytest.raises(KeyError):
                mistake()

    def test_threads(self) -> None:
        """No count is lost between threads."""
        counters = Counters()
        threads = [
            threading.Thread(target=lambda: [counters.add("rows", 2) for _ in range(2000)])
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert counters.snapshot()["rows"] == 16_000
