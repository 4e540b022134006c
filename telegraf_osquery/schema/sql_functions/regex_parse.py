r"""The grammar of std::regex ECMAScript over bytes, as libc++ reads it.

osquery hands patterns to std::regex; official packages are linked with LLVM's libc++, whose
``<regex>`` is stricter than other libraries: ``]``, ``}``, ``a++``, ``a**`` and unknown escapes
(``\A``, ``\q``, ``\_``) are errors, while ``[c-a]`` is an empty range. There are no look-behinds,
named groups, inline flags, atomic groups or ``\p``. libc++ 16 is also followed where it departs
from ECMAScript:

- A group inside a look-ahead cannot be referred to from outside, nor the other way round.
- In ``[\D\W]`` the complements are intersected, where ECMAScript unites them.
"""

from telegraf_osquery.schema.sql_functions.regex_classes import (
    ALL,
    ANY,
    CLASSES,
    NAMES,
    SHORTHANDS,
    of,
    span,
)
from telegraf_osquery.schema.sql_functions.regex_tree import (
    Ahead,
    Back,
    Chars,
    Choice,
    Edge,
    Group,
    Invalid,
    Loop,
    Node,
    Sequence,
    Tree,
)

_COUNT_MAX = ((1 << 31) - 1) // 10
_CONTROLS = {ord("f"): 12, ord("n"): 10, ord("r"): 13, ord("t"): 9, ord("v"): 11, ord("0"): 0}


def parse(pattern: bytes) -> Tree:
    """Read a whole pattern.

    Raises:
        Invalid: libc++ would throw std::regex_error.
    """
    return _Parser(pattern).tree()


