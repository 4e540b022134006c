"""The answer of an osqueryi child to one statement, pulled chunk by chunk."""

from telegraf_osquery.clock import Deadline
from telegraf_osquery.codecs import json_rows
from telegraf_osquery.engines.base import Chunk
from telegraf_osquery.engines.child import Child, ChildEnded
from telegraf_osquery.engines.shell_dialogue import LINE_MAX, Complaints, Reply
from telegraf_osquery.engines.shell_keeper import Keeper
from telegraf_osquery.errors import CodecError, EngineUnavailable, QueryError, QueryTimeout
from telegraf_osquery.model.batch import ROWS_MAX

_DRAIN_WAIT = 0.02
_DRAIN_MAX = 4 << 20

_Fault = EngineUnavailable | QueryError | QueryTimeout


class ShellAnswer:
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

    def __iter__(self) -> "ShellAnswer":
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
