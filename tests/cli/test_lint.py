"""``packs lint`` on the command line: exit codes, what programs read, what people see."""

import json
from pathlib import Path

import pytest

from telegraf_osquery.__main__ import main

CLEAN = {"query": "SELECT uid FROM users", "interval": 60}
WARNED = {"query": "SELECT uid FROM users", "interval": "60s"}
BROKEN = {"query": "SELECT uid FROM usrs", "interval": 60}


def pack(folder: Path, **queries: object) -> str:
    path = folder / "web.conf"
    path.write_text(json.dumps({"queries": queries}, indent=1))
    return str(path)


@pytest.mark.parametrize(
    ("queries", "options", "code"),
    [
        ({"a": CLEAN}, [], 0),
        ({"a": CLEAN}, ["--strict"], 0),
        ({"a": WARNED}, [], 0),
        ({"a": WARNED}, ["--strict"], 1),
        ({"a": BROKEN}, [], 1),
        ({"a": BROKEN, "b": WARNED}, ["--format", "json"], 1),
        ({"a": CLEAN}, ["--platform", "linux", "--osquery-version", "5.0.0"], 0),
    ],
)
def test_the_exit_code_suits_a_build(
    queries: dict[str, object], options: list[str], code: int, tmp_path: Path
) -> None:
    """0 when clean, 1 when an error was found; with --strict also for a warning."""
    assert main(["packs", "lint", pack(tmp_path, **queries), *options]) == code


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["/nonexistent/web.conf"], "/nonexistent/web.conf: there is no such file"),
        ([], "expected files, folders or names of starter packs"),
        (["inventory", "--platform", "plan9"], 'Choose from: "linux", "darwin", "windows"'),
        (["inventory", "--strct"], "--strct"),
    ],
)
def test_usage_faults_are_2(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A path that is not there, no path, an unknown value or option."""
    assert main(["packs", "lint", *words]) == 2
    assert said in capsys.readouterr().err


def test_what_programs_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One object; each finding with rule, severity and place."""
    path = pack(tmp_path, a=CLEAN, b=BROKEN)
    main(["packs", "lint", path, "--format", "json"])
    assert json.loads(capsys.readouterr().out) == {
        "files": 1,
        "queries": 2,
        "errors": 1,
        "warnings": 0,
        "infos": 0,
        "findings": [
            {
                "rule": "unknown-table",
                "severity": "error",
                "file": path,
                "line": 7,
                "pack": "web",
                "query": "b",
                "message": "SQL: no such table: usrs; did you mean users?",
            }
        ],
    }


def test_what_people_see(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A line per finding with its place, and a summary."""
    main(["packs", "lint", pack(tmp_path, b=BROKEN)])
    lines = capsys.readouterr().out.splitlines()
    assert f"{tmp_path}/web.conf:3" in lines[2]
    assert "web/b" in lines[2]
    assert lines[-1] == "1 queries in 1 files: 1 errors, 0 warnings, 0 remarks"


def test_the_embedded_engine_is_asked_for_its_tables(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Those it has, now."""
    events = {"query": "SELECT pid FROM process_events", "interval": 60, "platform": "linux"}
    path = pack(tmp_path, a={**CLEAN, "platform": "linux"}, b=events)
    assert main(["packs", "lint", path, "--engine", "embedded"]) == 1
    assert "evented-embedded" in capsys.readouterr().out


def test_our_own_packs_are_clean(capsys: pytest.CaptureFixture[str]) -> None:
    """Under --strict, for osquery and for the embedded engine."""
    for engine in ("osquery", "embedded"):
        words = ["inventory", "network", "users", "--strict", "--engine", engine]
        assert main(["packs", "lint", *words]) == 0, capsys.readouterr().out
