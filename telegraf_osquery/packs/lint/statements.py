"""One SQL text on every platform and release it is meant for."""

import re

import msgspec

from telegraf_osquery.clock import Deadline
from telegraf_osquery.errors import QueryError, QueryRefused, QueryTimeout
from telegraf_osquery.packs.lint.target import Judges
from telegraf_osquery.schema.analyze import Analysis
from telegraf_osquery.schema.quoted import texts

_SECONDS = 2
_QUOTES_MAX = 200  # each word in double quotes costs one more look at the statement
_MISSING = re.compile(r"SQL: no such (table|column|function): ")


class Fault(msgspec.Struct, frozen=True):
    """Why a statement cannot be answered: the rule it breaks, and the reason with the cure."""

    rule: str
    message: str


class Judged(msgspec.Struct, frozen=True):
    """What is known of a statement.

    Attributes:
        sql: the text that was judged.
        good: platform → what the statement does there.
        bad: platform → why it cannot be answered there.
        quoted: words in double quotes that name no column and are taken for text.
    """

    sql: str
    good: dict[str, Analysis]
    bad: dict[str, Fault]
    quoted: tuple[str, ...] = ()


def judge(judges: Judges, sql: str, platforms: tuple[str, ...], version: str | None) -> Judged:
    """Judge a statement on these platforms; never raises for what the text says."""
    good: dict[str, Analysis] = {}
    errors = {name: _analysis(judges, sql, name, version, good) for name in platforms}
    bad = {name: _fault(error) for name, error in errors.items() if error}
    first = next(iter(good), "")

    def readable(text: str) -> bool:
        return _analysis(judges, text, first, version, {}) is None

    asked = first and sql.count('"') <= _QUOTES_MAX
    return Judged(sql, good, bad, texts(sql, readable) if asked else ())


def _analysis(
    judges: Judges, sql: str, platform: str, version: str | None, good: dict[str, Analysis]
) -> QueryError | None:
    try:
        deadline = Deadline(judges.clock, _SECONDS)
        good[platform] = judges.analyzer(platform, version).analyze(sql, deadline)
    except QueryError as error:
        return error
    except QueryTimeout:
        return QueryError(f"SQL: not read within {_SECONDS} seconds; write less of it")
    return None


def _fault(error: QueryError) -> Fault:
    found = _MISSING.match(str(error))
    kind = f"unknown-{found[1]}" if found else "sql"
    if isinstance(error, QueryRefused):
        kind = "refused"
    return Fault(kind, str(error))
