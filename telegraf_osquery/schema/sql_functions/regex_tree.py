"""The parts of a regular expression over bytes."""

from typing import TypeAlias

import msgspec


class Invalid(ValueError):  # noqa: N818 - a state of the pattern
    """The pattern is none; the text says what was found."""


class Chars(msgspec.Struct, frozen=True):
    """One byte out of a set: bit *b* of ``mask`` stands for byte *b*."""

    mask: int


class Edge(msgspec.Struct, frozen=True):
    r"""A place between bytes: ``^``, ``$``, ``b`` (word boundary) or ``B``."""

    sign: str


class Back(msgspec.Struct, frozen=True):
    """What a group has matched, once more."""

    group: int


class Sequence(msgspec.Struct, frozen=True):
    """One after the other; nothing at all where there are no items."""

    items: "tuple[Node, ...]"


class Choice(msgspec.Struct, frozen=True):
    """The first branch that leads to a match."""

    branches: "tuple[Node, ...]"


class Group(msgspec.Struct, frozen=True):
    """A group that remembers what it matched."""

    number: int
    body: "Node"


class Ahead(msgspec.Struct, frozen=True):
    """Looks ahead without consuming; its groups count from ``offset`` + 1 outside."""

    body: "Node"
    negative: bool
    offset: int
    groups: int


class Loop(msgspec.Struct, frozen=True):
    """Repeats; ``most`` is None without end. The groups first..end-1 lie inside."""

    body: "Node"
    least: int
    most: int | None
    greedy: bool
    first: int
    end: int


Node: TypeAlias = Chars | Edge | Back | Sequence | Choice | Group | Ahead | Loop


class Tree(msgspec.Struct, frozen=True):
    """A whole expression and the number of its groups."""

    body: Node
    groups: int


def empty(node: Node) -> bool:
    """Whether it can match without consuming a byte."""
    if isinstance(node, Chars):
        return False
    if isinstance(node, Sequence):
        return all(map(empty, node.items))
    if isinstance(node, Choice):
        return any(map(empty, node.branches))
    if isinstance(node, Group):
        return empty(node.body)
    if isinstance(node, Loop):
        return node.least == 0 or empty(node.body)
    return True


def repeats_bytes(node: Node) -> bool:
    """Whether all that repeats is one byte out of a set: nothing is kept then for each turn."""
    if isinstance(node, Loop):
        return (node.most == 1 and repeats_bytes(node.body)) or _one_byte(node.body)
    return all(map(repeats_bytes, _parts(node)))


def _one_byte(node: Node) -> bool:
    if isinstance(node, Group):
        return _one_byte(node.body)
    return isinstance(node, Chars) or (
        isinstance(node, Choice) and all(isinstance(one, Chars) for one in node.branches)
    )


def _parts(node: Node) -> "tuple[Node, ...]":
    if isinstance(node, Sequence):
        return node.items
    if isinstance(node, Choice):
        return node.branches
    return (node.body,) if isinstance(node, (Group, Ahead)) else ()
