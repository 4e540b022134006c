"""``packs lint`` over real statements, and over documents nobody would write."""

import copy
import json
import os
import random
import sys
from pathlib import Path
from typing import Any

import pytest

from telegraf_osquery.packs.library import starter_folder
from telegraf_osquery.packs.lint.check import Linted, lint
from telegraf_osquery.packs.lint.rules import by_id
from telegraf_osquery.packs.lint.target import Target
from tests.packs.lint_cases import CASES, SCHEMA

RECORDED = CASES.parent / "lint_recorded" / "queries.jsonl"
STATEMENTS = [json.loads(line) for line in RECORDED.read_text().splitlines()]
SEED = 20_261_122
MUTATIONS_MIN = 10_000


@pytest.mark.parametrize("case", STATEMENTS, ids=range(len(STATEMENTS)))
def test_statements_that_osquery_has_answered(case: dict[str, Any], tmp_path: Path) -> None:
    """An error where osquery gave one and nowhere else, for the same reason; its warning too."""
    query = {"query": case["sql"], "interval": 86400, "snapshot": True}
    (tmp_path / "p.conf").write_text(json.dumps({"queries": {"q": query}}))
    found = lint([str(tmp_path)], SCHEMA, Target(platform="linux", version="5.23.1")).findings
    errors = [finding for finding in found if finding.severity == "error"]
    assert bool(errors) == bool(case["error"])
    if case["error"].startswith("no such"):
        assert case["error"] in errors[0].message
    elif case["error"]:
        assert errors[0].rule == "required-column"
    assert any(finding.rule == "own-user" for finding in found) == case["own_user"]


SQL = (
    "SELECT 1", "", ";", "SELECT", "SELECT \0", "select * from file where path like '%%'",
    "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c) SELECT x FROM c",
    "SELECT * FROM users, groups, processes, listening_ports NATURAL JOIN hash LIMIT 1",
    'SELECT "a", "b", "c" FROM "users" WHERE "d" = "e"', "SELECT '" + "x" * 70_000 + "' AS x",
    "SELECT " + "(" * 500 + "1" + ")" * 500, "SELECT " + "-" * 900 + "1", "EXPLAIN SELECT 1",
    "SELECT ?", "SELECT :a", "PRAGMA user_version", "VALUES (1), (2)", "\ud800 SELECT 1",
    "\ufeffSELECT 1", "SELECT count(*) FROM hosts WHERE version > '1.2' AND 'x' < version",
    "SELECT 1; SELECT 2", "SELECT * FROM json_each('[1]')", "/*", "--", 'SELECT 1 AS "a""b"',
    "SELECT x'zz'", "select path from hash where path in (select path from file where path like ?)",
    *(case["sql"] for case in STATEMENTS),
)  # fmt: skip
ODD = (
    None, True, 0, -1, 60.0, 1e300, 2**63, "", "60s", "9" * 40, "x\0y", "ы", [], [[]], {}, [None],
    {"": {}}, {"query": "SELECT 1"}, ["SELECT 1"], {"queries": {}}, "notlinux", "5.0.0", "4.99.x",
    {"tags": ["pid"], "types": {"pid": "text"}}, {"types": {"a": "double"}}, {"tags": 1},
)  # fmt: skip
KEYS = (
    "schedule", "packs", "decorators", "options", "queries", "query", "interval", "version",
    "shard", "platform", "discovery", "snapshot", "telegraf_osquery", "remove", "*", "load", "main",
    "", "alert", "always", "types",
)  # fmt: skip


def documents() -> list[Any]:
    """Every document of the cases and of the starter packs that is JSON."""
    found = []
    for folder in (str(CASES), starter_folder()):
        for place, _, names in sorted(os.walk(folder)):
            for name in sorted(names):
                if name.endswith(".conf"):
                    try:
                        found.append(json.loads(Path(place, name).read_bytes()))
                    except ValueError:
                        continue
    return found


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) of a document."""
    if not isinstance(value, dict | list):
        return []
    steps = list(value.items() if isinstance(value, dict) else enumerate(value))
    return [place for key, inner in steps for place in ((value, key), *places(inner))]


def mutate(chance: random.Random, document: Any) -> Any:
    """One to five values replaced, renamed, removed, or added; SQL cut and joined."""
    document = copy.deepcopy(document)
    for _ in range(chance.randint(1, 5)):
        spots = places(document)
        if not spots:
            break
        container, key = chance.choice(spots)
        what = chance.randrange(6)
        if what == 0:
            container[key] = copy.deepcopy(chance.choice(ODD))
        elif what == 1:
            del container[key]
        elif what == 2 and isinstance(container, dict):
            container[chance.choice(KEYS)] = container.pop(key)
        elif what == 3 and isinstance(container, dict):
            container[chance.choice(KEYS)] = copy.deepcopy(chance.choice(ODD))
        else:
            container[key] = statement(chance, container[key])
    return document


def statement(chance: random.Random, value: Any) -> str:
    """Another statement, or this one with a piece changed."""
    if not isinstance(value, str) or not value or chance.random() < 0.5:
        return chance.choice(SQL)
    at = chance.randrange(len(value))
    words = ("", "(", ")", "'", '"', " * ", ",", " FROM ", " JOIN ", " WHERE ", "%%", "\n", ".")
    return value[:at] + chance.choice(words) + value[at + chance.randrange(3) :]


def bytes_changed(chance: random.Random, text: bytes) -> bytes:
    """Bytes changed, doubled or dropped anywhere."""
    changed = bytearray(text)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(changed) + 1)
        piece = chance.choice((b"", b"\xff", b"\\\n", b"\n#", b'"', b"{", b"}", b",", b"\0", b"\r"))
        changed[at : at + chance.randrange(3)] = piece
    return bytes(changed)


def sound(found: Linted) -> None:
    """What a program that reads the findings counts on."""
    rules = by_id()
    for finding in found.findings:
        assert rules[finding.rule].severity == finding.severity
        assert finding.message
        assert finding.file
        assert finding.line >= 0


def attack(seed: int, count: int, folder: Path) -> int:
    """Lint ``count`` mutated documents; how many of them were still JSON."""
    chance = random.Random(seed)  # noqa: S311 - a test wants repeatable chance
    bases = documents()
    path = folder / "osquery.conf"
    valid = 0
    for number in range(count):
        text = json.dumps(mutate(chance, chance.choice(bases)), indent=1).encode()
        path.write_bytes(text if number % 4 else bytes_changed(chance, text))
        engine = chance.choice((None, "embedded", "osquery"))
        platform = chance.choice((None, "linux", "windows"))
        version = chance.choice((None, "5.23.1", "4.1.0"))
        target = Target(platform=platform, version=version, engine=engine)
        found = lint([str(path)], SCHEMA, target)
        sound(found)
        valid += not any(finding.rule == "json" for finding in found.findings)
    return valid


def test_no_document_breaks_it(tmp_path: Path) -> None:
    """Six hundred mutated packs, one fixed seed."""
    assert attack(SEED, 600, tmp_path) > 400


@pytest.mark.slow
@pytest.mark.parametrize("which", ["fixed", "fresh"])
def test_ten_thousand_documents_do_not_break_it(which: str, tmp_path: Path) -> None:
    """The fixed seed and a fresh one, which is printed when it fails."""
    seed = SEED if which == "fixed" else random.SystemRandom().randrange(1 << 32)
    sys.stderr.write(f"seed {seed}\n")
    assert attack(seed, MUTATIONS_MIN, tmp_path) > MUTATIONS_MIN // 2
