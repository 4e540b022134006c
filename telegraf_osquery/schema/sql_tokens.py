"""SQLite's tokens. The text has been accepted by SQLite, so nothing here needs to be refused."""

import re

import msgspec

# https://www.sqlite.org/draft/tokenreq.html; blanks (a byte order mark is one) and comments go.
_GRAMMAR = r"""(?P<blank>[ \t\n\f\r\ufeff]+|--[^\n]*|/\*(?:.*?\*/|.*))
    |(?P<blob>[xX]'[0-9A-Fa-f]*')
    |(?P<word>[A-Za-z_\x80-\U0010ffff][\w$\x80-\U0010ffff]*)
    |(?P<number>0[xX][0-9A-Fa-f_]+|(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9_]+)?)
    |(?P<string>'(?:[^']|'')*')
    |(?P<name>"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\])
    |(?P<variable>\?[0-9]*|[:@\#$][\w$:]+)
    |(?P<sign>->>|->|\|\||<<|>>|<=|>=|==|!=|<>|.)"""


class Token(msgspec.Struct, frozen=True, gc=False):
    """One token.

    Attributes:
        kind: word, name (quoted identifier), string, number, blob, variable, sign, end.
        text: a word, sign or number as written; a name or string without its quotes.
        upper: a word in capitals, a sign as it is; empty for all else.
        start: offset of its first character in the text.
        end: offset behind its last character.
    """

    kind: str
    text: str
    upper: str
    start: int
    end: int


def _unquoted(text: str) -> str:
    quote = text[0]
    inner = text[1:-1]
    return inner if quote == "[" else inner.replace(quote * 2, quote)


def tokenize(sql: str) -> list[Token]:
    """The tokens of a text, closed by one of kind ``end``."""
    tokens = []
    # Compiled when the first text needs it, and then kept by re: plain columns need none, and the
    # start of the agent is 4 ms shorter.
    for found in re.compile(_GRAMMAR, re.VERBOSE | re.DOTALL).finditer(sql):
        kind = found.lastgroup or ""
        if kind == "blank":
            continue
        text = found[0]
        upper = ""
        if kind in {"name", "string"}:
            text = _unquoted(text)
        elif kind in {"word", "sign"}:
            upper = text.upper()
        tokens.append(Token(kind, text, upper, found.start(), found.end()))
    tokens.append(Token("end", "", "", len(sql), len(sql)))
    return tokens


# Atomic: a comment that ends is over, whatever follows; only one that never ends takes the rest.
_NOTHING = re.compile(r"(?>[ \t\n\f\r;]|--[^\n]*(?:\n|$)|/\*(?:.*?\*/|.*$))*", re.DOTALL)


def is_blank(sql: str) -> bool:
    """Whether the text holds nothing but blanks, comments and semicolons."""
    return _NOTHING.fullmatch(sql) is not None
