"""``packs lint``: each rule fires where it should, and only there."""

import ast
import json
import os
from pathlib import Path

import pytest

from telegraf_osquery.errors import PackError
from telegraf_osquery.packs import lint as room
from telegraf_osquery.packs.library import starter_names
from telegraf_osquery.packs.lint import facts
from telegraf_osquery.packs.lint.check import lint
from telegraf_osquery.packs.lint.places import lines
from telegraf_osquery.packs.lint.rules import RULES, by_id
from telegraf_osquery.packs.lint.target import Judges, Target
from telegraf_osquery.schema.policy import Policy
from tests.packs.lint_cases import CASES, SCHEMA, linted, said

RULE_IDS = [rule.id for rule in RULES]


def expected(folder: Path) -> list[str]:
    path = folder / "expected.txt"
    return path.read_text().splitlines() if path.exists() else []


def test_rules_have_one_name_each_and_say_the_cure() -> None:
    """And each has its two cases, and no case is left over."""
    assert len(set(RULE_IDS)) == len(RULE_IDS)
    assert all(rule.about and rule.cure for rule in RULES)
    assert sorted(os.listdir(CASES)) == sorted(RULE_IDS)


@pytest.mark.parametrize("rule", RULE_IDS)
def test_a_rule_fires(rule: str) -> None:
    """On its case, with exactly these findings."""
    folder = CASES / rule / "fires"
    found = said(str(folder))
    assert found == expected(folder)
    severity = by_id()[rule].severity
    assert any(f" {severity} {rule} " in line for line in found)


@pytest.mark.parametrize("rule", RULE_IDS)
def test_a_rule_is_quiet(rule: str) -> None:
    """On the same thing as it should be written; nothing else is found there either."""
    folder = CASES / rule / "quiet"
    assert not any(f" {rule} " in line for line in expected(folder))
    assert said(str(folder)) == expected(folder)


def test_the_reader_of_packs_uses_known_rules_with_their_severity() -> None:
    """Every call that notes something names a rule and the severity of that rule."""
    packs = Path(room.__file__).parents[1]
    called = set()
    for name in ("parse", "document", "select"):
        for node in ast.walk(ast.parse((packs / f"{name}.py").read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "add":
                severity, rule = (getattr(one, "value", None) for one in node.args[:2])
                if isinstance(severity, str) and isinstance(rule, str):
                    called.add((rule, severity))
    assert len(called) > 15
    assert {(rule, by_id()[rule].severity) for rule, _ in called} == called


def test_the_starter_packs_are_clean() -> None:
    """On every platform they are for, and on the newest and an old release."""
    for version in (None, "5.10.0"):
        found = lint(starter_names(), SCHEMA, Target(version=version))
        assert found.findings == ()
        assert found.queries >= 20


def test_known_facts_name_tables_and_columns_that_exist() -> None:
    """Costs and volatile columns are of osquery's tables."""
    for table in (*facts.EXPENSIVE, *facts.BY_PATH, *facts.VOLATILE):
        spec = SCHEMA.table(table)
        assert spec is not None, table
        for column in facts.VOLATILE.get(table, ()):
            assert spec.column(column) is not None, (table, column)
    for table, column in facts.FEW_VALUES:
        spec = SCHEMA.table(table)
        assert spec is not None
        assert spec.column(column) is not None


def test_a_path_that_is_not_there_is_refused() -> None:
    """With the names that would do."""
    with pytest.raises(PackError, match="no starter pack has this name"):
        lint(["nosuch"], SCHEMA, Target())


@pytest.mark.parametrize(
    ("target", "rules"),
    [
        (Target(), ["not-on-platform"]),
        (Target(platform="linux"), []),
        (Target(platform="windows"), ["unknown-table"]),
        (Target(platform="linux", version="4.1.0"), ["unknown-table"]),
    ],
)
def test_the_target_decides_what_is_asked(target: Target, rules: list[str], tmp_path: Path) -> None:
    """One platform, one release, or all that the pack is for."""
    sql = "SELECT name FROM apparmor_profiles"
    pack = {"platform": "linux, windows", "queries": {"q": {"query": sql, "interval": 600}}}
    (tmp_path / "p.conf").write_text(json.dumps(pack))
    found = lint([str(tmp_path)], SCHEMA, target)
    assert [finding.rule for finding in found.findings] == rules


def test_a_query_for_newer_releases_is_not_asked_of_an_older_one(tmp_path: Path) -> None:
    """Its version keeps it away from there."""
    query = {"query": "SELECT nothing FROM nowhere", "interval": 600, "version": "5.0.0"}
    (tmp_path / "p.conf").write_text(json.dumps({"queries": {"q": query}}))
    assert lint([str(tmp_path)], SCHEMA, Target(version="4.9.0")).findings == ()
    assert len(lint([str(tmp_path)], SCHEMA, Target(version="5.0.0")).findings) == 1


def test_a_policy_is_held_against_the_packs(tmp_path: Path) -> None:
    """What the guard would refuse at every run is told before: hidden columns, joins by name."""
    queries = {
        "hidden": "SELECT uid, uuid FROM users",
        "joined": "SELECT username, groupname FROM users JOIN groups USING (gid)",
        "fine": "SELECT * FROM users",
        "table": "SELECT * FROM groups",
    }
    pack = {"queries": {name: {"query": sql, "interval": 60} for name, sql in queries.items()}}
    (tmp_path / "p.conf").write_text(json.dumps(pack))
    hides = Policy(denied_columns={"users": frozenset({"uuid"})})
    found = lint([str(tmp_path)], SCHEMA, Target(policy=hides)).findings
    assert [(finding.rule, finding.query) for finding in found] == [
        ("refused", "hidden"),
        ("refused", "joined"),
    ]


def test_lines_of_keys() -> None:
    """Comments, joined lines, lists, odd brackets and escapes do not lead astray."""
    text = (
        '// "packs": 1\n{\n  "packs": {\n'
        '    "a\\u0062": {"discovery": ["{", {"x": 1}],\n'
        '      "queries": {\n        "q": {"query": "SELECT \\\n# {1}"},\n'
        '        # "r": 0\n        "r": {}}}},\n  "schedule": {"q": {}}\n}\n'
    )
    found = lines(text)
    assert found["packs",] == 3
    assert found["packs", "ab", "queries", "q"] == 6
    assert found["packs", "ab", "queries", "r"] == 9
    assert found["schedule", "q"] == 10
    assert ("packs", "ab", "r") not in found


def test_few_analyzers_are_held() -> None:
    """Odd versions in many packs do not pile up connections."""
    judges = Judges(SCHEMA)
    made = {id(judges.analyzer("linux", f"5.{minor}.0")) for minor in range(20)}
    assert judges.analyzer("linux", "5.19.0") is judges.analyzer("linux", "5.19.0")
    assert len(made) > 1
    assert len(judges._analyzers) <= 8
    judges.close()
    judges.close()


def test_findings_come_by_file_and_line() -> None:
    """As a person reads."""
    found = linted(str(CASES / "interval" / "fires")).findings
    assert [finding.line for finding in found] == sorted(finding.line for finding in found)
    assert found[0].line > 0