class _Parser:
    def __init__(self, pattern: bytes) -> None:
        self._text = pattern
        self._at = 0
        self._groups = 0

    def tree(self) -> Tree:
        body = self._choice()
        if self._at < len(self._text):
            raise self._bad("expected the end")
        return Tree(body, self._groups)

    def _bad(self, expected: str) -> Invalid:
        rest = self._text[self._at : self._at + 8].decode("utf-8", "replace")
        found = f"found {rest!r}" if rest else "found the end"
        return Invalid(f"{found} at byte {self._at + 1}, {expected}")

    def _peek(self, ahead: int = 0) -> bytes:
        return self._text[self._at + ahead : self._at + ahead + 1]

    def _take(self, expected: bytes) -> bool:
        if not self._text.startswith(expected, self._at):
            return False
        self._at += len(expected)
        return True

    def _choice(self) -> Node:
        branches = [self._sequence()]
        while self._take(b"|"):
            branches.append(self._sequence())
        return branches[0] if len(branches) == 1 else Choice(tuple(branches))

    def _sequence(self) -> Node:
        items = []
        while (node := self._term()) is not None:
            items.append(node)
        return items[0] if len(items) == 1 else Sequence(tuple(items))

    def _term(self) -> Node | None:
        for text, sign in ((b"^", "^"), (b"$", "$"), (rb"\b", "b"), (rb"\B", "B")):
            if self._take(text):
                return Edge(sign)
        for text in (b"(?=", b"(?!"):
            if self._take(text):
                return self._ahead(negative=text == b"(?!")
        before = self._groups
        atom = self._atom()
        return None if atom is None else self._repeated(atom, before)

    def _ahead(self, *, negative: bool) -> Node:
        """It is an expression of its own, with groups of its own."""
        outside, self._groups = self._groups, 0
        body = self._choice()
        inside, self._groups = self._groups, outside + self._groups
        if not self._take(b")"):
            raise self._bad("expected ) for a look-ahead")
        return Ahead(body, negative, outside, inside)

    def _atom(self) -> Node | None:
        byte = self._peek()
        if not byte or byte in b")|]}":
            return None
        if byte in b"*+?{":
            raise self._bad("expected something to repeat")
        if self._take(b"."):
            return Chars(ANY)
        if self._take(b"["):
            return Chars(self._bracket())
        if self._take(b"("):
            return self._group()
        self._at += 1
        return self._escape() if byte == b"\\" else Chars(of(byte[0]))

    def _group(self) -> Node:
        number = 0
        if not self._take(b"?:"):
            self._groups += 1
            number = self._groups
        body = self._choice()
        if not self._take(b")"):
            raise self._bad("expected )")
        return Group(number, body) if number else body

    def _repeated(self, atom: Node, before: int) -> Node:
        counts = {b"*": (0, None), b"+": (1, None), b"?": (0, 1)}.get(self._peek())
        if counts is not None:
            self._at += 1
        elif self._take(b"{"):
            counts = self._braces()
        else:
            return atom
        least, most = counts
        greedy = not self._take(b"?")
        return Loop(atom, least, most, greedy, before + 1, self._groups + 1)

    def _braces(self) -> tuple[int, int | None]:
        least = self._count()
        most: int | None = least
        if self._take(b","):
            most = None if self._peek() == b"}" else self._count()
        if not self._take(b"}"):
            raise self._bad("expected }")
        if most is not None and most < least:
            raise self._bad("expected a larger second number in {}")
        return least, most

    def _count(self) -> int:
        start = self._at
        number = 0
        while self._peek().isdigit():
            if number >= _COUNT_MAX:
                raise self._bad("expected a smaller number in {}")
            number = 10 * number + int(self._peek())
            self._at += 1
        if self._at == start:
            raise self._bad("expected a number in {}")
        return number

    def _escape(self) -> Node:
        byte = self._peek()
        if byte == b"0":
            self._at += 1
            return Chars(of(0))
        if byte.isdigit():
            return self._back()
        if byte and byte in SHORTHANDS:
            self._at += 1
            return Chars(SHORTHANDS[byte])
        return Chars(of(self._character()))

    def _back(self) -> Node:
        start = self._at
        while self._peek().isdigit():
            self._at += 1
        number = int(self._text[start : self._at])
        if number > self._groups:
            self._at = start
            raise self._bad(f"expected a group's number, there are {self._groups} before it")
        return Back(number)

    def _character(self) -> int:
        """The byte that stands for itself, or the one that a letter or digits stand for."""
        byte = self._peek()
        letter = self._peek(1)
        if byte and byte[0] in _CONTROLS:
            self._at += 1
            return _CONTROLS[byte[0]]
        if byte == b"c" and letter.isalpha():
            self._at += 2
            return letter[0] % 32
        if byte in {b"x", b"u"}:
            return self._hexadecimal(2 if byte == b"x" else 4)
        if not byte or byte.isalnum() or byte == b"_":
            raise self._bad("which is no escape of ECMAScript")
        self._at += 1
        return byte[0]

    def _hexadecimal(self, count: int) -> int:
        digits = self._text[self._at + 1 : self._at + 1 + count]
        if len(digits) < count or not all(digit in b"0123456789abcdefABCDEF" for digit in digits):
            raise self._bad(f"expected {count} hexadecimal digits")
        self._at += 1 + count
        return int(digits, 16) & 0xFF

    def _bracket(self) -> int:
        negative = self._take(b"^")
        bracket = _Bracket()
        while not self._take(b"]"):
            if not self._peek():
                raise self._bad("expected ]")
            self._member(bracket)
        mask = bracket.mask()
        return ALL & ~mask if negative else mask

    def _member(self, bracket: "_Bracket") -> None:
        """One byte, class, or range."""
        for opening, closing in ((b"[=", b"=]"), (b"[:", b":]")):
            if self._take(opening):
                name = self._until(closing)
                bracket.yes |= _class(name) if opening == b"[:" else of(_element(name))
                return
        first = self._end(bracket)
        # a minus before the closing bracket is one
        if self._peek() != b"-" or self._peek(1) in {b"]", b""}:
            bracket.yes |= 0 if first is None else of(first)
            return
        self._at += 1
        last = self._end(bracket)
        if first is None or last is None:
            raise self._bad("behind a range that begins or ends with a class")
        bracket.yes |= span(first, last)

    def _end(self, bracket: "_Bracket") -> int | None:
        r"""One end of a range; None for a class such as ``\d``, which is noted."""
        if self._take(b"[."):
            return _element(self._until(b".]"))
        byte = self._peek()
        self._at += 1
        if byte != b"\\":
            return byte[0]
        letter = self._peek()
        if letter == b"b":
            self._at += 1
            return 8
        if letter and letter in SHORTHANDS:
            self._at += 1
            bracket.add(letter)
            return None
        return self._character()

    def _until(self, closing: bytes) -> bytes:
        end = self._text.find(closing, self._at)
        if end < 0:
            raise self._bad(f"expected {closing.decode()}")
        name, self._at = self._text[self._at : end], end + len(closing)
        return name


class _Bracket:
    """What stands between brackets: bytes that are in, and complements."""

    def __init__(self) -> None:
        self.yes = 0
        self._no = 0

    def add(self, letter: bytes) -> None:
        if letter.islower():
            self.yes |= SHORTHANDS[letter]
        else:
            self._no |= SHORTHANDS[letter.lower()]

    def mask(self) -> int:
        return self.yes | (ALL & ~self._no if self._no else 0)


def _class(name: bytes) -> int:
    mask = CLASSES.get(name.lower())
    if mask is None:
        known = ", ".join(sorted(one.decode() for one in CLASSES))
        raise Invalid(f"found the class {name.decode('utf-8', 'replace')!r}, known are {known}")
    return mask


def _element(name: bytes) -> int:
    found = name[0] if len(name) == 1 else NAMES.get(name)
    if found is None:
        raise Invalid(f"found {name.decode('utf-8', 'replace')!r}, which names no character")
    return found
