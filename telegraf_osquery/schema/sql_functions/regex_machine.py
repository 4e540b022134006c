"""A backtracking matcher that takes the steps libc++ takes.

It is slow (about a million steps a second) and serves where Python's ``re`` would give another
answer or could take for ever: it can be stopped. The nodes are those of libc++'s ``<regex>``, so
that its own guard against runaway patterns strikes at the same step: an attempt at one place of the
subject fails with an error after 4096 steps per byte that is left.
"""

from collections.abc import Callable
from typing import Any

from telegraf_osquery.schema.sql_functions.regex_tree import (
    Ahead,
    Back,
    Chars,
    Choice,
    Edge,
    Group,
    Invalid,
    Loop,
    Node,
    Sequence,
    Tree,
)

_FACTOR = 4096
STEPS_MAX = 1 << 22
"""Steps of all attempts of one search; libc++ knows no such limit."""
STATES_MAX = 1 << 15
"""Ways that are kept to come back to, some 8 MiB; nor such a one."""

_CHAR, _EMPTY, _SPLIT, _LOOP, _AGAIN, _OPEN, _CLOSE, _EDGE, _BACK, _AHEAD, _END = range(11)
_WORD = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")

Op = tuple[Any, ...]
"""Kind, number of the next node, then what the kind needs."""


class Machine:
    """One expression as a graph of nodes."""

    def __init__(self, tree: Tree) -> None:
        self._ops: list[Op] = []
        self.groups = tree.groups
        self.loops = 0
        end = self._add(_END, 0)
        self.start = self._add(_EMPTY, self._build(tree.body, end))

    @property
    def ops(self) -> list[Op]:
        """The nodes."""
        return self._ops

    def _add(self, *op: Any) -> int:
        self._ops.append(op)
        return len(self._ops) - 1

    def _build(self, node: Node, after: int) -> int:
        """Append the nodes of a part; the number of its first."""
        if isinstance(node, Chars):
            first = self._add(_CHAR, after, bytes(node.mask >> b & 1 for b in range(256)))
        elif isinstance(node, Sequence):
            first = after if node.items else self._add(_EMPTY, after)
            for item in reversed(node.items):
                first = self._build(item, first)
        elif isinstance(node, Choice):
            first = self._choice(node, after)
        elif isinstance(node, Loop):
            first = self._loop(node, after)
        elif isinstance(node, Group):
            close = self._add(_CLOSE, after, node.number)
            first = self._add(_OPEN, self._build(node.body, close), node.number)
        elif isinstance(node, Edge):
            first = self._add(_EDGE, after, node.sign)
        elif isinstance(node, Back):
            first = self._add(_BACK, after, node.group)
        else:
            first = self._add(_AHEAD, after, Machine(Tree(node.body, node.groups)), node)
        return first

    def _choice(self, node: Choice, after: int) -> int:
        """Left-nested: each further branch is the second way of one more split."""
        joints = []
        for _ in node.branches[1:]:
            after = self._add(_EMPTY, after)
            joints.append(after)
        first = self._build(node.branches[0], after)
        for branch, joint in zip(node.branches[1:], reversed(joints), strict=True):
            second = self._build(branch, self._add(_EMPTY, joint))
            first = self._add(_SPLIT, first, second)
        return first

    def _loop(self, node: Loop, after: int) -> int:
        out = self._add(_EMPTY, after)
        number, self.loops = self.loops, self.loops + 1
        again = self._add()
        body = self._build(node.body, self._add(_EMPTY, again))
        self._ops[again] = (_AGAIN, body, out, number, node)
        return self._add(_LOOP, body, out, number, node)


class Run:
    """One search: its subject, the steps it may still take."""

    def __init__(self, subject: bytes, expired: Callable[[], None]) -> None:
        self.subject = subject
        self._expired = expired
        self._left = STEPS_MAX

    def look(self, steps: int, start: int, states: int) -> None:
        """Called every 4096 steps of an attempt that began at ``start``; ``states`` are kept.

        Raises:
            Invalid: too many steps, as libc++ throws error_complexity.
            QueryTimeout: by ``expired``.
        """
        self._expired()
        if states > STATES_MAX:
            raise Invalid("it keeps too many ways open; match a shorter text")
        self._left -= _FACTOR
        if self._left < 0 or steps // _FACTOR >= len(self.subject) - start:
            raise Invalid("it takes too many steps; repeat fewer things inside of repeated ones")


class At:
    """Where an attempt begins, and what libc++'s flags say of it."""

    __slots__ = ("first", "known", "some", "start")

    def __init__(
        self, start: int, *, first: bool = False, known: bool = True, some: bool = False
    ) -> None:
        """Describe the place.

        Args:
            start: byte of the subject.
            first: whether ``^`` matches there.
            known: whether the byte before it counts for word boundaries.
            some: whether an empty match is none.
        """
        self.start = start
        self.first = first
        self.known = known
        self.some = some


Spans = list[tuple[int, int]]
"""Begin and end of the whole match and of each group; (-1, -1) for one that took no part."""
_NONE = (-1, -1)


