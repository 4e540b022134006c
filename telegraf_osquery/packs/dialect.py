r"""The text of a pack or config: JSON with whole-line comments, exactly as osquery accepts it.

The rules, in the order they apply (osquery ``config.cpp`` and RapidJSON, checked against recordings
of osquery 5.23.1):

1. A backslash directly before a line feed joins two lines, inside strings and outside. Before
   CR LF, or with a blank after it, it does not.
2. A line whose first non-blank characters are ``#`` or ``//`` is dropped.
3. The rest is strict JSON: no comment after a value, no trailing comma, no byte order mark, no NaN,
   no raw control character inside a string, nothing after the document, an object at the top, at
   most 32 levels.
4. Of two equal keys the first counts. ``\u0000`` ends its string.

One difference: bytes that are no UTF-8 pass through osquery untouched; here each becomes U+FFFD,
with a note, because names and SQL must survive every later encoder.
"""

import json
import re
from typing import Any, NamedTuple

from telegraf_osquery.errors import CodecError

DEPTH_MAX = 32
_BLANKS = " \t\n\v\f\r"
_STRING_OR_CONSTANT = re.compile(r'"(?:[^"\\]|\\.)*"|(-?Infinity|NaN)')
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


Note = tuple[str, str]


class Reading(NamedTuple):
    """A document and what was odd in its text without making it invalid: rule and message."""

    data: dict[str, Any]
    notes: tuple[Note, ...]


def read(data: bytes, *, scalars_as_text: bool = False) -> Reading:
    """Parse one document.

    ``scalars_as_text`` is how osquery reads the files that a ``*`` pattern names: numbers keep
    their text, ``true`` and ``null`` become words, empty lists and objects become empty text.

    Raises:
        CodecError: with line and column (1-based, in the file as it is) and the cure.
    """
    notes: list[Note] = []
    text = _decode(data, notes)
    value = _parse(text, notes, scalars_as_text=scalars_as_text)
    if not isinstance(value, dict):
        raise CodecError(f"found {_kind(value)}; expected an object in braces", line=1, column=1)
    if _too_deep(value):
        raise CodecError(f"nested more than {DEPTH_MAX} levels deep; osquery refuses it too")
    return Reading(_as_texts(value) if scalars_as_text else value, tuple(notes))


def _decode(data: bytes, notes: list[Note]) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"line {line} is not UTF-8; each wrong byte became U+FFFD"
        notes.append(("not-utf8", message))
        return data.decode(errors="replace")


def _strip_comments(text: str) -> str:
    """One line per joined line, so that a position can be traced back to the file."""
    lines = []
    for line in text.replace("\\\n", "").split("\n"):
        bare = line.strip(_BLANKS)
        if bare.startswith(("#", "//")):
            lines.append("")
        else:
            indent = len(line) - len(line.lstrip(_BLANKS))
            lines.append(" " * indent + bare)
    return "\n".join(lines)


