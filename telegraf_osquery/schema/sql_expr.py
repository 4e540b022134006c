"""The expression half of the reader: precedence as in https://www.sqlite.org/lang_expr.html."""

from collections.abc import Callable
from typing import TypeVar

from telegraf_osquery.model.column import Type
from telegraf_osquery.schema.sql_tokens import Token
from telegraf_osquery.schema.sql_tree import (
    UNKNOWN,
    Arithmetic,
    Call,
    Case,
    Expression,
    Literal,
    Name,
    Query,
    Same,
    Scalar,
)

T = TypeVar("T")

_LOGIC, _NOT, _EQUAL, _ORDER, _BITS, _SUM, _PRODUCT, _JOIN, _COLLATE, _UNARY = range(1, 11)
_BINDING = {
    **dict.fromkeys(("OR", "AND"), _LOGIC),
    **dict.fromkeys(("=", "==", "!=", "<>", "IS", "IN", "LIKE", "GLOB", "MATCH", "REGEXP"), _EQUAL),
    **dict.fromkeys(("BETWEEN", "NOT", "ISNULL", "NOTNULL"), _EQUAL),
    **dict.fromkeys(("<", "<=", ">", ">="), _ORDER),
    **dict.fromkeys(("&", "|", "<<", ">>"), _BITS),
    **dict.fromkeys(("+", "-"), _SUM),
    **dict.fromkeys(("*", "/", "%"), _PRODUCT),
    **dict.fromkeys(("||", "->", "->>"), _JOIN),
    "COLLATE": _COLLATE,
}
_AFTER_NOT = frozenset({"IN", "LIKE", "GLOB", "MATCH", "REGEXP", "BETWEEN", "NULL"})
_ALIASES = frozenset({"word", "name", "string"})
_CLOSING = {"(": 1, ")": -1}
_OUTSIDE = frozenset({")", ";"})
_WORDS = {
    "NULL": Literal("null"),
    "CURRENT_DATE": Literal("text"),
    "CURRENT_TIME": Literal("text"),
    "CURRENT_TIMESTAMP": Literal("text"),
}
_INTEGER, _TEXT, _DOUBLE = Literal("integer"), Literal("text"), Literal("double")
_INT64 = 1 << 63


class Lost(Exception):  # noqa: N818 - not an error of anyone's, and it never leaves this room
    """The reader does not understand the text."""


