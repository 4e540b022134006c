"""Double quotes that SQLite takes for text.

``"x"`` names a column; where there is none of that name SQLite reads it as the text ``'x'``, and so
does osquery, which many packs rely on. A misspelt column then goes unnoticed.
"""

from collections.abc import Callable

from telegraf_osquery.schema.sql_tokens import Token, tokenize


def texts(sql: str, readable: Callable[[str], bool]) -> tuple[str, ...]:
    """The words in double quotes that are taken for text, in their order.

    Args:
        sql: a statement that can be read.
        readable: whether another text can be read in its place. It is asked once for each word,
            which then stands in backticks: those never mean text.
    """
    tokens = [t for t in tokenize(sql) if t.kind == "name" and sql[t.start] == '"']
    words = dict.fromkeys(token.text for token in tokens)
    return tuple(word for word in words if not readable(_as_name(sql, word, tokens)))


def _as_name(sql: str, word: str, tokens: list[Token]) -> str:
    name = "`" + word.replace("`", "``") + "`"
    for token in reversed(tokens):
        if token.text == word:
            sql = sql[: token.start] + name + sql[token.end :]
    return sql
