"""Documents nobody would write: nothing breaks, and nothing is lost in silence."""

import copy
import json
import random
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from telegraf_osquery.packs.document import Document, load
from telegraf_osquery.packs.select import Discovery, Host, select
from telegraf_osquery.packs.values import INTERVAL_MAX

SEED: dict[str, Any] = {
    "schedule": {"a": {"query": "SELECT 1", "interval": "60", "snapshot": "true", "shard": 5}},
    "packs": {
        "p": {
            "platform": "linux,darwin",
            "version": "5.1.x",
            "shard": "50",
            "discovery": ["SELECT 1"],
            "queries": {
                "b": {"query": "SELECT 2", "interval": 1, "removed": 0, "denylist": None},
                "c": {"query": "SELECT 3", "telegraf_osquery": {"tags": ["x"], "types": {}}},
            },
        },
        "q": "relative.conf",
    },
    "decorators": {"load": ["SELECT 4"], "always": [], "interval": {"60": ["SELECT 5"]}},
    "options": {"custom": 1},
}
ODD = st.sampled_from([
    None, True, False, 0, -1, 1, 60.0, 1e300, 2**63, 10**30, -(2**70), "", " ", "60", "9" * 50,
    "x\0y", "\x7f", "ы", [], [[]], [None], {}, {"": {}}, {"query": "SELECT 6"}, {"queries": {}},
    "SELECT 7",
])  # fmt: skip
KEYS = st.sampled_from([
    "schedule", "packs", "decorators", "options", "queries", "query", "interval", "version",
    "shard", "platform", "discovery", "snapshot", "telegraf_osquery", "tags", "budget", "*", "load",
    "", "main",
])  # fmt: skip
HOST = Host("linux", "5.23.1", "host-0")


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) of a document."""
    steps = value.items() if isinstance(value, dict) else enumerate(value)
    found = []
    for key, inner in steps:
        found.append((value, key))
        if isinstance(inner, dict | list):
            found += places(inner)
    return found


@st.composite
def mutated(draw: st.DrawFn) -> dict[str, Any]:
    """The seed with one to five values replaced, removed, renamed or added."""
    document = copy.deepcopy(SEED)
    for _ in range(draw(st.integers(1, 5))):
        spots = places(document)
        if not spots:
            break
        container, key = draw(st.sampled_from(spots))
        what = draw(st.integers(0, 3))
        if what == 0:
            container[key] = copy.deepcopy(draw(ODD))
        elif what == 1:
            del container[key]
        elif isinstance(container, dict):
            name = draw(KEYS)
            container[name] = container.pop(key) if what == 2 else copy.deepcopy(draw(ODD))
    return document


def check(document: Document) -> None:
    """The shape that the rest of the agent relies on."""
    assert document.usable or any(f.severity == "error" for f in document.findings)
    for query in (query for pack in document.packs for query in pack.queries):
        assert 1 <= query.interval <= INTERVAL_MAX
        assert query.sql
        assert 0 <= query.shard < 100
        assert len(query.sql_digest) == 16
        assert query.measurement.startswith("osquery_")
    list(select(document.packs, HOST, Discovery(len), 0.0))


def complaints(document: Document, query: str) -> int:
    """How often the schedule's query of this name is said not to run."""
    found = (f for f in document.findings if (f.pack, f.query) == ("main", query))
    return sum(finding.severity == "error" for finding in found)


def schedule_is_accounted_for(written: Any, document: Document) -> None:
    """Each query of the schedule either runs or has a finding that says it does not."""
    if not isinstance(written, dict) or "main" in document.broken or not document.usable:
        return
    (main,) = (pack for pack in document.packs if pack.name == "main")
    runs = {query.name for query in main.queries}
    for name in {name.partition("\0")[0] for name in written}:
        assert (name in runs) != (complaints(document, name) > 0) or not name


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=mutated())
def test_no_structure_breaks_the_parser(data: dict[str, Any], tmp_path_factory: Any) -> None:
    """Odd values in odd places give packs of a sound shape, and each lost query a finding."""
    path = tmp_path_factory.getbasetemp() / "osquery.conf"
    path.write_text(json.dumps(data))
    document = load(str(path))
    check(document)
    schedule_is_accounted_for(data.get("schedule"), document)


@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 2**32), cuts=st.integers(1, 6))
def test_no_text_breaks_the_parser(seed: int, cuts: int, tmp_path_factory: Any) -> None:
    """Bytes changed, doubled or dropped anywhere give a document or a finding with a reason."""
    chance = random.Random(seed)  # noqa: S311 - a test wants repeatable chance
    text = bytearray(json.dumps(SEED, indent=1), "utf-8")
    for _ in range(cuts):
        at = chance.randrange(len(text))
        piece = chance.choice([b"", b"\xff", b"\\\n", b"\n#", b'"', b"{", b"}", b",", b"\0", b"0"])
        text[at : at + chance.randrange(3)] = piece
    path: Path = tmp_path_factory.getbasetemp() / "osquery.conf"
    path.write_bytes(text)
    check(load(str(path)))
