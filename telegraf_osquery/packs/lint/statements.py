"""One SQL text on every platform and release it is meant for."""

import re

import msgspec

from telegraf_osquery.errors import QueryError, QueryRefused
from telegraf_osquery.packs.lint.target import Judges
from telegraf_osquery.schema.analyze import Analysis
from telegraf_osquery.schema.sql_tokens import tokenize

_MISSING = re.compile(r"SQL: no such (table|column|function): ")
_QUOTED = re.compile(r'SQL: no such column: "(.*)" - should this be a string', re.DOTALL)
_QUOTES_MAX = 50


class Fault(msgspec.Struct, frozen=True):
    """Why a statement cannot be answered: the rule it breaks, and the reason with the cure."""

    rule: str
    message: str


class Judged(msgspec.Struct, frozen=True):
    """What is known of a statement.

    Attributes:
        sql: the text that was judged; double quotes that stand for text are single ones.
        good: platform → what the statement does there.
        bad: platform → why it cannot be answered there.
        quoted: words in double quotes that are meant as text.
    """

    sql: str
    good: dict[str, Analysis]
    bad: dict[str, Fault]
    quoted: tuple[str, ...] = ()


def judge(judges: Judges, sql: str, platforms: tuple[str, ...], version: str | None) -> Judged:
    """Judge a statement on these platforms; never raises for what the text says."""
    quoted: list[str] = []
    for _ in range(_QUOTES_MAX):
        good: dict[str, Analysis] = {}
        bad: dict[str, Fault] = {}
        errors = {name: _analysis(judges, sql, name, version, good) for name in platforms}
        word = _meant_as_text({name: error for name, error in errors.items() if error})
        fixed = _single_quoted(sql, word) if word is not None and not good else sql
        bad = {name: _fault(error) for name, error in errors.items() if error}
        if word is None or fixed == sql:
            break
        quoted.append(word)
        sql = fixed
    return Judged(sql, good, bad, tuple(quoted))


def _analysis(
    judges: Judges, sql: str, platform: str, version: str | None, good: dict[str, Analysis]
) -> QueryError | None:
    try:
        good[platform] = judges.analyzer(platform, version).analyze(sql)
    except QueryError as error:
        return error
    return None


def _fault(error: QueryError) -> Fault:
    found = _MISSING.match(str(error))
    kind = f"unknown-{found[1]}" if found else "sql"
    if isinstance(error, QueryRefused):
        kind = "refused"
    return Fault(kind, str(error))


def _meant_as_text(errors: dict[str, QueryError]) -> str | None:
    for error in errors.values():
        found = _QUOTED.match(str(error))
        if found:
            return found[1]
    return None


def _single_quoted(sql: str, word: str) -> str:
    """The text with every ``"word"`` as ``'word'``."""
    parts = []
    at = 0
    for token in tokenize(sql):
        if token.kind == "name" and sql[token.start] == '"' and token.text == word:
            parts += [sql[at : token.start], "'", word.replace("'", "''"), "'"]
            at = token.end
    return "".join(parts) + sql[at:]
