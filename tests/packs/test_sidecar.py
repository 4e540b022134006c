"""Our additions to a pack: read strictly, from the sidecar or the query itself."""

import json
from pathlib import Path
from typing import Any

import pytest

from telegraf_osquery.packs.document import Document, load
from telegraf_osquery.packs.pack import Additions, Budget

PACK = {"queries": {"ports": {"query": "SELECT 1", "interval": 60}}}


def written(folder: Path, document: Any, sidecar: str | bytes = b"") -> Document:
    (folder / "net.conf").write_text(json.dumps(document))
    if sidecar:
        raw = sidecar if isinstance(sidecar, bytes) else sidecar.encode()
        (folder / "net.toml").write_bytes(raw)
    return load(str(folder / "net.conf"))


def test_a_sidecar_says_what_columns_mean(tmp_path: Path) -> None:
    """Every key arrives at its query."""
    text = """
        [queries.ports]
        tags = ["protocol"]
        key = ["pid", "port"]
        ignore = ["fd"]
        types = { share = "double" }
        unit = { share = "%" }
        kuma = { address = "DestinationAddress" }
        budget = { cpu_ms = 50, rows = 100 }
        time_column = "seen"
    """
    found = written(tmp_path, PACK, text).packs[0].queries[0].additions
    assert found == Additions(
        tags=("protocol",),
        key=("pid", "port"),
        ignore=("fd",),
        types={"share": "double"},
        unit={"share": "%"},
        kuma={"address": "DestinationAddress"},
        budget=Budget(cpu_ms=50, rows=100),
        time_column="seen",
    )
    assert found.columns() == {"protocol", "pid", "port", "fd", "share", "address", "seen"}


def test_the_sidecar_wins_over_the_key_in_the_query(tmp_path: Path) -> None:
    """Key by key: what only the query names stays."""
    query = {"query": "SELECT 1", "telegraf_osquery": {"tags": ["a"], "key": ["b"]}}
    document = written(tmp_path, {"queries": {"ports": query}}, '[queries.ports]\ntags = ["c"]')
    found = document.packs[0].queries[0].additions
    assert (found.tags, found.key) == (("c",), ("b",))


def test_a_config_has_a_sidecar_with_its_own_shape(tmp_path: Path) -> None:
    """The tables mirror the document: the schedule, and the queries of inline packs."""
    config = {"schedule": {"s": {"query": "SELECT 1"}}, "packs": {"p": PACK}}
    text = '[schedule.s]\ntags = ["x"]\n[packs.p.queries.ports]\ntags = ["y"]\n'
    packs = written(tmp_path, config, text).packs
    assert [query.additions.tags for pack in packs for query in pack.queries] == [("x",), ("y",)]


FAULTS = [
    ('[queries.ports]\ntag = ["x"]', "net.toml: queries.ports.tag: ", 'did you mean "tags"?'),
    ("[queries.ports]\ntags = 5", "net.toml: queries.ports.tags: ", "found 5"),
    ('[queries.ports]\ntypes = { a = "float" }', "queries.ports.types.a", "double"),
    ("[queries.ports]\nbudget = { cpu_ms = -1 }", "queries.ports.budget.cpu_ms", "-1"),
    ('[queries.ports]\nkey = ["a"]\nignore = ["a"]', "queries.ports", "in key and in ignore"),
    ("[queries.port]\n", 'net.toml: queries."port"', 'did you mean "ports"?'),
    ("[query.ports]\n", "net.toml: query: ", 'did you mean "queries"?'),
    ("[queries", "net.toml: ", "expected TOML"),
    (b"# \xff", "net.toml: line 1", "not UTF-8"),
]


@pytest.mark.parametrize(("text", "place", "words"), FAULTS)
def test_a_slip_in_a_sidecar_stops_the_pack(
    tmp_path: Path, text: str | bytes, place: str, words: str
) -> None:
    """A typo would silently change what a column is, so the file is not used, and is told where."""
    document = written(tmp_path, PACK, text)
    assert not document.usable
    (finding,) = document.findings
    assert finding.severity == "error"
    assert place in str(finding)
    assert words in finding.message


def test_a_slip_in_one_pack_of_a_config_leaves_the_others(tmp_path: Path) -> None:
    """Only the pack whose query has the bad key is put aside."""
    bad = {"queries": {"q": {"query": "SELECT 1", "telegraf_osquery": {"tagz": []}}}}
    document = written(tmp_path, {"packs": {"bad": bad, "good": PACK}})
    assert [pack.name for pack in document.packs] == ["good"]
    assert document.broken == ("bad",)
    assert 'did you mean "tags"?' in document.findings[0].message
