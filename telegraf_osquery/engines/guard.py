"""The guard stands before an engine: policy, types, caps, and the deadline's pauses.

The policy itself is the analyzer's: what it lets through is what the engine is asked.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any

import msgspec

from telegraf_osquery.clock import Deadline
from telegraf_osquery.engines.base import Answer, Engine
from telegraf_osquery.engines.turns import Turn, Turns
from telegraf_osquery.errors import BadItemError, EngineUnavailable, QueryError, QueryRefused
from telegraf_osquery.model.batch import BYTES_MAX, ROWS_MAX
from telegraf_osquery.model.column import Column, Type
from telegraf_osquery.model.rows import Rows
from telegraf_osquery.model.run import Outcome
from telegraf_osquery.schema.analyze import Analysis, Analyzer
from telegraf_osquery.schema.coerce import coerce

_CACHE_MAX = 256
_NUMBER_BYTES = 8


class Limits(msgspec.Struct, frozen=True):
    """Caps of one answer; 0 means none.

    Attributes:
        rows: at most so many rows.
        bytes: at most so many bytes of cells (texts as UTF-8, a number counts 8).
    """

    rows: int = 0
    bytes: int = 0


class Guard:
    """One engine behind a policy; one guard per lane."""

    def __init__(
        self, engine: Engine, analyzer: Analyzer, limits: Limits, turns: Turns | None = None
    ) -> None:
        """Put a guard before an engine.

        Args:
            engine: what answers.
            analyzer: judges by the caller's policy.
            limits: caps of one answer.
            turns: shared by all guards of a process; None is no cap.
        """
        self._engine = engine
        self._analyzer = analyzer
        self._limits = limits
        self._turns = turns or Turns()
        self._turn: Turn | None = None
        self._analyses: dict[str, Analysis] = {}

    @property
    def kind(self) -> str:
        """The engine's kind."""
        return self._engine.kind

    def run(
        self,
        sql: str,
        deadline: Deadline,
        declared: Mapping[str, Type] | None = None,
        tags: Collection[str] = (),
    ) -> "Guarded":
        """Check the statement and start it.

        Args:
            sql: one statement.
            deadline: paused while the consumer holds rows.
            declared: column → type where the pack says it; wins over the schema.
            tags: names of the columns that are tags.

        Raises:
            QueryRefused: not one reading statement, or the engine's columns are not the checked.
            QueryError: it cannot be answered.
            QueryTimeout, EngineUnavailable: as the engine raises them.
        """
        analysis = self._analyze(sql, deadline)
        absent = sorted(analysis.tables - self._engine.tables())
        if absent:
            raise QueryError(
                f"the {self.kind} engine has no table {', '.join(absent)}", sql=sql, code=1
            )
        turn = self._turn = self._turns.turn()
        turn.take(deadline)
        answer: Answer | None = None
        try:
            answer = self._engine.execute(analysis.sql, deadline)
        finally:
            if answer is None:
                turn.rest()
        checked = analysis.names()
        if answer.names != checked:
            _close(answer)
            turn.rest()
            raise QueryRefused(
                f"the engine answers with the columns {answer.names}, the check found {checked}",
                sql=sql,
            )
        kept = _last_of_each(checked)
        columns = tuple(
            Column(name, (declared or {}).get(name, analysis.columns[index].type), name in tags)
            for index, name in kept
        )
        limited = bool(self._engine.limited(analysis.tables))
        running = Running(answer, [i for i, _ in kept], deadline, self._limits, turn)
        return Guarded(running, columns, limited=limited)

    def abandon(self) -> None:
        """Called from another thread when this lane is given up: others get its turn."""
        if self._turn is not None:
            self._turn.abandon()

    def _analyze(self, sql: str, deadline: Deadline) -> Analysis:
        found = self._analyses.get(sql)
        if found is None:
            found = self._analyzer.analyze(sql, deadline)
            if len(self._analyses) >= _CACHE_MAX:
                del self._analyses[next(iter(self._analyses))]
            self._analyses[sql] = found
        return found

    def close(self) -> None:
        """Close the engine; may be called twice."""
        self._engine.close()


class Running(msgspec.Struct, frozen=True):
    """A started statement and what bounds it; ``kept`` are the places of the columns that stay."""

    answer: Answer
    kept: Sequence[int]
    deadline: Deadline
    limits: Limits
    turn: Turn


