"""Every counter that is declared is also fed."""

from pathlib import Path

import pytest

import telegraf_osquery
from telegraf_osquery.telemetry.counters import METRICS

SOURCES = "".join(
    path.read_text()
    for path in Path(telegraf_osquery.__file__).parent.rglob("*.py")
    if path.name != "counters.py"
)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_a_declared_metric_is_fed(metric: object) -> None:
    """A field that stays 0 for ever says something untrue."""
    name = getattr(metric, "name", "")
    verb = "set" if getattr(metric, "kind", "") == "gauge" else "add"
    assert f'.{verb}("{name}"' in SOURCES


@pytest.mark.parametrize(
    ("metric", "reason"), [(metric, reason) for metric in METRICS for reason in metric.reasons]
)
def test_a_declared_reason_is_used(metric: object, reason: str) -> None:
    """A reason that nothing gives is removed from the list."""
    del metric
    assert f'"{reason}"' in SOURCES
