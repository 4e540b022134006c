"""osquery's orders of version texts, also as SQLite collations (osquery/sql/sqlite_collation.cpp).

``~ - ^ . :`` cut a version into segments. Two versions are walked side by side: the one whose
segment ends first comes first, so that numbers order by size as long as they have no leading zeros;
segments of one length order by their first different byte. Where one version ends, the shorter one
comes first. The flavours add rules, but they are not the orders of pacman, dpkg or rpm.
"""

from collections.abc import Callable, Mapping

import msgspec

_RANKS = {byte: rank for rank, byte in enumerate(b"~-^.:", 1)}
_REMAINDERS = dict(zip(b"~-^", (1, 0, -1), strict=True))
_DIGITS = frozenset(b"0123456789")

Order = Callable[[bytes, bytes], int]


def _signed(byte: int) -> int:
    """C compares signed bytes: what is not ASCII comes before it."""
    return byte - 256 if byte > 127 else byte


def _by_epoch(one: bytes, two: bytes) -> int:
    """A version with an epoch comes after one without; a longer epoch after a shorter one."""
    return one.find(b":") - two.find(b":")


def _side_by_side(one: bytes, two: bytes, *, ranks: bool) -> tuple[int, bool]:
    """The order so far, and whether it is final; if not it is that of the last segments."""
    different = 0
    for a, b in zip(one, two, strict=False):
        cut, other = _RANKS.get(a, 0), _RANKS.get(b, 0)
        if not (cut or other):
            different = different or _signed(a) - _signed(b)
        elif not (cut and other):
            return (-1 if cut else 1), True
        elif different:
            return different, True
        elif ranks and cut != other:
            return cut - other, True
    return different, False


def _behind(one: bytes, two: bytes, different: int, flavour: "_Flavour") -> int:
    """The order where ``one`` is the shorter; it is 0 only where a hyphen says so."""
    behind = two[len(one)]
    if flavour.remainders:
        if behind in _REMAINDERS:
            return _REMAINDERS[behind]
        decided = not (flavour.numbers and one[-1] in _DIGITS)
    else:
        decided = behind in _RANKS
    return different if different and decided else -1


class _Flavour(msgspec.Struct, frozen=True):
    """The rules of one flavour.

    Attributes:
        epochs: compare what stands before the first colon, by length alone.
        ranks: different delimiters in one place order as ``~ - ^ . :``.
        remainders: ``~`` behind the shorter version puts the longer one first, ``-`` makes them
            equal; before anything else their last segments order by their first different byte.
            Without this rule they do so before a delimiter only.
        numbers: but not where the shorter version ends in a digit.
    """

    epochs: bool = False
    ranks: bool = False
    remainders: bool = False
    numbers: bool = False


def _difference(one: bytes, two: bytes, flavour: _Flavour) -> int:
    if not (one and two):
        return len(one) - len(two)
    if flavour.epochs and (found := _by_epoch(one, two)):
        return found
    found, final = _side_by_side(one, two, ranks=flavour.ranks)
    if final or len(one) == len(two):
        return found
    if len(one) < len(two):
        return _behind(one, two, found, flavour)
    return -_behind(two, one, -found, flavour)


def _order(flavour: _Flavour) -> Order:
    def order(one: bytes, two: bytes) -> int:
        found = _difference(one, two, flavour)
        return (found > 0) - (found < 0)

    return order


ORDERS: Mapping[str, Order] = {
    "": _order(_Flavour()),
    "ARCH": _order(_Flavour(epochs=True, remainders=True, numbers=True)),
    "DPKG": _order(_Flavour(epochs=True, ranks=True)),
    "RHEL": _order(_Flavour(epochs=True, ranks=True, remainders=True)),
}
"""Flavour, ``""`` for none → an order that gives -1, 0 or 1."""


def _collation(flavour: str) -> Callable[[str, str], int]:
    order = ORDERS[flavour]

    def collate(one: str, two: str) -> int:
        return order(one.encode(), two.encode())

    return collate


COLLATIONS: Mapping[str, Callable[[str, str], int]] = {
    "version" + ("_" + flavour.lower() if flavour else ""): _collation(flavour)
    for flavour in ORDERS
}
