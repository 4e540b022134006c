r"""The same expression for Python's ``re``, where its answer is the same.

It is not for: references; groups inside of what repeats (std::regex forgets them at each turn) or
of a look-ahead, when they are asked for; repetitions of what may be empty; ``\b`` in a look-ahead.
"""

import re

from telegraf_osquery.schema.sql_functions.regex_classes import ALL
from telegraf_osquery.schema.sql_functions.regex_tree import (
    Ahead,
    Back,
    Chars,
    Choice,
    Group,
    Loop,
    Node,
    Sequence,
    Tree,
    empty,
)

_EDGES = {"^": r"\A", "$": r"\Z", "b": r"\b", "B": r"\B"}


def translated(tree: Tree, wanted: int) -> "re.Pattern[bytes] | None":
    """A pattern whose group 1 is the wanted one (0: the whole, there is no group then).

    None where ``re`` would not give std::regex's answer.
    """
    try:
        text = _Translator(wanted).text(tree.body)
    except _Other:
        return None
    return re.compile(text.encode("ascii"))


class _Other(Exception):  # noqa: N818 - not for Python's re
    """Python's answer would be another one."""


class _Translator:
    def __init__(self, wanted: int) -> None:
        self._wanted = wanted
        self._repeats = False
        self._ahead = False

    def text(self, node: Node) -> str:
        if isinstance(node, Chars):
            found = _characters(node.mask)
        elif isinstance(node, Sequence):
            found = "".join(map(self.text, node.items))
        elif isinstance(node, Choice):
            found = f"(?:{'|'.join(map(self.text, node.branches))})"
        elif isinstance(node, Group):
            found = self._group(node)
        elif isinstance(node, Loop):
            found = self._loop(node)
        elif isinstance(node, Ahead):
            found = self._look(node)
        elif isinstance(node, Back) or (self._ahead and node.sign in "bB"):
            raise _Other
        else:
            found = _EDGES[node.sign]
        return found

    def _group(self, node: Group) -> str:
        # numbers inside of a look-ahead are its own
        wanted = node.number == self._wanted and not self._ahead
        if wanted and self._repeats:
            raise _Other
        return f"({'' if wanted else '?:'}{self.text(node.body)})"

    def _loop(self, node: Loop) -> str:
        if empty(node.body):
            raise _Other
        outside, self._repeats = self._repeats, self._repeats or node.most != 1
        body = self.text(node.body)
        self._repeats = outside
        if not isinstance(node.body, Chars):
            body = f"(?:{body})"
        most = "" if node.most is None else node.most
        return f"{body}{{{node.least},{most}}}{'' if node.greedy else '?'}"

    def _look(self, node: Ahead) -> str:
        if node.offset < self._wanted <= node.offset + node.groups and not self._ahead:
            raise _Other
        outside, self._ahead = self._ahead, True
        body = self.text(node.body)
        self._ahead = outside
        return f"(?{'!' if node.negative else '='}{body})"


def _characters(mask: int) -> str:
    if not mask:
        return "(?!)"
    if mask == ALL:
        return r"[\x00-\xff]"
    members = []
    byte = 0
    while mask >> byte:
        if mask >> byte & 1:
            last = byte
            while mask >> (last + 1) & 1:
                last += 1
            members.append(rf"\x{byte:02x}" if last == byte else rf"\x{byte:02x}-\x{last:02x}")
            byte = last
        byte += 1
    text = "".join(members)
    return text if len(text) == 4 else f"[{text}]"
