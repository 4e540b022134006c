"""shadow: the state of passwords, never a password or its hash.

/etc/shadow is read line by line as the C library does (shadow(5), glibc nss/nss_files): numbers
that are not there are -1, a line that is cut short does not count. Of the hash only the name of its
algorithm is taken, the word between its first two dollar signs, as in osquery
(osquery/tables/system/linux/shadow.cpp).
"""

import re
from collections.abc import Iterator
from typing import Any

from telegraf_osquery.engines.embedded_tables.ask import Ask, Table

_FILE = "/etc/shadow"
_NUMBER = re.compile(r"(\s*[+-]?[0-9]{1,18})?(?::|$)")
_ALGORITHM = re.compile(r"\$(\w{1,16})\$", re.ASCII)
_LOCKED = ("!", "*", "x")
_NEVER_SET = "!!"

Ages = tuple[int, int, int, int, int, int, int | None]
"""last_change, min, max, warning, inactive, expire (days, -1 unknown), flag"""


def _ages(text: str) -> Ages | None:
    """The numbers behind the password; None where the line ends too early or holds something else.

    The last four may be missing together.
    """
    found: list[int | None] = []
    at = 0
    while len(found) < 7 and (at < len(text) or len(found) not in {3, 6}):
        number = _NUMBER.match(text, at) if at < len(text) else None
        if number is None:
            return None
        found.append(int(number[1]) if number[1] else None)
        at = number.end()
    ages = [-1 if number is None else _as_int(number) for number in (*found, *[None] * 6)[:6]]
    flag = found[6] if len(found) == 7 else None
    return ages[0], ages[1], ages[2], ages[3], ages[4], ages[5], flag


def _as_int(number: int) -> int:
    """A C int, as the C library keeps these."""
    return (number + (1 << 31)) % (1 << 32) - (1 << 31)


def _status(password: str) -> str:
    if password == _NEVER_SET:
        return "not_set"
    if password.startswith(_LOCKED):
        return "locked"
    return "active" if password else "empty"


def _shadow(ask: Ask) -> Iterator[tuple[Any, ...]]:
    wanted = ask.equal.get("username")
    for line in map(str.lstrip, ask.lines(_FILE)):
        name, colon, rest = line.partition(":")
        if not colon or name.startswith("#") or wanted not in {None, name}:
            continue
        password, _, text = rest.partition(":")
        ages = _ages(text)
        if ages is not None:
            algorithm = _ALGORITHM.match(password)
            yield (_status(password), algorithm[1] if algorithm else "", *ages, name)
            if wanted is not None:
                return


TABLES = {
    "shadow": Table(
        (
            *("password_status", "hash_alg", "last_change", "min", "max", "warning", "inactive"),
            *("expire", "flag", "username"),
        ),
        _shadow,
        lacks="all rows: /etc/shadow is for root only",
    )
}
