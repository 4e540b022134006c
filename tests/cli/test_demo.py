"""``demo``: what a stranger sees first."""

import re

import pytest

from telegraf_osquery.__main__ import main
from telegraf_osquery.cli import demo


def test_the_demo_shows_engine_queries_lines_a_change_and_what_next(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Every section is there and holds data of this host."""
    assert main(["demo"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert "engine   embedded: " in out
    assert re.search(r"inventory os +1 +5 text +[\d.]+ +(ok|limited)", out)
    assert re.search(r"^\d\d queries, \d+ rows, \d+ typed values in \d+ ms$", out, re.MULTILINE)
    assert re.search(r"^osquery_\w+,host=.* \d{19}$", out, re.MULTILINE)
    assert out.rstrip().endswith("doctor")


def test_the_port_that_the_demo_opens_is_seen_coming_and_going(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The live change is real: the port printed is in the added and in the removed row."""
    assert main(["demo"]) == 0
    out = capsys.readouterr().out
    opened = re.search(r"begins to listen on port (\d+)", out)
    assert opened is not None
    for action in ("added", "removed"):
        assert re.search(rf"^{action} +127\.0\.0\.1 +{opened[1]} ", out, re.MULTILINE)


def test_the_commands_to_try_next_exist(capsys: pytest.CaptureFixture[str]) -> None:
    """The SQL that is offered works as it stands."""
    assert main(["run", demo.BIGGEST, "--format", "csv"]) == 0
    assert len(capsys.readouterr().out.splitlines()) > 1
    assert len(demo.next_commands()) == 3
