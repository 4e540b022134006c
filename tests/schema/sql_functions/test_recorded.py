"""Every recorded answer of osquery 5.23.1's SQL functions, through the embedded engine."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from telegraf_osquery.clock import Deadline
from telegraf_osquery.engines.embedded import Embedded
from telegraf_osquery.errors import QueryError
from telegraf_osquery.schema.coerce import as_text
from telegraf_osquery.schema.functions import RULES
from telegraf_osquery.schema.tables import load
from tests.fakes.clock import ManualClock

FOLDER = Path(__file__).parents[2] / "testcases" / "functions"
FILES = """
    usr/bin/ls usr/bin/cat srv/data/plain.txt srv/f/x srv/f/d/k srv/data/My\0App/run.sh
    srv/data/a\0b srv/f/x\0y srv/f/d\0y
"""

NO_UTF8 = "the bytes are the same; text that is no UTF-8 is a blob in Python's binding"
NEWER = "a function of a SQLite newer than the recorded 3.40"
EXCEPTIONS = {
    "from_base64('/w==')": NO_UTF8,
    "from_base64('//8=')": NO_UTF8,
    "regex_match('привет','.',0)": NO_UTF8,
    "regex_match('привет','[а-я]+',0)": NO_UTF8,  # noqa: RUF001
    "regex_match(x'FF61','.',0)": NO_UTF8,
    "unhex('61')": NEWER,
    "octet_length('п')": NEWER,
    "string_agg('a',',')": NEWER,
    "timediff('2024-01-02','2024-01-01')": NEWER,
    "sqlite_version()": "names the SQLite that answers",
    "shellstatic()": "belongs to SQLite's shell, osqueryd has none",
}


def recorded() -> list[list[Any]]:
    """Expression, type (None: not recorded; ``error``), value or error text."""
    texts = [path.read_text() for path in sorted(FOLDER.glob("*.jsonl"))]
    return [json.loads(line) for text in texts for line in text.split("\n") if line]


CASES = recorded()


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    """An engine that sees the files of the machine that was recorded."""
    root = tmp_path_factory.mktemp("root")
    for name in FILES.split():
        path = root / name.replace("\0", " ")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    made = Embedded(load(), ManualClock(), root=str(root))
    yield made
    made.close()


def answer(engine: Embedded, expression: str) -> tuple[str, Any]:
    """Type and value, the latter as osquery prints it: up to the first NUL byte."""
    sql = f"SELECT typeof({expression}), {expression}"
    if expression.startswith("carve("):  # an aggregate has no place inside of typeof()
        sql = f"SELECT 'text', {expression}"
    try:
        chunks = engine.execute(sql, Deadline(ManualClock(), 60)).chunks
        ((kind,), (value,)) = next(chunks)
    except QueryError as error:
        return "error", str(error)
    if isinstance(value, bytes):
        return kind, {"hex": value.hex()} if value.strip(b"\0") else ""
    return kind, None if value is None else as_text(value).partition("\0")[0]


@pytest.mark.parametrize(
    ("expression", "kind", "value"),
    [pytest.param(*case, id=case[0]) for case in CASES if case[0] not in EXCEPTIONS],
)
def test_the_recorded_answer(engine: Embedded, expression: str, kind: str, value: Any) -> None:
    """Value and type are osquery's; so is what is an error, with its words first."""
    found, given = answer(engine, expression)
    if kind == "error":
        assert (found, given[: len(value)]) == ("error", value)
    else:
        assert (found if kind else None, given) == (kind, value)


def test_the_exceptions_are_few_and_real(engine: Embedded) -> None:
    """At most one in a hundred answers differs, each for a reason that is named and still holds."""
    excepted = [case for case in CASES if case[0] in EXCEPTIONS]
    assert len(excepted) == len(EXCEPTIONS) <= len(CASES) / 100
    for expression, kind, value in excepted:
        assert answer(engine, expression) != (kind, value), expression
        if EXCEPTIONS[expression] == NO_UTF8:
            assert answer(engine, expression) == ("blob", value)


FAMILIES = {"integer": {"integer"}, "double": {"real"}, "text": {"text", "blob"}}


def typed() -> Iterator[tuple[str, str, str]]:
    """Calls of one function whose rule names a type: expression, rule, recorded type."""
    for expression, kind, _ in CASES:
        rule = RULES.get(expression.partition("(")[0], "")
        whole = expression.endswith(")") and "||" not in expression
        if whole and rule in FAMILIES and kind in {"integer", "real", "text", "blob"}:
            yield expression, rule, kind


@pytest.mark.parametrize(("expression", "rule", "kind"), list(typed()))
def test_the_types_told_beforehand_are_those_that_come(
    expression: str, rule: str, kind: str
) -> None:
    """A function whose rule names a type never gave another one, NULL aside."""
    assert kind in FAMILIES[rule], expression
