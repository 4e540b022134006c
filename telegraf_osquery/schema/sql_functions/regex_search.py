"""One regular expression: search and split, by Python's ``re`` where that is safe."""

import re
from collections.abc import Callable

from telegraf_osquery.schema.sql_functions.regex_bound import Wild, bound
from telegraf_osquery.schema.sql_functions.regex_machine import At, Machine, Run, match
from telegraf_osquery.schema.sql_functions.regex_parse import parse
from telegraf_osquery.schema.sql_functions.regex_python import translated
from telegraf_osquery.schema.sql_functions.regex_tree import repeats_bytes

_PER_BYTE = 4096  # libc++ gives up after so many steps per byte
_UNSEEN = 1 << 21
"""Steps of ``re`` between two looks at the deadline, some 20 ms, unless one attempt takes more."""
_ATTEMPT_MAX = 1 << 26
"""Steps of one attempt of ``re``, some 500 ms at worst."""
_LONG = 1 << 16
"""Bytes; on longer subjects ``re`` needs too much memory for repeating more than one byte."""

_PLACES = 256
"""Places that the slow matcher tries between two looks at the deadline."""

Span = tuple[int, int]
Compiled = re.Pattern[bytes]


class Expression:
    """A pattern that was read; ``groups`` is the number of its groups."""

    def __init__(self, pattern: bytes, check: Callable[[], None]) -> None:
        r"""Read it.

        Args:
            pattern: at most 256 bytes.
            check: raises when the deadline has passed.

        Raises:
            Invalid: it is no pattern.
        """
        self._tree = parse(pattern)
        self._check = check
        self._simple = repeats_bytes(self._tree.body)
        self._boundaries = rb"\b" in pattern or rb"\B" in pattern
        self._machine: Machine | None = None
        self._compiled: dict[int, Compiled | None] = {}
        self._bounds: dict[int, float] = {}
        self.groups = self._tree.groups

    def search(self, subject: bytes, wanted: int = 0) -> Span | None:
        """Begin and end of a group in the first match, (-1, -1) if it took no part in it.

        Raises:
            Invalid: libc++ would have given up.
        """
        if wanted not in self._compiled:
            self._compiled[wanted] = translated(self._tree, wanted)
        compiled = self._compiled[wanted]
        if compiled is not None and (budget := self._budget(len(subject))):
            return self._quickly(compiled, subject, (0, wanted), budget)
        return self._slowly(subject, 0, wanted)

    def split(self, subject: bytes) -> list[bytes]:
        """What lies between the matches, as std::sregex_token_iterator with -1 gives it."""
        pieces: list[bytes] = []
        end = 0
        found = self.search(subject)
        while found is not None:
            known = bool(pieces)
            pieces.append(subject[end : found[0]])
            end = found[1]
            found = self._next(subject, found, known=known)
        if end < len(subject) or not pieces:
            pieces.append(subject[end:])
        return pieces

    def _budget(self, length: int) -> int:
        """How many places ``re`` may try at one go; 0 where it must not be used."""
        size = length.bit_length()
        if size not in self._bounds:
            try:
                self._bounds[size] = bound(self._tree.body, 1 << size)
            except Wild:
                self._bounds[size] = float("inf")
        steps = self._bounds[size]
        if steps > min(_PER_BYTE * max(length, 1), _ATTEMPT_MAX):
            return 0
        if length > _LONG and not self._simple:
            return 0
        return int(_UNSEEN / steps) or 1

    def _quickly(
        self, compiled: Compiled, subject: bytes, task: tuple[int, int], budget: int
    ) -> Span | None:
        """By ``re``; the task is where to start and which group is wanted."""
        start, wanted = task
        last = len(subject)
        if start == last and self._boundaries:
            # nothing is left: what libc++ sees there is no boundary as Python knows it
            return self._at(subject, At(last, first=not last, known=last > 0), wanted)
        if last - start <= budget:
            found = compiled.search(subject, start)
        else:
            found = self._in_parts(compiled, subject, start, budget)
        if found is None or last == found.start() > start:
            return None  # libc++ 16 does not try the end, unless it starts there
        return found.span(compiled.groups)

    def _in_parts(
        self, compiled: Compiled, subject: bytes, start: int, budget: int
    ) -> "re.Match[bytes] | None":
        for place in range(start, len(subject)):
            if not (place - start) % budget:
                self._check()
            found = compiled.match(subject, place)
            if found is not None:
                return found
        return None

    def _slowly(self, subject: bytes, start: int, wanted: int) -> Span | None:
        run = self._run(subject)
        for place in range(start, max(len(subject), start + 1)):
            if not place % _PLACES:
                self._check()
            found = match(self._graph(), run, At(place, first=not place, known=place > 0))
            if found is not None:
                return found[wanted]
        return None

    def _next(self, subject: bytes, found: Span, *, known: bool) -> Span | None:
        """The match after one; ``known`` says that it was not the first."""
        start, end = found
        if start == end:
            if end == len(subject):
                return None
            # the same place once more, but not empty
            place = At(end, known=known, some=True)
            if (again := self._at(subject, place, 0)) is not None:
                return again
            end += 1
        compiled = self._compiled[0]
        if compiled is not None and (budget := self._budget(len(subject))):
            return self._quickly(compiled, subject, (end, 0), budget)
        return self._slowly(subject, end, 0)

    def _at(self, subject: bytes, place: At, wanted: int) -> Span | None:
        found = match(self._graph(), self._run(subject), place)
        return None if found is None else found[wanted]

    def _run(self, subject: bytes) -> Run:
        return Run(subject, self._check)

    def _graph(self) -> Machine:
        if self._machine is None:
            self._machine = Machine(self._tree)
        return self._machine