class Guarded:
    """A running answer: iterate it once for typed rows, then look at how it went.

    Attributes:
        columns: name, type and tag of each column of the rows. Of several result columns of one
            name the last one stays, as osquery's row objects do it.
        repeated: names that stood more than once in the result.
        limited: a table in it shows less than all without root.
        rows: rows handed out so far.
        bytes: bytes of cells handed out so far.
        faults: column → number of cells that could not be typed and became absent.
        outcome: ``ok``, ``empty`` or ``partial``; ``partial`` until the end was reached.
        reason: why it is ``partial``, with the cure.
    """

    def __init__(
        self,
        running: Running,
        columns: tuple[Column, ...],
        *,
        limited: bool,
    ) -> None:
        self.columns = columns
        self.repeated = tuple(sorted(set(_repeated(running.answer.names))))
        self.limited = limited
        self.rows = 0
        self.bytes = 0
        self.faults: dict[str, int] = {}
        self.outcome: Outcome = "partial"
        self.reason = "not read to its end"
        self._answer = running.answer
        self._kept = running.kept if len(running.kept) < len(running.answer.names) else None
        self._deadline = running.deadline
        self._limits = running.limits
        self._turn = running.turn

    def __iter__(self) -> Iterator[Rows]:
        """At most 500 rows and 1 MiB at a time; a larger single row comes alone.

        Raises:
            QueryError, QueryTimeout, EngineUnavailable: the answer broke before its first row.
                Later the outcome is ``partial`` instead.
        """
        try:
            for chunk in self._answer.chunks:
                for rows, weight in _pieces(self._typed(chunk)):
                    allowed, taken, cut = self._cap(rows, weight)
                    if len(allowed):
                        self.rows += len(allowed)
                        self.bytes += taken
                        with self._deadline.paused():
                            self._turn.rest()
                            yield allowed
                        self._turn.take(self._deadline)
                    if cut:
                        self.reason = cut
                        return
        except (BadItemError, EngineUnavailable) as error:
            if not self.rows:
                raise
            self.reason = str(error)
        else:
            self.outcome, self.reason = ("ok" if self.rows else "empty"), ""
        finally:
            self.close()

    def close(self) -> None:
        """End the query in the engine; may be called twice."""
        _close(self._answer)
        self._turn.rest()

    def _typed(self, chunk: Sequence[Sequence[Any]]) -> Rows:
        if self._kept is not None:
            chunk = [chunk[index] for index in self._kept]
        rows, faults = coerce(chunk, self.columns)
        for fault in faults:
            self.faults[fault.column] = self.faults.get(fault.column, 0) + fault.count
        return rows

    def _cap(self, rows: Rows, weight: int) -> tuple[Rows, int, str]:
        """What the limits let through, its bytes, and why it is not all."""
        limit = self._limits
        if limit.rows and self.rows + len(rows) > limit.rows:
            rows = rows.take(range(limit.rows - self.rows))
            cut = f"cut at {limit.rows} rows: narrow the query or raise the limit of rows"
            return rows, size(rows), cut
        if limit.bytes and self.bytes + weight > limit.bytes:
            used = accumulate(_row_sizes(rows), initial=self.bytes)
            rows = rows.take(range(sum(total <= limit.bytes for total in used) - 1))
            cut = f"cut at {limit.bytes} bytes: ask for fewer columns or raise the limit of bytes"
            return rows, size(rows), cut
        return rows, weight, ""


def _pieces(rows: Rows) -> Iterator[tuple[Rows, int]]:
    """Rows of at most 500 and 1 MiB, with their bytes; a larger single row comes alone."""
    whole = size(rows)
    if len(rows) <= ROWS_MAX and whole <= BYTES_MAX:
        yield rows, whole
        return
    first = used = 0
    for index, weight in enumerate(_row_sizes(rows)):
        if index > first and (used + weight > BYTES_MAX or index - first >= ROWS_MAX):
            yield rows.take(range(first, index)), used
            first, used = index, 0
        used += weight
    yield rows.take(range(first, len(rows))), used


def size(rows: Rows) -> int:
    """Bytes of the cells: texts as UTF-8, numbers and absent ones 8 each."""
    return sum(_weight(rows, column) for column in range(rows.width))


def _weight(rows: Rows, column: int) -> int:
    cells = rows.cells(column)
    try:
        text = "".join(cells)
    except TypeError:
        return sum(len(c.encode()) if isinstance(c, str) else _NUMBER_BYTES for c in cells)
    return len(text) if text.isascii() else len(text.encode())


def _row_sizes(rows: Rows) -> list[int]:
    return [
        sum(len(c.encode()) if isinstance(c, str) else _NUMBER_BYTES for c in row)
        for row in zip(*(rows.cells(column) for column in range(rows.width)), strict=True)
    ]


def _last_of_each(names: Sequence[str]) -> list[tuple[int, str]]:
    """Place and name of the columns that stay: of equal names the last."""
    last = {name: index for index, name in enumerate(names)}
    return [(index, name) for index, name in enumerate(names) if last[name] == index]


def _repeated(names: Sequence[str]) -> Iterator[str]:
    return (name for index, name in enumerate(names) if name in names[:index])


def _close(answer: Answer) -> None:
    close = getattr(answer.chunks, "close", None)
    if close is not None:
        close()