class ExpressionReader:
    """A position in a list of tokens, and the expressions that can be read there."""

    def __init__(self, sql: str, tokens: list[Token]) -> None:
        self.sql = sql
        self.tokens = tokens
        self.at = 0

    def peek(self) -> Token:
        return self.tokens[self.at]

    def upper(self, ahead: int = 0) -> str:
        return self.tokens[min(self.at + ahead, len(self.tokens) - 1)].upper

    def next(self) -> Token:
        token = self.tokens[self.at]
        if token.kind == "end":
            raise Lost
        self.at += 1
        return token

    def take(self, text: str) -> bool:
        """Step over this keyword or sign if it stands here."""
        found = self.upper() == text
        self.at += found
        return found

    def expect(self, text: str) -> None:
        if not self.take(text):
            raise Lost

    def identifier(self) -> str:
        token = self.next()
        if token.kind not in _ALIASES:
            raise Lost
        return token.text

    def listed(self, read: Callable[[], T]) -> tuple[T, ...]:
        found = [read()]
        while self.take(","):
            found.append(read())
        return tuple(found)

    def skip(self, stops: frozenset[str]) -> None:
        """Step over all up to one of these words, the end of the group, or the end of the text."""
        while self.peek().kind != "end" and self.upper() not in _OUTSIDE:
            if self.upper() in stops and "." not in {self.upper(-1), self.upper(1)}:
                return
            if self.upper() == "(":
                self.skip_group()
            else:
                self.at += 1

    def skip_group(self) -> None:
        """Step over a parenthesis with all that is in it."""
        depth = 0
        while True:
            depth += _CLOSING.get(self.next().upper, 0)
            if depth == 0:
                return

    def query(self) -> Query:
        """A SELECT that starts here; read by the subclass."""
        raise Lost

    def guarded(self, stops: frozenset[str]) -> Expression:
        """An expression that ends at one of these words; UNKNOWN if it is not understood."""
        start = self.at
        try:
            value = self.expression(0)
            token = self.peek()
            if token.kind in _ALIASES | {"end"} or token.upper in stops | _OUTSIDE:
                return value
        except Lost:
            self.at = start
        self.skip(stops)
        return UNKNOWN

    def expression(self, floor: int) -> Expression:
        """An expression whose operators bind tighter than ``floor``."""
        left = self._prefix()
        while True:
            sign = self.upper()
            power = _BINDING.get(sign, 0)
            if power <= floor or (sign == "NOT" and self.upper(1) not in _AFTER_NOT):
                return left
            self.at += 1
            left = self._infix(sign, power, left)

    def _infix(self, sign: str, power: int, left: Expression) -> Expression:
        if power == _EQUAL:
            self._comparison(sign)
            return _INTEGER
        if power == _COLLATE:
            self.identifier()
            return Same(left)
        right = self.expression(power)
        if power in {_SUM, _PRODUCT}:
            return Arithmetic((left, right))
        if power == _JOIN:
            return _TEXT if sign != "->>" else UNKNOWN
        return _INTEGER

    def _comparison(self, sign: str) -> None:
        """The right side of ``=``, IS, IN, LIKE, BETWEEN and their like."""
        if sign == "NOT":
            sign = self.next().upper
        if sign in {"ISNULL", "NOTNULL", "NULL"}:
            return
        if sign == "IN":
            self._members()
            return
        if sign == "IS":
            self.take("NOT")
            if self.take("DISTINCT"):
                self.expect("FROM")
        self.expression(_EQUAL)
        if sign == "BETWEEN":
            self.expect("AND")
            self.expression(_EQUAL)
        elif self.take("ESCAPE"):
            self.expression(_EQUAL)

    def _members(self) -> None:
        if self.upper() != "(":
            self.identifier()
            if self.take("."):
                self.identifier()
        if self.upper() == "(":
            self.skip_group()

    def _prefix(self) -> Expression:
        token = self.next()
        if token.kind == "word":
            return self._word(token)
        if token.kind == "sign":
            return self._sign(token.upper)
        if token.kind == "number":
            return _number(token.text)
        if token.kind == "name":
            return self._named(token.text, quoted=self.sql[token.start] == '"')
        return _TEXT if token.kind in {"string", "blob"} else UNKNOWN

    def _sign(self, sign: str) -> Expression:
        if sign == "(":
            return self._group()
        if sign not in {"-", "+", "~"}:
            raise Lost
        if sign == "-" and self.peek().text == str(_INT64):
            self.at += 1
            return _INTEGER
        operand = self.expression(_COLLATE)
        if sign == "~":
            return _INTEGER
        return Same(operand) if sign == "+" else Arithmetic((operand,))

    def _group(self) -> Expression:
        value: Expression
        if self.upper() in {"SELECT", "WITH", "VALUES"}:
            value = Scalar(self.query())
        else:
            values = self.listed(lambda: self.expression(0))
            value = values[0] if len(values) == 1 else UNKNOWN
        self.expect(")")
        return value

    def _word(self, token: Token) -> Expression:
        word = token.upper
        if word in _WORDS:
            return _WORDS[word]
        if word == "NOT":
            self.expression(_NOT)
            return _INTEGER
        if word == "CASE":
            return self._case()
        if word == "CAST" and self.upper() == "(":
            return self._cast()
        if word == "EXISTS" and self.upper() == "(":
            self.skip_group()
            return _INTEGER
        return self._named(token.text)

    def _named(self, name: str, *, quoted: bool = False) -> Expression:
        if self.upper() == "(":
            return self._call(name)
        parts = [name]
        while self.take("."):
            parts.append(self.identifier())
        return Name(tuple(parts), quoted and len(parts) == 1)

    def _call(self, name: str) -> Expression:
        self.expect("(")
        self.take("DISTINCT")
        arguments: tuple[Expression, ...] = ()
        if self.upper() not in {"*", ")"}:
            arguments = self.listed(lambda: self.expression(0))
        self.skip(frozenset())
        self.expect(")")
        for word in ("FILTER", "OVER"):
            if self.upper() == word and (word == "OVER" or self.upper(1) == "("):
                self.at += 1
                if self.upper() == "(":
                    self.skip_group()
                else:
                    self.identifier()
        return Call(name.lower(), arguments)

    def _case(self) -> Expression:
        if self.upper() != "WHEN":
            self.expression(0)
        branches: list[Expression] = []
        while self.take("WHEN"):
            self.expression(0)
            self.expect("THEN")
            branches.append(self.expression(0))
        branches.append(self.expression(0) if self.take("ELSE") else Literal("null"))
        self.expect("END")
        return Case(tuple(branches))

    def _cast(self) -> Expression:
        self.expect("(")
        self.expression(0)
        self.expect("AS")
        start = self.at
        self.skip(frozenset())
        words = [token.upper or token.text.upper() for token in self.tokens[start : self.at]]
        self.expect(")")
        return Literal(affinity(" ".join(words)))


def affinity(declared: str) -> Type:
    """The type that a CAST gives: https://www.sqlite.org/datatype3.html, section 3.1.

    What SQLite calls NUMERIC may give an integer or a real: double, which holds both.
    """
    if "INT" in declared:
        return "integer"
    if not declared or any(word in declared for word in ("CHAR", "CLOB", "TEXT", "BLOB")):
        return "text"
    return "double"


def _number(text: str) -> Literal:
    plain = text.replace("_", "").lower()
    if plain.startswith("0x"):
        return _INTEGER
    if "." in plain or "e" in plain:
        return _DOUBLE
    # From 2^63 on SQLite reads a double.
    return _INTEGER if len(plain) < 20 and int(plain) < _INT64 else _DOUBLE
