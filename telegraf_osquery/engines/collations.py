"""The orders of version texts that osquery's columns declare, as SQLite collations.

A version is cut at ``~ - ^ . :`` into segments. Shorter segments come first, so that numbers order
by size as long as they have no leading zeros; the flavours differ in the rest as recorded from
osquery 5.23.1 (osquery/sql/sqlite_collation.cpp). They are not the orders of dpkg or rpm.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

_CUT = re.compile(rb"([~\-^.:])")
_RUNS = re.compile(rb"\d+|.", re.DOTALL)
_RANKS = {b"~": 1, b"-": 2, b"^": 3, b".": 4, b":": 5}
_REMAINDERS = {b"~": -1, b"-": 0, b"^": 1}
# C compares signed bytes: what is not ASCII comes before it
_SIGNED = bytes(byte ^ 0x80 for byte in range(256))
_DIGIT = b"0".translate(_SIGNED)

Compare = Callable[[str, str], int]
_Segment = Callable[[bytes, bytes, bool], int]


def _order(one: Any, two: Any) -> int:
    return int(one > two) - int(one < two)


def _by_length(one: bytes, two: bytes, _: bool) -> int:  # noqa: FBT001
    return _order((len(one), one.translate(_SIGNED)), (len(two), two.translate(_SIGNED)))


def _by_text(one: bytes, two: bytes, cut: bool) -> int:  # noqa: FBT001
    """As text; but a shorter segment that a delimiter ends comes first."""
    if cut and len(one) != len(two):
        return _order(len(one), len(two))
    return _order(one.translate(_SIGNED), two.translate(_SIGNED))


def _by_runs(one: bytes, two: bytes, _: bool) -> int:  # noqa: FBT001
    """Runs of digits by length, all else as text."""

    def key(segment: bytes) -> list[tuple[bytes, int, bytes]]:
        runs = [(run.isdigit(), run.translate(_SIGNED)) for run in _RUNS.findall(segment)]
        return [(_DIGIT if digits else run, len(run), run) for digits, run in runs]

    return _order(key(one), key(two))


def _epoch(one: bytes, two: bytes) -> int:
    """A version with an epoch comes after one without; a longer epoch after a shorter one."""
    ends = (one.find(b":"), two.find(b":"))
    return _order(*ends)


def _comparison(
    segment: _Segment, *, epoch: bool = False, ranks: bool = False, remainders: bool = False
) -> Compare:
    def compare(first: str, second: str) -> int:
        one, two = first.encode(), second.encode()
        if epoch and (found := _epoch(one, two)):
            return found
        left, right = _CUT.split(one), _CUT.split(two)
        shorter = min(len(left), len(right))
        for place in range(shorter):
            a, b = left[place], right[place]
            if place % 2:
                found = _order(_RANKS[a], _RANKS[b]) if ranks else 0
            else:
                ended = left if len(a) < len(b) else right
                found = segment(a, b, place + 1 < len(ended))
            if found:
                return found
        rest = left[shorter:] or right[shorter:]
        sign = _order(len(left), len(right))
        return sign * _REMAINDERS.get(rest[0], 1) if rest and remainders else sign

    return compare


COLLATIONS: Mapping[str, Compare] = {
    "version": _comparison(_by_length),
    "version_arch": _comparison(_by_runs, epoch=True, remainders=True),
    "version_dpkg": _comparison(_by_length, epoch=True, ranks=True),
    "version_rhel": _comparison(_by_text, epoch=True, ranks=True, remainders=True),
}
