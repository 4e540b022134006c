"""``schema``: osquery's tables and columns."""

import json

import pytest

from telegraf_osquery.__main__ import main


def _json(capsys: pytest.CaptureFixture[str], *words: str) -> object:
    assert main(["schema", *words, "--format", "json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_table_is_listed_with_types_in_osquerys_order(capsys: pytest.CaptureFixture[str]) -> None:
    """Name, osquery's type and the type of the field."""
    assert main(["schema", "uptime"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["column", "osquery", "type", "field", "type", "notes"]
    assert [line.split()[:3] for line in lines[2:7]] == [
        ["days", "INTEGER", "integer"],
        ["hours", "INTEGER", "integer"],
        ["minutes", "INTEGER", "integer"],
        ["seconds", "INTEGER", "integer"],
        ["total_seconds", "BIGINT", "integer"],
    ]


def test_required_columns_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    """Who asks ``file`` must know what WHERE needs."""
    assert main(["schema", "file"]) == 0
    out = capsys.readouterr().out
    assert "required in WHERE" in out
    assert "needs path or directory in WHERE" in out


def test_platform_and_version_narrow_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    """A table of another platform is not there, an older release has fewer tables."""
    linux = {table["name"] for table in _json(capsys, "--platform", "linux")}
    windows = {table["name"] for table in _json(capsys, "--platform", "windows")}
    old = _json(capsys, "--platform", "linux", "--version", "4.0.0")
    assert "deb_packages" in linux - windows
    assert "registry" in windows - linux
    assert 0 < len(old) < len(linux)


def test_the_engine_that_answers_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """The list tells which tables need no osquery."""
    tables = {table["name"]: table for table in _json(capsys)}
    assert tables["processes"]["embedded"] is True
    assert tables["process_events"]["embedded"] is False
