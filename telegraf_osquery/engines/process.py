"""The process engine: osquery's shell as a child that lives on, asked through its stdin.

No daemon is needed, and of the host's osquery nothing is used but the program: no flag file, no
configuration, no extensions, no events, a home folder of its own. Every value is text; NULL is
``""``; of two columns with one name a row holds the last; bytes that are no UTF-8 become U+FFFD.
There is no way to cancel a query: a deadline kills the child, and the next statement starts
another. Event tables are empty in a shell.
"""

import os
from collections.abc import Callable, Sequence

from telegraf_osquery.clock import Clock, Deadline
from telegraf_osquery.codecs import json_rows
from telegraf_osquery.engines.base import Answer, Chunk
from telegraf_osquery.engines.child import Child, ChildEnded
from telegraf_osquery.engines.osquery_facts import PRIVILEGED, release, table_names
from telegraf_osquery.engines.rights import sees_all
from telegraf_osquery.engines.shell_dialogue import LINE_MAX, Complaints, Reply, question
from telegraf_osquery.engines.shell_keeper import Keeper
from telegraf_osquery.errors import CodecError, EngineUnavailable, QueryError, QueryTimeout
from telegraf_osquery.model.batch import ROWS_MAX
from telegraf_osquery.schema.analyze import Analyzer

_DRAIN_WAIT = 0.02
_DRAIN_MAX = 4 << 20
_REMEMBERED = 256
_CPU_SLACK = 5.0

_Fault = EngineUnavailable | QueryError | QueryTimeout


