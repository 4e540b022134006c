"""The choice of the engine, once, at start."""

from pathlib import Path

import pytest

from telegraf_osquery.clock import Deadline
from telegraf_osquery.engines import choose as module
from telegraf_osquery.engines.choose import choose
from telegraf_osquery.errors import ConfigError
from telegraf_osquery.schema.tables import Schema, load
from tests.fakes.clock import ManualClock


@pytest.fixture(scope="module")
def schema() -> Schema:
    return load()


@pytest.fixture
def no_osquery(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(module, "SOCKET", str(tmp_path / "osquery.em"))
    monkeypatch.setattr(module, "_SHELLS", (str(tmp_path / "bin" / "osqueryd"),))
    return tmp_path


def test_auto_without_osquery_is_embedded_and_says_why(schema: Schema, no_osquery: Path) -> None:
    """Both places that were looked at are named."""
    choice = choose("auto", schema, ManualClock())
    assert choice.name == "embedded"
    assert choice.reason == f"no osqueryd socket at {no_osquery}/osquery.em, no osqueryi on PATH"
    assert choice.version == "5.23.1"


def test_auto_tells_of_an_osquery_it_does_not_use(schema: Schema, no_osquery: Path) -> None:
    """It looks by existence only: the file is not run, the socket not opened."""
    shell = no_osquery / "osqueryi"
    shell.write_text("#!/bin/false\n")
    shell.chmod(0o755)
    (no_osquery / "osquery.em").touch()
    reason = choose("auto", schema, ManualClock()).reason
    assert str(shell) in reason
    assert "osquery.em" in reason
    assert "not use" in reason


@pytest.mark.parametrize("setting", ["socket", "process", "thrift", "", "Embedded"])
def test_other_engines_are_refused_with_what_is_allowed(schema: Schema, setting: str) -> None:
    """The message prints the value and the allowed ones."""
    with pytest.raises(ConfigError, match=f'engine = "{setting}".*expected one of auto, embedded'):
        choose(setting, schema, ManualClock())


def test_each_lane_gets_an_engine_of_its_own(schema: Schema) -> None:
    """And all show the schedule they were given."""
    clock = ManualClock()
    row = ("pack_a_b", "SELECT 1", 60, 3, 1_795_000_000, 0, 10, 1, 900, 300, 1, 1, 0, 0, 5, 5)
    choice = choose("embedded", schema, clock, schedule=lambda: [row])
    one, two = choice.make(), choice.make()
    assert one is not two
    for engine in (one, two):
        answer = engine.execute("SELECT * FROM osquery_schedule", Deadline(clock, 1))
        assert [cell[0] for cell in next(answer.chunks)] == list(row)
        engine.close()