def _parse(text: str, notes: list[Note], *, scalars_as_text: bool) -> Any:
    def first_counts(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        members: dict[str, Any] = {}
        for key, value in pairs:
            if key in members:
                message = f'the key "{key}" is given twice; the first one counts'
                notes.append(("duplicate-key", message))
            else:
                members[_cut(key)] = _cut(value)
        return members

    def constant(_: str) -> Any:
        found = next(match for match in _STRING_OR_CONSTANT.finditer(clean) if match[1])
        raise json.JSONDecodeError("constant", clean, found.start())

    clean = _strip_comments(text)
    decoder = json.JSONDecoder(
        object_pairs_hook=first_counts,
        parse_constant=constant,
        parse_int=str if scalars_as_text else None,
        parse_float=str if scalars_as_text else _finite,
    )
    try:
        value = decoder.decode(clean)
    except json.JSONDecodeError as error:
        raise _located(text, clean, error.pos) from None
    except (RecursionError, ValueError):  # ValueError: 1e999, or an integer of 4300 digits
        raise CodecError(
            "nested too deeply, or a number too large; osquery refuses it too"
        ) from None
    if "\\ud" in clean.lower() and (lone := _lone_surrogate(value)):
        raise CodecError(f"{lone} is half a surrogate pair; write the character itself")
    return value


def _finite(text: str) -> float:
    number = float(text)
    if number in {float("inf"), float("-inf")}:
        raise ValueError(text)
    return number


def _cut(value: Any) -> Any:
    return value.partition("\0")[0] if isinstance(value, str) else value


def _lone_surrogate(value: Any) -> str:
    found = _LONE_SURROGATE.search(json.dumps(value, ensure_ascii=False))
    return f"\\u{ord(found[0]):04x}" if found else ""


def _too_deep(value: Any) -> bool:
    level = [value]
    for _ in range(DEPTH_MAX):
        level = [child for node in level for child in _children(node)]
        if not level:
            return False
    return True


def _children(node: Any) -> list[Any]:
    if isinstance(node, dict):
        return list(node.values())
    return node if isinstance(node, list) else []


def _as_texts(value: Any) -> Any:
    match value:
        case dict() if value:
            return {key: _as_texts(member) for key, member in value.items()}
        case list() if value:
            return [_as_texts(member) for member in value]
        case dict() | list():
            return ""
        case bool():
            return "true" if value else "false"
        case None:
            return "null"
    return value


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    names = {bool: "a boolean", str: "text", int: "a number", float: "a number", list: "a list"}
    return names.get(type(value), "an object")


def _located(text: str, clean: str, position: int) -> CodecError:
    """The error at ``position`` of the cleaned text, with its place in the file and the cure."""
    position, message = _explain(clean, position)
    line = clean.count("\n", 0, position)
    column = position - (clean.rfind("\n", 0, position) + 1)
    line, column = _unjoin(text.split("\n"), line, column)
    return CodecError(message, line=line + 1, column=column + 1)


def _unjoin(lines: list[str], line: int, column: int) -> tuple[int, int]:
    """0-based line and column in the file of a place in the joined text."""
    at = 0
    for _ in range(line):
        while lines[at].endswith("\\") and at + 1 < len(lines):
            at += 1
        at += 1
    while lines[at].endswith("\\") and at + 1 < len(lines) and column >= len(lines[at]) - 1:
        column -= len(lines[at]) - 1
        at += 1
    return at, column


_REFUSED = "osquery refuses it too"
_CURES = (
    ("\ufeff", "a byte order mark; save the file without it"),
    ("#", f"a comment after a value ({_REFUSED}); put it on a line of its own"),
    ("//", f"a comment after a value ({_REFUSED}); put it on a line of its own"),
    ("/*", f"a block comment ({_REFUSED}); begin each line with # or //"),
    ("'", f"single quotes ({_REFUSED}); write double quotes"),
    ("NaN", f"NaN ({_REFUSED}); write a number"),
    ("Infinity", f"Infinity ({_REFUSED}); write a number"),
    ("-Infinity", f"-Infinity ({_REFUSED}); write a number"),
    ("\n", "a line that ends inside a string; end it with a backslash to join it with the next"),
    ("\t", "a tab inside a string; write \\t or blanks"),
    ("\\", "a backslash that joins nothing: it joins lines only as the last character before LF"),
)


def _explain(clean: str, position: int) -> tuple[int, str]:
    """Where the fault really is, and what to do: CPython's own words differ between versions."""
    if not clean.strip(_BLANKS):
        return 0, "the file is empty; expected an object in braces"
    before = clean[:position].rstrip(_BLANKS)
    rest = clean[position:]
    comma = _trailing_comma(before, rest, position)
    if comma >= 0:
        return comma, f"trailing comma: {_REFUSED}; remove it"
    for start, message in _CURES:
        if rest.startswith(start):
            return position, message
    if not rest.strip(_BLANKS):
        return position, "the text ends too early; a bracket, brace or quote is not closed"
    if before.endswith("}") and before.count("{") == before.count("}"):
        return position, "more text after the document; expected one object"
    return position, f"found {rest[:12].split(chr(10))[0]!r}; expected JSON"


def _trailing_comma(before: str, rest: str, position: int) -> int:
    """The position of a comma directly before a closing bracket here, else -1."""
    if rest.startswith(("}", "]")) and before.endswith(","):
        return len(before) - 1
    if rest.startswith(",") and rest[1:].lstrip(_BLANKS).startswith(("}", "]")):
        return position
    return -1