def match(machine: Machine, run: Run, at: At) -> Spans | None:
    """Try to match at one place."""
    found = _Attempt(machine, run, at).run()
    if found is None:
        return None
    end, groups = found
    return [(at.start, end), *(g if g[1] >= 0 else _NONE for g in groups)]


Groups = tuple[tuple[int, int], ...]
Loops = tuple[tuple[int, int], ...]


class _Attempt:
    """One attempt; the states that may still lead to a match lie on a stack."""

    def __init__(self, machine: Machine, run: Run, at: At) -> None:
        self._machine = machine
        self._run = run
        self._at = at
        self._stack: list[tuple[int, int, Groups, Loops]] = []

    def run(self) -> tuple[int, Groups] | None:  # noqa: C901 - one loop, for speed
        ops, subject, stack = self._machine.ops, self._run.subject, self._stack
        last = len(subject)
        node, place = self._machine.start, self._at.start
        groups: Groups = (_NONE,) * self._machine.groups
        loops: Loops = ((0, -1),) * self._machine.loops
        steps = 0
        while True:
            steps += 1
            if not steps & 4095:
                self._run.look(steps, self._at.start, len(stack))
            op = ops[node]
            kind = op[0]
            fits = True
            if kind == _CHAR:
                fits = place < last and op[2][subject[place]] == 1
                node = op[1]
                place += 1
            elif kind == _EMPTY:
                node = op[1]
            elif kind == _SPLIT:
                stack.append((op[2], place, groups, loops))
                node = op[1]
            elif kind in {_LOOP, _AGAIN}:
                node, groups, loops = self._turn(op, place, groups, loops)
            elif kind in {_OPEN, _CLOSE}:
                groups = _marked(groups, op, place)
                node = op[1]
            elif kind == _END:
                fits = place > self._at.start or not self._at.some
                if fits:
                    return place, groups
            else:
                node, fits, place, groups = self._test(op, place, groups)
            if not fits:
                if not stack:
                    return None
                node, place, groups, loops = stack.pop()

    def _turn(self, op: Op, place: int, groups: Groups, loops: Loops) -> tuple[int, Groups, Loops]:
        """At the head of a loop: once more, or out; the other way is kept where both are open."""
        kind, body, out, number, node = op
        count, began = loops[number]
        count = count + 1 if kind == _AGAIN else 0
        more = node.most is None or count < node.most
        enough = count >= node.least
        if kind == _AGAIN and enough and began == place:
            more = False  # the last turn consumed nothing
        loops = (*loops[:number], (count, began), *loops[number + 1 :])
        if not more:
            return out, groups, loops
        inside = (*loops[:number], (count, place), *loops[number + 1 :])
        cleared = groups
        if node.end > node.first:
            cleared = (
                *groups[: node.first - 1],
                *(_NONE,) * (node.end - node.first),
                *groups[node.end - 1 :],
            )
        if not enough:
            return body, cleared, inside
        if node.greedy:
            self._stack.append((out, place, groups, loops))
            return body, cleared, inside
        self._stack.append((body, place, cleared, inside))
        return out, groups, loops

    def _test(self, op: Op, place: int, groups: Groups) -> tuple[int, bool, int, Groups]:
        """Edges, references, look-aheads: next node, whether it fits, place, groups."""
        kind, after, what = op[:3]
        if kind == _EDGE:
            return after, self._edge(what, place), place, groups
        if kind == _BACK:
            begin, end = groups[what - 1]
            piece = self._run.subject[begin:end]
            fits = end >= 0 and self._run.subject.startswith(piece, place)
            return after, fits, place + len(piece), groups
        node: Ahead = op[3]
        at = self._at
        first = at.first and place == at.start
        inner = At(place, first=first, known=at.known, some=at.some)
        found = _Attempt(what, self._run, inner).run()
        if (found is not None) == node.negative:
            return after, False, place, groups
        seen = (_NONE,) * node.groups if found is None else found[1]
        groups = (*groups[: node.offset], *seen, *groups[node.offset + node.groups :])
        return after, True, place, groups

    def _edge(self, sign: str, place: int) -> bool:
        at, subject = self._at, self._run.subject
        if sign == "^":
            return at.first and place == at.start
        if sign == "$":
            return place == len(subject)
        return self._boundary(place) == (sign == "b")

    def _boundary(self, place: int) -> bool:
        """libc++ sees no boundary where nothing is left at the start of an attempt."""
        at, subject = self._at, self._run.subject
        if at.start == len(subject):
            return False
        before = place > 0 and subject[place - 1] in _WORD
        if place == len(subject):
            return before
        here = subject[place] in _WORD
        if place == at.start and not at.known:
            return here
        return before != here


def _marked(groups: Groups, op: Op, place: int) -> Groups:
    """A group begins or ends here."""
    kind, _, number = op
    begin, end = groups[number - 1]
    mark = (place, end) if kind == _OPEN else (begin, place)
    return (*groups[: number - 1], mark, *groups[number:])
