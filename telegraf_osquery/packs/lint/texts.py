"""What is seen in the words of a statement that SQLite accepts."""

import re
from collections.abc import Iterator, Sequence

from telegraf_osquery.packs.lint.report import Said
from telegraf_osquery.schema.analyze import Analysis
from telegraf_osquery.schema.sql_tokens import Token, tokenize
from telegraf_osquery.schema.tables import Schema

_ORDER = frozenset({"<", ">", "<=", ">=", "BETWEEN"})
_VERSION = re.compile(r"\d+(?:\.\d+)+")
_NAMES = frozenset({"word", "name"})


def look(analysis: Analysis, schema: Schema, *, differential: bool) -> Iterator[Said]:
    """The findings in the text of a statement."""
    tokens = tokenize(analysis.sql)
    yield from _versions(tokens, analysis, schema)
    if any(token.upper == "NATURAL" for token in tokens):
        yield Said(
            "natural-join",
            "NATURAL JOIN; expected ON or USING: columns of equal name differ by release",
        )
    words = _outermost(tokens)
    if differential and "FROM" in words and "LIMIT" in words and "ORDER" not in words:
        yield Said(
            "limit-without-order",
            "LIMIT without ORDER BY in a differential query; rows come and go by chance: "
            "write ORDER BY",
        )


def _outermost(tokens: Sequence[Token]) -> set[str]:
    """The words outside of all parentheses."""
    found = set()
    depth = 0
    for token in tokens:
        depth += {"(": 1, ")": -1}.get(token.upper, 0)
        if depth == 0 and token.kind == "word":
            found.add(token.upper)
    return found


def _versions(tokens: Sequence[Token], analysis: Analysis, schema: Schema) -> Iterator[Said]:
    for left, sign, right, after in zip(
        tokens, tokens[1:], tokens[2:], (*tokens[3:], tokens[-1]), strict=False
    ):
        name, text = (left, right) if left.kind in _NAMES else (right, left)
        if (
            sign.upper in _ORDER
            and name.kind in _NAMES
            and text.kind == "string"
            and _VERSION.match(text.text)
            and after.upper != "COLLATE"
            and _is_text_version(name.text, analysis, schema)
        ):
            yield Said(
                "version-as-text",
                f"{_shown(left)} {sign.text} {_shown(right)} compares as text, where 1.10 is below "
                f"1.9; compare version_compare({name.text}, '{text.text}') with 0, or write "
                "COLLATE version after it",
            )


def _shown(token: Token) -> str:
    return f"'{token.text}'" if token.kind == "string" else token.text


def _is_text_version(name: str, analysis: Analysis, schema: Schema) -> bool:
    """Whether it is named as a version and no table declares an order of versions for it."""
    if not name.lower().endswith("version"):
        return False
    specs = (schema.table(table) for table in analysis.tables)
    columns = [column for spec in specs if spec and (column := spec.column(name))]
    return not any(column.collation.startswith("VERSION") for column in columns)