class Process:
    """Asks osqueryi. One instance serves one lane."""

    kind = "process"

    def __init__(
        self,
        clock: Clock,
        program: Sequence[str],
        analyzer: Analyzer,
        tables: frozenset[str] = frozenset(),
        warn: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Nothing is started before the first statement.

        Args:
            clock: for ages, and the pause before a child that keeps dying is started again.
            program: path and first arguments, such as ``("/opt/osquery/bin/osqueryd", "-S")``.
            analyzer: tells the order of the result columns, which the rows, objects sorted by
                name, have lost; it is closed with the engine.
            tables: what another one has found already; else osqueryi is asked when needed.
            warn: takes one line about something odd that is not an error.
        """
        self._clock = clock
        self._keeper = Keeper(clock, program)
        self._analyzer = analyzer
        self._tables = tables
        self._warn = warn
        self._reader = json_rows.Reader()
        self._names: dict[str, tuple[str, ...]] = {}
        self._warned: set[str] = set()
        self._chunks: _Chunks | None = None
        self._closed = False

    def execute(self, sql: str, deadline: Deadline) -> Answer:
        """Run one statement; an answer that is still open ends.

        Raises:
            EngineUnavailable: osqueryi cannot be started, has died, or talks nonsense.
            QueryError: its reason.
            QueryTimeout: the deadline passed.
        """
        self._end()
        if self._closed:
            raise QueryError("the process engine is closed", sql=sql)
        names = self._columns(sql)
        marker = os.urandom(12).hex()
        asked = question(sql, marker)
        child = self._keeper.ready()
        # Should this process be killed, an endless query must not outlive it for ever.
        child.limit_cpu(2 * deadline.left() + _CPU_SLACK)
        child.send(asked)
        chunks = _Chunks(self._keeper, child, Reply(marker), deadline, self._reader)
        self._chunks = chunks
        try:
            names = chunks.start(sql, names)
        finally:
            self._remark(chunks.remark)
        return Answer(names, chunks)

    def tables(self) -> frozenset[str]:
        """Names of the tables that this osqueryi has.

        Raises:
            EngineUnavailable, QueryError, QueryTimeout: as ``execute`` raises them.
        """
        if not self._tables:
            self._tables = table_names(self.execute, self._clock)
        return self._tables

    def release(self) -> str:
        """The version of osqueryi; raises as ``tables`` does."""
        return release(self.execute, self._clock)

    def limited(self, tables: frozenset[str]) -> frozenset[str]:
        """Those that show less than all because this process may not read everything."""
        return frozenset() if sees_all() else tables & PRIVILEGED

    def cpu(self) -> float:
        """CPU seconds that the children have used so far."""
        return self._keeper.cpu()

    def close(self) -> None:
        """End the child and remove its home; may be called twice."""
        self._closed = True
        if self._chunks is not None:
            self._chunks.forget()
        self._chunks = None
        self._keeper.close()
        self._analyzer.close()

    def _columns(self, sql: str) -> tuple[str, ...]:
        """The names of the result columns in the statement's order."""
        found = self._names.get(sql)
        if found is None:
            found = tuple(column.name for column in self._analyzer.analyze(sql).columns)
            if len(self._names) >= _REMEMBERED:
                self._names.clear()
            self._names[sql] = found
        return found

    def _remark(self, text: str) -> None:
        """Pass on what the child says beside its answers, each text once."""
        if text and text not in self._warned and len(self._warned) < _REMEMBERED:
            self._warned.add(text)
            self._warn(f"{self._keeper.name}: {text}")

    def _end(self) -> None:
        if self._chunks is not None:
            self._chunks.close()
            self._chunks = None


class _Chunks:
    """The rows of one answer, read as they are pulled; what came before a fault is kept.

    Attributes:
        remark: what was on stderr besides the statement's error, in one line.
    """

    def __init__(
        self,
        keeper: Keeper,
        child: Child,
        reply: Reply,
        deadline: Deadline,
        reader: json_rows.Reader,
    ) -> None:
        self.remark = ""
        self._keeper = keeper
        self._child: Child | None = child
        self._reply = reply
        self._deadline = deadline
        self._reader = reader
        self._complaints = Complaints()
        self._sql = ""
        self._names: tuple[str, ...] = ()
        self._first: Chunk | None = None
        self._fault: _Fault | None = None

    def start(self, sql: str, names: tuple[str, ...]) -> tuple[str, ...]:
        """Wait for the first rows or the end; the names of the columns.

        They are ``names``, unless the rows have other ones: then those of the first row.

        Raises:
            EngineUnavailable, QueryError, QueryTimeout: before the first row.
        """
        self._sql, self._names = sql, names
        piece = self._pull()
        if piece:
            self._name(piece)
            self._first = self._cells(piece)
        if self._first is None and self._fault is not None:
            raise self._fault
        return self._names

    def __iter__(self) -> "_Chunks":
        return self

    def __next__(self) -> Chunk:
        chunk, self._first = self._first, None
        if chunk is None and (piece := self._pull()):
            chunk = self._cells(piece)
        if chunk is not None:
            return chunk
        if self._fault is not None:
            raise self._fault
        raise StopIteration

    def close(self) -> None:
        """Let go of the child: it is kept if its answer ends at once, else killed."""
        child, reply = self._child, self._reply
        self.forget()
        if child is None:
            return
        if _drained(child, reply):
            self._keeper.answered()
        else:
            self._keeper.kill()

    def forget(self) -> None:
        """Give no more rows; the child is somebody else's business."""
        self._child = self._first = None
        self._reply = Reply("")

    def _pull(self) -> bytes:
        """The next rows; none at their end, which may be a fault."""
        if self._child is not None:
            try:
                self._wait(self._child)
            except (EngineUnavailable, QueryError, QueryTimeout) as error:
                self._fault, self._child = error, None
        return self._reply.take()

    def _wait(self, child: Child) -> None:
        """Until a chunk has come, or all."""
        reply, complaints = self._reply, self._complaints
        while not reply.ready():
            left = self._deadline.left()
            if left <= 0:
                self._keeper.kill()
                raise QueryTimeout(
                    f"{self._keeper.name}: no complete answer within the deadline; the child was "
                    "killed, the next statement starts another"
                )
            try:
                out, err = child.step(left)
            except ChildEnded as error:
                self._keeper.died()
                raise EngineUnavailable(
                    f"{error} before the answer was complete{complaints.last_words()}; the next "
                    "statement starts another"
                ) from None
            complaints.feed(err)
            reply.feed(out)
        if reply.broken:
            raise self._garbage(reply.broken)
        if reply.oversize:
            self._keeper.kill()
            raise QueryError(
                f"a row of more than {LINE_MAX >> 20} MiB: select less of it, such as by substr()",
                sql=self._sql,
            )
        if reply.complete:
            self._judge(child)

    def _judge(self, child: Child) -> None:
        """All of stdout has come, so all of stderr is there."""
        self._complaints.feed(child.rest())
        self._child = None
        self._keeper.answered()
        self.remark = self._complaints.remark()
        error = self._complaints.error(self._sql)
        if error is not None:
            raise error

    def _name(self, piece: bytes) -> None:
        """Take the names from the first row where they are not the expected ones."""
        row = piece.split(b"\n", 2)[1].rstrip(b",\r")
        try:
            keys, _ = json_rows.decode(b"[" + row + b"]")
        except CodecError:
            return  # the same fault comes with the cells
        if set(keys) != set(self._names):
            self._names = keys

    def _cells(self, piece: bytes) -> Chunk | None:
        try:
            return next(self._reader.decode(piece, self._names, size=ROWS_MAX)[1])
        except CodecError as error:
            self._child, self._reply = None, Reply("")
            self._fault = self._fault or self._garbage(str(error))
            return None

    def _garbage(self, what: str) -> EngineUnavailable:
        self._keeper.died()
        return EngineUnavailable(f"{self._keeper.name}: {what}; the child was killed")


def _drained(child: Child, reply: Reply) -> bool:
    """Whether the rest of the answer has come, or comes at once; it is thrown away."""
    size = 0
    try:
        while not reply.complete and not reply.broken and size < _DRAIN_MAX:
            out, _ = child.step(_DRAIN_WAIT)
            if not out:
                return False
            size += len(out)
            reply.feed(out)
            while reply.take():
                pass
    except ChildEnded:
        return False
    return reply.complete
