"""How many steps an attempt can take at most, from the form of the expression alone.

Two ways at one place are told apart by the next byte wherever the sets of bytes they begin with
have none in common; then at most one of them gets past its first byte, and going back costs little.
Loops whose way out is told apart like this are linear; of the others each multiplies what follows
by the length of the subject; an undecided choice inside of a loop may be exponential.
"""

import msgspec

from telegraf_osquery.schema.sql_functions.regex_tree import (
    Ahead,
    Chars,
    Choice,
    Edge,
    Group,
    Loop,
    Node,
    Sequence,
    empty,
)


class Wild(ValueError):  # noqa: N818 - a state of the pattern
    """No bound is known."""


class Rest(msgspec.Struct, frozen=True):
    """What follows a part.

    Attributes:
        cost: at most so many steps, in all ways together.
        entry: at most so many until the first byte is judged.
        first: mask of the bytes it can begin with.
        sure: it cannot fail.
    """

    cost: float = 2.0
    entry: float = 2.0
    first: int = 0
    sure: bool = True


def bound(node: Node, length: int) -> float:
    """Steps of one attempt on a subject of that length.

    Raises:
        Wild: they may grow without measure.
    """
    return _walk(node, Rest(), length).cost


def _walk(node: Node, rest: Rest, length: int) -> Rest:
    if isinstance(node, Chars):
        found = Rest(rest.cost + 1, 1.0, node.mask, sure=False)
    elif isinstance(node, Edge):
        found = Rest(rest.cost + 1, rest.entry + 1, rest.first, sure=False)
    elif isinstance(node, Sequence):
        found = Rest(rest.cost + 1, rest.entry + 1, rest.first, rest.sure)
        for item in reversed(node.items):
            found = _walk(item, found, length)
    elif isinstance(node, Group):
        body = _walk(node.body, rest, length)
        found = Rest(body.cost + 2, body.entry + 2, body.first, body.sure)
    elif isinstance(node, Choice):
        found = _either([_walk(branch, rest, length) for branch in node.branches])
    elif isinstance(node, Loop):
        found = _loop(node, rest, length)
    elif isinstance(node, Ahead):
        cost = _walk(node.body, Rest(), length).cost + 2
        found = Rest(rest.cost + cost, rest.entry + cost, rest.first, sure=False)
    else:
        raise Wild
    return found


def _either(ways: list[Rest]) -> Rest:
    entry = sum(way.entry + 3 for way in ways)
    first = 0
    apart = True
    for way in ways:
        apart = apart and not first & way.first
        first |= way.first
    costs = [way.cost for way in ways]
    cost = entry + (max(costs) if apart else sum(costs))
    return Rest(cost, entry, first, any(way.sure for way in ways))


def _loop(node: Loop, rest: Rest, length: int) -> Rest:
    if empty(node.body):
        raise Wild
    if node.most == 1 and node.least == 0:
        return _either([_walk(node.body, rest, length), rest])
    begins = _first(node.body)
    _decided(node.body, begins | rest.first)
    turn = _walk(node.body, Rest(), length)
    turns = min(length, node.most) if node.most is not None else length
    step = turn.cost + 4
    entry = turn.entry + 2 + (0 if node.least else rest.entry)
    first = begins if node.least else begins | rest.first
    choice = node.least != node.most
    if choice and begins & rest.first and not rest.sure:
        return Rest(3 + (turns + 1) * (step + rest.cost), entry, first, sure=False)
    cost = 3 + (turns + 1) * (step + (rest.entry if choice else 0)) + rest.cost
    return Rest(cost, entry, first, rest.sure and node.least == 0)


def _first(node: Node) -> int:
    """The bytes that a part, which is not empty, can begin with."""
    return _walk(node, Rest(), 0).first


def _decided(node: Node, follow: int) -> int:
    """The bytes that ``node`` and what follows it begin with.

    Raises:
        Wild: at some choice in it the next byte does not tell which way to go.
    """
    if isinstance(node, Chars):
        follow = node.mask
    elif isinstance(node, Sequence):
        for item in reversed(node.items):
            follow = _decided(item, follow)
    elif isinstance(node, Group):
        follow = _decided(node.body, follow)
    elif isinstance(node, Choice):
        follow = _united([_decided(branch, follow) for branch in node.branches])
    elif isinstance(node, Loop):
        follow = _decided_loop(node, follow)
    return follow


def _decided_loop(node: Loop, follow: int) -> int:
    if empty(node.body):
        raise Wild
    begins = _decided(node.body, 0)
    _decided(node.body, follow if node.most == 1 else begins | follow)
    if node.least == node.most:
        return begins if node.least else follow
    both = _united([begins, follow])
    return begins if node.least else both


def _united(masks: list[int]) -> int:
    union = 0
    for mask in masks:
        if union & mask:
            raise Wild
        union |= mask
    return union
