"""The socket engine: a running osqueryd answers over its extension socket.

One connection per query, given up on any fault, so no answer can be taken for another's. Two calls
on it: ``getQueryColumns`` tells the names in their order, which the rows, maps sorted by name, have
lost; of two columns with one name a row holds the last. Every value is text, NULL is ``""``. Bytes
that are no UTF-8 become U+FFFD. osqueryd sends an answer when it is complete and cannot cancel a
query: past the deadline the connection is closed and the daemon goes on by itself.
"""

from collections.abc import Sequence

from telegraf_osquery.clock import Clock, Deadline
from telegraf_osquery.engines.base import Answer, Chunk
from telegraf_osquery.engines.osquery_facts import PRIVILEGED, release, table_names
from telegraf_osquery.engines.thrift_rows import RowReader
from telegraf_osquery.engines.thrift_wire import Session
from telegraf_osquery.errors import EngineUnavailable, QueryError, QueryTimeout
from telegraf_osquery.model.batch import BYTES_MAX, ROWS_MAX

PATH = "/var/osquery/osquery.em"
"""Where osqueryd listens on Linux and macOS unless told otherwise."""


class Socket:
    """Asks osqueryd. One instance serves one lane."""

    kind = "socket"

    def __init__(
        self, clock: Clock, path: str = PATH, tables: frozenset[str] = frozenset()
    ) -> None:
        """Nothing is opened before the first statement.

        Args:
            clock: for the deadlines of its own questions.
            path: of the extension socket.
            tables: what another one has found already; else osqueryd is asked when needed.
        """
        self._clock = clock
        self._path = path
        self._tables = tables
        self._peer = -1
        self._chunks: _Chunks | None = None
        self._closed = False

    def execute(self, sql: str, deadline: Deadline) -> Answer:
        """Run one statement; an answer that is still open ends.

        Raises:
            EngineUnavailable: osqueryd cannot be reached, has hung up, or talks nonsense.
            QueryError: its reason.
            QueryTimeout: the deadline passed.
        """
        self._end()
        if self._closed:
            raise QueryError("the socket engine is closed", sql=sql)
        _sendable(sql)
        connection: Session | None = None
        try:
            connection = Session(self._path, deadline)
            self._peer = connection.stream.peer
            names = connection.columns(sql)
            count = connection.ask("query", sql)
            self._chunks = _Chunks(connection, names, count, sql)
        except (EngineUnavailable, QueryError, QueryTimeout) as error:
            if connection is not None:
                connection.close()
            if isinstance(error, EngineUnavailable):
                self._tables = frozenset()  # it may come back as another release
            raise
        return Answer(names, self._chunks)

    def tables(self) -> frozenset[str]:
        """Names of the tables that osqueryd has, asked once per connection that was lost.

        Raises:
            EngineUnavailable, QueryError, QueryTimeout: as ``execute`` raises them.
        """
        if not self._tables:
            self._tables = table_names(self.execute, self._clock)
        return self._tables

    def release(self) -> str:
        """The version of osqueryd; raises as ``tables`` does."""
        return release(self.execute, self._clock)

    def limited(self, tables: frozenset[str]) -> frozenset[str]:
        """None where osqueryd runs as root; it nearly always does."""
        return tables & PRIVILEGED if self._peer > 0 else frozenset()

    def close(self) -> None:
        """Hang up; may be called twice."""
        self._end()
        self._closed = True

    def _end(self) -> None:
        if self._chunks is not None:
            self._chunks.close()
            self._chunks = None


def _sendable(sql: str) -> None:
    """The text would be cut at a NUL, and Thrift's text is UTF-8."""
    if "\0" in sql:
        raise QueryError("SQL: found a NUL character, expected plain text", sql=sql)
    try:
        sql.encode()
    except UnicodeEncodeError as error:
        raise QueryError(f"SQL: found text that is not valid Unicode: {error}", sql=sql) from None


class _Chunks:
    """The rows of one answer, read as they are pulled; what came before a fault is kept."""

    def __init__(self, connection: Session, names: tuple[str, ...], count: int, sql: str) -> None:
        self._connection: Session | None = connection
        self._reader = RowReader(connection)
        self._names = names
        self._left = count
        self._sql = sql
        self._broken: Exception | None = None

    def __iter__(self) -> "_Chunks":
        return self

    def __next__(self) -> Chunk:
        rows = self._pull() if self._broken is None else []
        if rows:
            return self._columns(rows)
        self.close()
        if self._broken is not None:
            raise self._broken
        raise StopIteration

    def _pull(self) -> list[list[bytes]]:
        rows: list[list[bytes]] = []
        connection = self._connection
        if connection is None:
            return rows
        try:
            if self._left:
                self._reader.read(rows, min(ROWS_MAX, self._left), BYTES_MAX)
            else:
                connection.end()
        except (EngineUnavailable, QueryError, QueryTimeout) as error:
            self._broken = error
        self._left -= len(rows)
        return rows

    def _columns(self, rows: Sequence[Sequence[bytes]]) -> Chunk:
        keys = [key.decode("utf-8", "replace") for key in self._reader.keys]
        if set(keys) != set(self._names):
            self.close()
            self._broken = QueryError(
                f"rows have the columns {keys}, getQueryColumns said {[*self._names]}",
                sql=self._sql,
            )
            raise self._broken
        cells = dict(zip(keys, zip(*rows, strict=True), strict=True))
        texts = {name: _texts(column) for name, column in cells.items()}
        return [texts[name] for name in self._names]

    def close(self) -> None:
        """Hang up; may be called twice."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _texts(cells: Sequence[bytes]) -> list[str]:
    """A column decoded in one go; osquery's values end at a NUL, so none holds one."""
    texts = b"\0".join(cells).decode("utf-8", "replace").split("\0")
    if len(texts) == len(cells):
        return texts
    return [cell.decode("utf-8", "replace") for cell in cells]
