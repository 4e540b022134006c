r"""What is said to ``osqueryi --json`` on a pipe, and how its answers are cut from the stream.

The shell reads lines until they are one complete statement, runs it, and prints an array: ``[``,
one object per line, ``]``; an empty line in between when there are no rows. ``.print WORD`` then
prints the word, which closes the answer. Errors are on stderr before that word is printed:
``Error: near line N: …``, N counting the lines of the session. (Recorded from osquery 5.23.1;
``osquery/devtools/{shell,printer}.cpp``.)
"""

import re

import apsw

from telegraf_osquery.engines.osquery_facts import code
from telegraf_osquery.errors import QueryError
from telegraf_osquery.model.batch import BYTES_MAX, ROWS_MAX
from telegraf_osquery.schema.sql_tokens import tokenize

LINE_MAX = 16 << 20
"""Bytes of one row; more cannot pass in the memory this program keeps to."""
_STDERR_MAX = 1 << 16
_EXCERPT = 80
_REMARK = 400

# The shell takes a line with only "/" or "go" for a semicolon, as other databases' shells do.
_TERMINATOR = re.compile(r"\r?\n(?=[ \t\f\r]*(?:/|go)[ \t\f\r]*(?:\n|$))", re.IGNORECASE)
_ERROR = re.compile(r"^Error: (?:near line \d+: )?", re.MULTILINE)
_GLOG = re.compile(r"^[IWEF]\d{4} \d\d:\d\d:\d\d\.\d+ .*\n?", re.MULTILINE)


def question(sql: str, marker: str) -> bytes:
    """The lines that ask one statement and close its answer by ``marker``.

    Raises:
        QueryError: the shell would not take it for one complete statement.
    """
    if "\0" in sql:
        raise QueryError("SQL: found a NUL character, expected plain text", sql=sql)
    text = _TERMINATOR.sub(" ", sql).strip()
    if text.startswith("."):
        raise QueryError("SQL: found a dot at the start, expected a SELECT", sql=sql)
    if "\r\n" in text and any("\r\n" in text[t.start : t.end] for t in tokenize(text)):
        raise QueryError(
            "SQL: found CR LF inside a text, of which osqueryi drops the CR; write char(13)",
            sql=sql,
        )
    try:
        if not apsw.complete(f"{text}\n"):
            text += "\n;"  # on a line of its own: the statement may end with a comment
            if not apsw.complete(text):
                raise QueryError(
                    "SQL: found an open comment or quotes, expected their end", sql=sql
                )
    except UnicodeEncodeError as error:
        raise QueryError(f"SQL: found text that is not valid Unicode: {error}", sql=sql) from None
    return f"{text}\n.print {marker}\n".encode()


class Reply:
    """One answer, fed with what comes from stdout, read as arrays of rows.

    Attributes:
        complete: the marker has come; nothing else will.
        broken: why the bytes are no answer, empty as long as they are.
        oversize: a row is larger than any that can pass.
    """

    def __init__(self, marker: str) -> None:
        self.complete = False
        self.broken = ""
        self.oversize = False
        self._marker = marker.encode()
        self._data = bytearray()
        self._scanned = 0
        self._lines = 0
        self._opened = False
        self._rows_end = -1

    def feed(self, data: bytes) -> None:
        """Take what stdout gave."""
        self._data += data
        if not self._opened:
            self._open()
        if self._opened and not self.broken:
            self._look()

    def ready(self) -> bool:
        """Whether a whole chunk of rows waits, or all there is."""
        return (
            self.complete
            or self.oversize
            or bool(self.broken)
            or self._lines >= ROWS_MAX
            or (self._lines > 0 and len(self._data) >= BYTES_MAX)
        )

    def take(self) -> bytes:
        """At most 500 rows and about 1 MiB as a JSON array; empty when no whole row has come."""
        data, limit = self._data, self._rows_end if self._rows_end >= 0 else len(self._data)
        end = count = 0
        while count < ROWS_MAX and end < BYTES_MAX:
            found = data.find(b"\n", end, limit)
            if found < 0:
                break
            end, count = found + 1, count + 1
        rows = bytes(data[:end]).rstrip(b"\r\n,")
        self._drop(end, count)
        return b"[\n" + rows + b"\n]" if rows else b""

    def _drop(self, end: int, count: int) -> None:
        del self._data[:end]
        self._lines -= count
        self._scanned = max(0, self._scanned - end)
        if self._rows_end >= 0:
            self._rows_end -= end

    def _open(self) -> None:
        """The first line is a bracket alone."""
        end = self._data.find(b"\n")
        if end < 0 and len(self._data) < _EXCERPT:
            return
        self._opened = True
        if bytes(self._data[: max(end, 0)]).rstrip(b"\r") != b"[":
            self._fail("an array", self._data)
            end = len(self._data)
        del self._data[: end + 1]

    def _look(self) -> None:
        """Find the lines in what is new, and the closing bracket."""
        if self._rows_end < 0:
            self._count()
        if self._rows_end >= 0:
            self._close()

    def _count(self) -> None:
        data, start = self._data, self._scanned
        closing = data.find(b"]", 0, 1) if start == 0 else -1
        # A row begins with two blanks, so a bracket at the start of a line is the end of them.
        closing = closing if closing >= 0 else data.find(b"\n]", max(0, start - 1)) + 1 or -1
        if closing >= 0:
            self._lines += data.count(b"\n", start, closing)
            self._rows_end = closing
            return
        last = data.rfind(b"\n", start) + 1
        if last:
            self._lines += data.count(b"\n", start, last)
            self._scanned = last
        self.oversize = len(data) - self._scanned > LINE_MAX

    def _close(self) -> None:
        tail = bytes(self._data[self._rows_end :])
        wanted = b"]\n" + self._marker + b"\n"
        plain = tail.replace(b"\r\n", b"\n")
        if plain == wanted:
            self.complete = True
        elif not wanted.startswith(plain.rstrip(b"\r")):
            self._fail("the end of the array and the marker", tail)

    def _fail(self, expected: str, found: bytes | bytearray) -> None:
        excerpt = bytes(found[:_EXCERPT]).decode("utf-8", "replace")
        self.broken = f"found {excerpt!r}, expected {expected}"


class Complaints:
    """What came on stderr during one answer; of a flood the end is kept."""

    def __init__(self) -> None:
        self._data = b""

    def feed(self, data: bytes) -> None:
        self._data = (self._data + data)[-_STDERR_MAX:]

    def error(self, sql: str) -> QueryError | None:
        """The statement's error without the shell's prefix; log lines around it are left out."""
        found = list(_ERROR.finditer(plain := self._plain()))
        if not found:
            return None
        message = plain[found[-1].end() :].strip()
        return QueryError(message, sql=sql, code=code(message))

    def remark(self) -> str:
        """The first line of what is neither an error of SQL nor the shell's log."""
        plain = self._plain()
        found = _ERROR.search(plain)
        return plain[: found.start() if found else None].strip().partition("\n")[0][:_REMARK]

    def last_words(self) -> str:
        """The end of all, as a half sentence."""
        said = self._data.decode("utf-8", "replace").strip()[-_REMARK:]
        return f"; its last words: {said}" if said else ""

    def _plain(self) -> str:
        return _GLOG.sub("", self._data.decode("utf-8", "replace"))
