"""split, concat, concat_ws (osquery/sql/sqlite_string.cpp), and SQLite's soundex.

soundex is part of the SQLite that osquery is built with, but not of every build.
"""

from collections.abc import Callable, Mapping
from typing import Any

from telegraf_osquery.schema.sql_functions.around import Around
from telegraf_osquery.schema.sql_functions.values import c_string, failure, int32, text

SPACE = b" \t\n\v\f\r"
_SOUNDS = dict(zip(b"bfpvcgjkqsxzdtlmnr", b"111122222222334556", strict=True))


def functions(_: Around) -> Mapping[str, Callable[..., Any]]:
    """Name → function."""
    return {"concat": _concat, "concat_ws": _concat_ws, "soundex": _soundex, "split": _split}


def _split(subject: Any, delimiters: Any, index: Any) -> str | bytes | None:
    """Piece ``index`` of the subject; each byte of the second argument is a delimiter.

    Empty pieces are dropped, then white space is trimmed: a piece of blanks stays, as empty text.
    """
    if subject is None or delimiters is None or index is None:
        return None
    cuts = c_string(delimiters)
    if not cuts:
        raise failure("Invalid input to split function: found no delimiter")
    first, rest = cuts[:1], cuts[1:]
    subject = c_string(subject)
    if rest:
        subject = subject.translate(bytes.maketrans(rest, first * len(rest)))
    pieces = [piece for piece in subject.split(first) if piece]
    return pick(pieces, index, SPACE)


def pick(pieces: list[bytes], index: Any, trim: bytes = b"") -> str | bytes | None:
    """The piece of that number, NULL where there is none."""
    number = int32(index)
    if not 0 <= number < len(pieces):
        return None
    piece = pieces[number]
    return text(piece.strip(trim) if trim else piece)


def _concat(*values: Any) -> str | bytes | None:
    if not values:
        return None
    return text(b"".join([c_string(value) for value in values if value is not None]))


def _concat_ws(*values: Any) -> str | bytes | None:
    """All values but the first, with the first between them.

    The separator follows each value that is not NULL and not the last argument, so that a NULL at
    the end leaves it hanging.
    """
    if not values:
        raise failure("Missing separator to concat_ws")
    separator, *items = values
    if not items:
        return None
    between = b"" if separator is None else c_string(separator)
    last = len(items) - 1
    parts = [
        c_string(item) + (between if place < last else b"")
        for place, item in enumerate(items)
        if item is not None
    ]
    return text(b"".join(parts))


def _soundex(value: Any) -> str:
    """A letter and three digits for how a name sounds; ``?000`` where there is no letter."""
    given = b"" if value is None else c_string(value)
    start = next((place for place, byte in enumerate(given) if bytes([byte]).isalpha()), None)
    if start is None:
        return "?000"
    digits = ""
    before = 0
    for place, byte in enumerate(bytes(b & 0x7F for b in given[start:]).lower()):
        code = _SOUNDS.get(byte, 0)
        if place and code not in {0, before}:
            digits += chr(code)
        before = code
        if len(digits) == 3:
            break
    return chr(given[start]).upper() + digits.ljust(3, "0")
