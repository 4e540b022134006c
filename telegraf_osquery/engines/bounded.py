"""SQLite's text functions that compare every place of one text with a whole other one.

On two texts of half a MiB SQLite's own ``instr``, ``replace`` and ``trim`` work for seconds up to
hours in one step that nothing can stop. These give the same answers in linear time
(https://www.sqlite.org/lang_corefunc.html), and end at the deadline. ``randomblob`` is here because
it costs most of all that make something out of nothing.
"""

import os
from collections.abc import Callable
from typing import Any

import apsw

from telegraf_osquery.errors import QueryError, QueryTimeout
from telegraf_osquery.schema.sql_functions.values import c_string, int32, raw, text

Expired = Callable[[], bool]
_FEW = 16
_CONTINUING = bytes(range(0x80, 0xC0))
"""Bytes of UTF-8 that go on with a character."""


def register(connection: apsw.Connection, expired: Expired) -> None:
    """Put these in the place of SQLite's own; the length of texts is the connection's limit."""
    limit = connection.limit(apsw.SQLITE_LIMIT_LENGTH)

    def replace(value: Any, old: Any, new: Any) -> Any:
        return _replace(value, old, new, limit)

    def randomblob(size: Any) -> bytes:
        return os.urandom(_within(max(1, int32(size)), limit))

    for name, function, counts in (
        ("instr", _instr, (2,)),
        ("replace", replace, (3,)),
        ("trim", _trimmer(left=True, right=True), (1, 2)),
        ("ltrim", _trimmer(left=True, right=False), (1, 2)),
        ("rtrim", _trimmer(left=False, right=True), (1, 2)),
        ("randomblob", randomblob, (1,)),
    ):
        for count in counts:
            connection.create_scalar_function(
                name, _ending(name, function, expired), count, deterministic=name != "randomblob"
            )


def _ending(name: str, function: Callable[..., Any], expired: Expired) -> Callable[..., Any]:
    def call(*arguments: Any) -> Any:
        if expired():
            raise QueryTimeout(f"the deadline passed before {name} was done")
        return function(*arguments)

    return call


def _within(size: int, limit: int) -> int:
    if size > limit:
        raise QueryError("string or blob too big", code=apsw.SQLITE_TOOBIG)
    return size


def _instr(value: Any, wanted: Any) -> int | None:
    """The place of the first occurrence, from 1: in characters, of two blobs in bytes."""
    if value is None or wanted is None:
        return None
    within, needle = raw(value), raw(wanted)
    if isinstance(value, bytes) and isinstance(wanted, bytes):
        return within.find(needle) + 1
    if needle and needle[0] in _CONTINUING:
        return int(within.startswith(needle))
    at = within.find(needle)
    if at < 0:
        return 0
    before = within[:at]
    return 1 + (at if before.isascii() else len(before.translate(None, _CONTINUING)))


def _replace(value: Any, old: Any, new: Any, limit: int) -> Any:
    if value is None or old is None:
        return None
    pattern = raw(old)
    if not pattern or not pattern[0]:
        return text(raw(value))
    if new is None:
        return None
    within, fresh = raw(value), raw(new)
    found = within.count(pattern)
    _within(len(within) + found * (len(fresh) - len(pattern)), limit)
    return text(within.replace(pattern, fresh))


def _trimmer(*, left: bool, right: bool) -> Callable[..., Any]:
    def trim(value: Any, characters: Any = " ") -> str | bytes | None:
        if value is None or characters is None:
            return None
        within = raw(value).decode("utf-8", "surrogateescape")
        unwanted = set(c_string(characters).decode("utf-8", "surrogateescape"))
        start, end = _ends(within, unwanted, left=left, right=right)
        return text(within[start:end].encode("utf-8", "surrogateescape"))

    return trim


def _ends(within: str, unwanted: set[str], *, left: bool, right: bool) -> tuple[int, int]:
    """Where the text begins and ends without these characters."""
    start, end = 0, len(within)
    if len(unwanted) <= _FEW:
        few = "".join(unwanted)
        start = len(within) - len(within.lstrip(few)) if left and few else 0
        end = len(within.rstrip(few)) if right and few else end
        return start, max(start, end)
    while left and start < end and within[start] in unwanted:
        start += 1
    while right and end > start and within[end - 1] in unwanted:
        end -= 1
    return start, end
