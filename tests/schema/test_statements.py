"""Recorded statements with the type that each result column must get."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from telegraf_osquery import errors
from telegraf_osquery.schema.analyze import Analyzer
from telegraf_osquery.schema.functions import ALLOWED
from telegraf_osquery.schema.policy import Policy
from telegraf_osquery.schema.tables import load

CASES = Path(__file__).parents[1] / "testcases" / "schema" / "statements"
FAMILIES = {
    "TEXT": "text",
    "INTEGER": "integer",
    "BIGINT": "integer",
    "UNSIGNED BIGINT": "unsigned",
    "DOUBLE": "double",
}
HOLDS = {
    "integer": {"integer"},
    "unsigned": {"integer"},
    "double": {"integer", "real"},
    "text": {"integer", "real", "text", "blob"},
}


def _cases() -> list[Any]:
    found = []
    for path in sorted(CASES.glob("*.jsonl")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            found.append(pytest.param(json.loads(line), id=f"{path.stem}-{number}"))
    return found


@pytest.fixture(scope="module")
def analyzer() -> Iterator[Analyzer]:
    made = Analyzer(
        load(), platform="linux", version="5.23.1", policy=Policy(functions=ALLOWED | {"sleep"})
    )
    yield made
    made.close()


@pytest.mark.parametrize("case", _cases())
def test_statement(analyzer: Analyzer, case: dict[str, Any]) -> None:
    """Names, types and origins are as recorded, and every value seen fits the type."""
    if "columns" not in case:
        expected = getattr(errors, case.get("refused", "QueryError"))
        with pytest.raises(expected):
            analyzer.analyze(case["sql"])
        return
    found = analyzer.analyze(case["sql"]).columns
    types = [column.type + ("" if column.derived else "?") for column in found]
    assert [[c.name, type_] for c, type_ in zip(found, types, strict=True)] == [
        [name, type_] for name, type_, *_ in case["columns"]
    ]
    for column, (_, _, declared, seen) in zip(found, case["columns"], strict=True):
        assert set(seen.split()) - {"null"} <= HOLDS[column.type]
        if column.origin:
            assert FAMILIES[declared] == column.type


def test_there_are_enough_cases() -> None:
    """The recorded set is complete: a lost file would go unnoticed otherwise."""
    cases = [case.values[0] for case in _cases()]
    assert len(cases) == 392
    assert sum("columns" in case for case in cases) > 350
    assert {case.get("refused") for case in cases} == {None, "QueryError", "QueryRefused"}
