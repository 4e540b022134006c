"""regex_match and regex_split (osquery/sql/sqlite_string.cpp): std::regex ECMAScript on bytes.

Where Python's ``re`` gives std::regex's answer and cannot run away it does the work; the rest is
done by a matcher that takes libc++'s steps, keeps its limit on them, and looks at the statement's
deadline, which nothing could do inside of ``re``.
"""

from collections.abc import Callable, Mapping
from typing import Any

from telegraf_osquery.errors import QueryTimeout
from telegraf_osquery.schema.sql_functions.around import Around
from telegraf_osquery.schema.sql_functions.regex_search import Expression
from telegraf_osquery.schema.sql_functions.regex_tree import Invalid
from telegraf_osquery.schema.sql_functions.text import pick
from telegraf_osquery.schema.sql_functions.values import c_string, failure, int32, text

_SIZE_MAX = 256  # osquery's flag regex_max_size
_KEPT = 64


def functions(around: Around) -> Mapping[str, Callable[..., Any]]:
    """Name → function."""
    regex = _Regex(around)
    return {"regex_match": regex.match, "regex_split": regex.split}


class _Regex:
    """The functions and the expressions they have met."""

    def __init__(self, around: Around) -> None:
        self._expired = around.expired
        self._known: dict[bytes, Expression] = {}

    def match(self, subject: Any, pattern: Any, index: Any) -> str | bytes | None:
        """What group ``index`` of the first match holds, ``''`` if it took no part in it.

        NULL where nothing matches or there is no such group.
        """
        if subject is None or pattern is None or index is None:
            return None
        pattern = c_string(pattern)
        _check_size(pattern)
        try:
            expression = self._expression(pattern)
            number = int32(index)
            if not 0 <= number <= expression.groups:
                return None
            given = c_string(subject)
            found = expression.search(given, number)
        except Invalid as error:
            raise failure(f"Invalid regex: {error}") from None
        return None if found is None else text(given[found[0] : found[1]])

    def split(self, subject: Any, pattern: Any, index: Any) -> str | bytes | None:
        """Piece ``index`` of what lies between the matches; a last piece that is empty is none."""
        if subject is None or pattern is None or index is None:
            return None
        pattern = c_string(pattern)
        if not pattern:
            raise failure("Invalid input to split function: found no pattern")
        _check_size(pattern)
        try:
            pieces = self._expression(pattern).split(c_string(subject))
        except Invalid as error:
            raise failure(f"Invalid regex: {error}") from None
        return pick(pieces, index)

    def _expression(self, pattern: bytes) -> Expression:
        found = self._known.get(pattern)
        if found is None:
            if len(self._known) >= _KEPT:
                self._known.clear()
            found = self._known[pattern] = Expression(pattern, self._check)
        return found

    def _check(self) -> None:
        if self._expired():
            raise QueryTimeout("the deadline passed inside of a regular expression")


def _check_size(pattern: bytes) -> None:
    if len(pattern) > _SIZE_MAX:
        raise failure(f"Invalid regex: too big, max size is {_SIZE_MAX} bytes")
