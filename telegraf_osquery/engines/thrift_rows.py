"""The rows of an answer, read straight from the buffer."""

from telegraf_osquery.engines.thrift_wire import MAP_OF_TEXTS, SIZE, VALUE_MAX, Session


class RowReader:
    """Rows of one answer as columns of bytes.

    All rows of an answer have the same keys in the same order, since osquery writes them from a
    sorted map: after the first row each key is compared as bytes, not parsed.
    """

    def __init__(self, connection: Session) -> None:
        self._connection = connection
        self._stream = connection.stream
        self._head = b""
        self._plan: list[tuple[bytes, int]] = []
        self.keys: tuple[bytes, ...] = ()

    def read(self, rows: list[list[bytes]], count: int, room: int) -> None:
        """Append ``count`` rows, or fewer where they have more than about ``room`` bytes.

        Raises:
            EngineUnavailable, QueryError, QueryTimeout: what was appended stays valid.
        """
        wanted = len(rows) + count
        while len(rows) < wanted and room > 0:
            used = self._quick(rows, wanted, room) if self._head else 0
            if used:
                room -= used
            elif self._head and self._partial():
                self._stream.fill()
            else:
                with self._connection.sound():
                    room -= self._slow(rows)

    def _quick(self, rows: list[list[bytes]], wanted: int, room: int) -> int:
        """Take the rows that are in the buffer whole; the bytes they had there."""
        stream, head, plan, size_at = self._stream, self._head, self._plan, SIZE.unpack_from
        data, first, end = stream.data, stream.at, len(stream.data)
        at = first
        while len(rows) < wanted and at - first < room and data[at : at + 6] == head:
            row: list[bytes] = []
            here = at + 6
            for key, length in plan:
                size = here + length
                if data[here:size] != key or size + 4 > end:
                    break
                here = size + 4 + size_at(data, size)[0]
                row.append(data[size + 4 : here])
            if here > end or len(row) < len(plan):
                break
            at = here
            rows.append(row)
        stream.at = at
        return at - first

    def _partial(self) -> bool:
        """Whether the buffer ends inside the next row, all being well so far."""
        data, here = self._stream.data, self._stream.at
        left = data[here : here + len(self._head)]
        if left != self._head:
            return self._head.startswith(left)
        here += len(left)
        for key, length in self._plan:
            left = data[here : here + length]
            if left != key:
                return key.startswith(left)
            here += length + 4
            if here > len(data):
                return True
            size = SIZE.unpack_from(data, here - 4)[0]
            if size > VALUE_MAX:
                return False
            here += size
        return here > len(data)

    def _slow(self, rows: list[list[bytes]]) -> int:
        row = self._connection.row()
        if not self._head:
            self.keys = tuple(row)
            self._head = MAP_OF_TEXTS + SIZE.pack(len(row))
            self._plan = [(SIZE.pack(len(key)) + key, len(key) + 4) for key in row]
        elif row.keys() != set(self.keys):
            raise ValueError(f"found a row with the columns {[*row]}, expected {[*self.keys]}")
        rows.append([row[key] for key in self.keys])
        return sum(map(len, row.values())) + len(self._head)
