"""``packs`` and ``pack``: what programs read and what people see."""

import json
from pathlib import Path

import pytest

from telegraf_osquery.__main__ import main

PACK = {
    "description": "Mine",
    "queries": {
        "one": {"query": "SELECT 1 AS a, 'x' AS b", "interval": 60, "snapshot": True},
        "two": {"query": "SELECT uid, username FROM users WHERE uid = 0", "interval": "300s"},
        "elsewhere": {"query": "SELECT 1", "platform": "windows"},
    },
}
SIDECAR = '[queries.one]\ntags = ["b"]\ntypes = { a = "double" }\n'


@pytest.fixture
def mine(tmp_path: Path) -> str:
    path = tmp_path / "mine.conf"
    path.write_text(json.dumps(PACK))
    (tmp_path / "mine.toml").write_text(SIDECAR)
    return str(path)


def test_the_list_for_programs_has_each_pack_with_its_queries(
    mine: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every key that a program may rely on, with its value."""
    assert main(["packs", "list", "--packs", mine, "--format", "json"]) == 0
    (pack,) = json.loads(capsys.readouterr().out)
    queries = pack.pop("queries")
    assert pack == {
        "name": "mine",
        "path": mine,
        "description": "Mine",
        "platform": "",
        "version": "",
        "shard": 0,
        "discovery": [],
        "runs_here": True,
    }
    assert [query["name"] for query in queries] == ["one", "two", "elsewhere"]
    assert queries[0]["additions"]["tags"] == ["b"]
    del queries[0]["additions"]
    assert queries[0] == {
        "name": "one",
        "sql": "SELECT 1 AS a, 'x' AS b",
        "measurement": "osquery_mine_one",
        "interval": 60,
        "results": "snapshot",
        "removed": True,
        "denylist": True,
        "platform": "",
        "version": "",
        "shard": 0,
        "description": "",
        "runs_here": True,
    }
    assert (queries[1]["results"], queries[2]["runs_here"]) == ("differential", False)


def test_without_a_path_the_starter_packs_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """At least fifteen queries in three packs, with descriptions."""
    assert main(["packs", "list", "--format", "json"]) == 0
    packs = json.loads(capsys.readouterr().out)
    assert [pack["name"] for pack in packs] == ["inventory", "network", "users"]
    queries = [query for pack in packs for query in pack["queries"]]
    assert len(queries) >= 15
    assert all(query["description"] and query["runs_here"] for query in queries)


def test_show_names_what_the_sidecar_declares(
    mine: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Tags, types, measurement and the reason why a query does not run here."""
    assert main(["packs", "show", "mine", "--packs", mine]) == 0
    out, err = capsys.readouterr()
    for line in (
        "  tags: b",
        "  types: a double",
        "  measurement: osquery_mine_two",
        '  not here because: platform "windows" is not linux',
    ):
        assert line in out.splitlines()
    assert "interval" in err, "what osquery reads otherwise is said"


def test_a_pack_runs_with_its_own_tags_and_types(
    mine: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Line protocol as the schedule writes it: the tag is a tag, the declared type is used."""
    command = ["pack", "mine", "--packs", mine, "--query", "one", "--format", "influx"]
    assert main(command) == 0
    head, fields, _ = capsys.readouterr().out.split(" ")
    measurement, *tags = head.split(",")
    assert measurement == "osquery_mine_one"
    assert {"osquery_pack=mine", "osquery_query=one", "osquery_action=snapshot", "b=x"} < set(tags)
    assert fields == "a=1.0"


def test_a_pack_in_json_says_how_each_query_went(
    mine: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One array; a query for another platform is not run, and that is said."""
    assert main(["pack", "mine", "--packs", mine, "--format", "json"]) == 0
    out, err = capsys.readouterr()
    one, two = json.loads(out)
    assert one["rows"] == [{"a": 1.0, "b": "x"}]
    assert (two["query"], two["outcome"], two["rows"]) == (
        "two",
        "ok",
        [{"uid": 0, "username": "root"}],
    )
    assert two["columns"][0] == {"name": "uid", "type": "integer", "tag": False}
    assert "elsewhere: not run" in err


def test_a_query_that_fails_leaves_the_others_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 1, the reason on stderr, the rest on stdout."""
    queries = {"bad": {"query": "SELECT x FROM nowhere"}, "good": {"query": "SELECT 7 AS n"}}
    (tmp_path / "half.conf").write_text(json.dumps({"queries": queries}))
    assert main(["pack", "half", "--packs", f"{tmp_path}/half.conf"]) == 1
    out, err = capsys.readouterr()
    assert "half good\nn\n" in out
    assert "half bad: SQL: no such table: nowhere" in err


def test_a_broken_file_among_good_ones_is_told_and_fails(
    mine: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The good packs are listed all the same."""
    (tmp_path / "broken.conf").write_text("{")
    assert main(["packs", "list", "--packs", str(tmp_path)]) == 1
    out, err = capsys.readouterr()
    assert "mine" in out
    assert "broken.conf" in err
