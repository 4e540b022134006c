"""How commands fail: one message on stderr, nothing of it on stdout, the exit code of the error."""

import io
import json
import sys

import pytest

from telegraf_osquery.__main__ import main

CASES = [
    (["run", "SELECT * FROM proceses"], 1, "processes"),
    (["run", "SELECT nme FROM users"], 1, "nme"),
    (["run", "DELETE FROM users"], 1, "SELECT"),
    (["run", "CREATE TABLE t (a)"], 1, "SELECT"),
    (["run", "SELECT 1; SELECT 2"], 1, "one"),
    (["run", ""], 1, "no statement"),
    (["run", "SELECT * FROM file"], 1, "path"),
    (["run", "SELECT 1", "--format", "xml"], 2, '"influx"'),
    (["run", "SELECT 1", "--frmat", "csv"], 2, "--format"),
    (["run", "SELECT 1", "--timeout", "5"], 2, '"5s"'),
    (["run", "SELECT 1", "--limit", "-1"], 2, "0 or more"),
    (["run", "SELECT 1", "--limit", "x"], 2, "--limit"),
    (["run", "SELECT 1", "SELECT 2"], 2, "SELECT 2"),
    (["run", "SELECT 1", "--engine", "socket"], 75, "start osqueryd"),
    (["rn"], 2, '"run"'),
    (["packs", "lst"], 2, '"list"'),
    (["packs", "show", "netwrk"], 2, "network"),
    (["packs", "list", "--packs", "/no/such"], 2, "/no/such"),
    (["pack", "network", "--query", "lstening"], 2, "listening"),
    (["pack", "network", "--format", "csv"], 2, "--query"),
    (["schema", "proceses"], 1, "processes"),
    (["schema", "registry", "--platform", "linux"], 1, "windows"),
    (["config", "check", "/no/such.toml"], 2, "/no/such.toml"),
    (["doctor", "--config", "/no/such.toml"], 2, "/no/such.toml"),
    (["execd"], 2, "input"),
    (["execd", "inptu"], 2, "input"),
]


@pytest.mark.parametrize(("words", "code", "hint"), CASES, ids=lambda value: str(value)[:60])
def test_a_fault_is_one_line_on_stderr_with_the_cure(
    words: list[str], code: int, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message names what is allowed or nearest; stdout stays empty."""
    assert main(words) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith(("telegraf-osquery: ", "E! "))
    assert hint in err
    assert "Traceback" not in err


def test_a_broken_pack_file_is_told_by_line_and_column(
    tmp_path: "io.PathLike[str]", capsys: pytest.CaptureFixture[str]
) -> None:
    """The place of the fault, not a parser's class name."""
    path = f"{tmp_path}/mine.conf"
    with open(path, "w", encoding="utf-8") as file:
        file.write('{"queries": {\n  "a": {,}\n}}\n')
    assert main(["packs", "list", "--packs", path]) == 2
    assert f"{path}: line 2, column 9" in capsys.readouterr().err


def test_what_a_deadline_cuts_is_printed_and_fails(capsys: pytest.CaptureFixture[str]) -> None:
    """The rows that came are shown, stderr says why there are no more, the code is 1."""
    endless = "SELECT p.pid FROM processes p, processes q, processes r, processes s, processes t"
    assert main(["run", endless, "--format", "csv", "--timeout", "200ms"]) == 1
    out, err = capsys.readouterr()
    assert len(out.splitlines()) > 1
    assert "deadline" in err


def test_a_limit_is_no_failure(capsys: pytest.CaptureFixture[str]) -> None:
    """Who asks for two rows and gets two rows is served; stderr says that there were more."""
    sql = "SELECT value FROM json_each('[1,2,3]')"
    assert main(["run", sql, "--limit", "2", "--format", "json"]) == 0
    out, err = capsys.readouterr()
    assert len(json.loads(out)) == 2
    assert "cut at 2 rows" in err


def test_sql_comes_from_standard_input(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A hyphen, or no SQL at all, reads standard input."""
    for words in (["run", "-", "--format", "csv"], ["run", "--format", "csv"]):
        text = io.TextIOWrapper(io.BytesIO("SELECT 'é' AS a".encode()))
        monkeypatch.setattr(sys, "stdin", text)
        assert main(words) == 0
        assert capsys.readouterr().out == "a\né\n"
