"""The measurements run; what they find is for a quiet machine to say."""

import json
import math
from pathlib import Path

import pytest

from tests.bench.__main__ import main
from tests.bench.measure import Result, medians
from tests.bench.rows import COLUMNS, Generator, document
from tests.real import servers


def test_the_quick_run_gives_finite_ratios(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every figure has a rival, a target and a number, in the table and in the file."""
    target = tmp_path / "figures.json"
    assert main(["--quick", "--json", str(target)]) == 0
    figures = json.loads(target.read_bytes())
    assert len(figures) == (17 if servers.telegraf() else 14)
    assert all(math.isfinite(figure["ratio"]) and figure["rival"] for figure in figures)
    printed = capsys.readouterr().out
    assert all(figure["name"] in printed for figure in figures)


def test_a_target_is_a_sign_and_a_limit() -> None:
    """At most, or at least."""
    assert Result("n", "r", 1, 2, 0.5, "<= 0.5").met
    assert not Result("n", "r", 1, 2, 0.5, ">= 0.6").met


def test_medians_are_of_interleaved_rounds_without_the_first() -> None:
    """The first round fills caches."""
    order: list[str] = []
    times = {"a": iter([99.0, 1, 5, 2]), "b": iter([99.0, 3, 3, 3])}

    def task(name: str) -> float:
        order.append(name)
        return next(times[name])

    assert medians({"a": lambda: task("a"), "b": lambda: task("b")}, 3) == {"a": 2, "b": 3}
    assert order == ["a", "b"] * 4


def test_the_generator_repeats_itself_and_has_what_is_hard() -> None:
    """The same seed gives the same rows: 28 columns, quotes, line feeds, Unicode, empty numbers."""
    rows = list(Generator(1).rows(2000))
    assert rows == list(Generator(1).rows(2000))
    assert len(COLUMNS) == len(rows[0]) == 28
    commands = [row["cmdline"] for row in rows]
    assert 0.05 < sum('"' in text or "\\" in text for text in commands) / len(rows) < 0.15
    assert any("\n" in text for text in commands)
    assert not all(text.isascii() for text in commands)
    assert any(row["disk_bytes_read"] == "" for row in rows)
    assert 550 < len(document(rows)) / len(rows) < 700
