"""SQL as the doubles of osqueryd and osqueryi answer it.

The embedded engine's connection, which here may also write, over tables with recorded rows and the
tables of this host; all that is osquery's own way of saying things is put on top. Recorded rows are
those of the machine on which the dialogues in ``tests/testcases`` were recorded.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import apsw

from telegraf_osquery.clock import Deadline, SystemClock
from telegraf_osquery.engines.embedded import Embedded
from telegraf_osquery.engines.embedded_tables.ask import Table
from telegraf_osquery.errors import QueryError, QueryTimeout
from telegraf_osquery.schema.tables import Schema, load
from tests.bench.rows import COLUMNS as WIDE
from tests.bench.rows import Generator
from tests.fakes import odd_tables
from tests.fakes.wide_agent import LINE

RECORDED = Path(__file__).parent.parent / "testcases" / "thrift" / "tables.json"
_WIDE_KINDS = 1000
_REFUSED = frozenset({apsw.SQLITE_ATTACH, apsw.SQLITE_DETACH})
_STAND_IN, _ODD_BYTE = "\ue0e9", b"\xe9"
"""SQLite through apsw takes no text that is not Unicode: a letter stands in for the byte."""
_ODD_NAME = f"/srv/data/caf{_STAND_IN}-latin1.txt"
"""A file of the recorded machine whose name is no UTF-8."""
_ODD_LITERAL = re.compile("'([^']*[\udc80-\udcff][^']*)'")
_DROP = re.compile(r"\s*DROP\s+TABLE\s+(\w+)\s*;?\s*", re.IGNORECASE)
_REQUIRED = re.compile(r"(was queried without a required column in the WHERE clause).*", re.DOTALL)


class SqlError(Exception):
    """A statement that cannot be answered, with osquery's message."""


class Backend:
    """One database instance of an osquery."""

    def __init__(
        self,
        *,
        recorded: bool = False,
        odd: bool = False,
        expired: Callable[[], bool] = lambda: False,
    ) -> None:
        """``recorded``: users, schedule and the like of the recorded machine, not of this one.

        ``odd``: with the tables of ``odd_tables``. ``expired``: whether nobody waits any more.
        """
        tables = dict(self._tables(recorded))
        if odd:
            tables.update(odd_tables.TABLES)
        self._engine = Embedded(wide_schema(), SystemClock(), tables=tables)
        names = self._engine.tables()
        self._engine._more["osquery_registry"] = _registry(names)
        self._engine._host.deadline = _Endless(expired)
        connection = self._engine._connection
        assert connection is not None
        self._connection = connection
        connection.authorizer = _authorize
        connection.limit(apsw.SQLITE_LIMIT_LENGTH, 1 << 30)  # osquery has SQLite's own limit

    @staticmethod
    def _tables(recorded: bool) -> Iterator[tuple[str, Table]]:
        rows = json.loads(RECORDED.read_text())
        wanted = rows if recorded else ("osquery_info", "osquery_schedule")
        for name in wanted:
            yield name, _constant(rows[name])
        yield "process_events", Table((), lambda _: iter(()))
        if recorded:
            yield "authorized_keys", Table((), lambda _: iter(()))
            yield "file", Table(("path",), lambda _: iter([(_ODD_NAME,)]))
        yield "osquery_registry", Table((), lambda _: iter(()))
        yield "wide", wide_table()

    def rows(self, sql: str) -> Iterator[dict[str, Any]]:
        """The rows of all statements in the text, as osquery merges them.

        Raises:
            SqlError: the rows before it were good.
        """
        found = _DROP.fullmatch(sql)
        if found and found[1] in self._engine.tables():
            return  # answered without an error, and without effect
        sql = _ODD_LITERAL.sub(lambda found: f"CAST(x'{_bytes(found[1]).hex()}' AS TEXT)", sql)
        try:
            try:
                yield from self._rows(sql)
            except UnicodeDecodeError:
                names = (name for name, _ in self.columns(sql))
                cells = ", ".join(f'CAST("{name}" AS BLOB) AS "{name}"' for name in names)
                yield from self._rows(f"SELECT {cells} FROM ({sql.rstrip('; ')})")
        except (apsw.Error, QueryError, QueryTimeout) as error:
            raise SqlError(_message(error)) from None

    def _rows(self, sql: str) -> Iterator[dict[str, Any]]:
        cursor = self._connection.cursor()
        cursor.execute(sql)
        for row in cursor:
            names = [name for name, _ in cursor.get_description()]
            yield dict(zip(names, row, strict=True))

    def columns(self, sql: str) -> list[tuple[str, str]]:
        """Name and type of the result columns of the first statement, without running it."""
        found: list[tuple[str, str | None]] = []

        def note(cursor: apsw.Cursor, _text: str, _values: Any) -> bool:
            found.extend((one[0], one[1]) for one in cursor.description_full)
            return False

        cursor = self._connection.cursor()
        cursor.exec_trace = note
        try:
            cursor.execute(sql)
        except apsw.ExecTraceAbort:
            pass
        except (apsw.Error, QueryError) as error:
            raise SqlError(_message(error)) from None
        texts = _expressions(sql, len(found))
        return [
            (name, (declared or _guess(text)).upper())
            for (name, declared), text in zip(found, texts, strict=True)
        ]

    def close(self) -> None:
        self._engine.close()


class _Endless(Deadline):
    """A deadline that passes when its owner says so."""

    def __init__(self, expired: Callable[[], bool]) -> None:
        super().__init__(SystemClock(), 1e9)
        self._given_up = expired

    def expired(self) -> bool:
        return self._given_up()


def _authorize(action: int, *_: str | None) -> int:
    return apsw.SQLITE_DENY if action in _REFUSED else apsw.SQLITE_OK


def _constant(rows: Sequence[dict[str, Any]]) -> Table:
    names = tuple(rows[0])
    return Table(names, lambda _: iter([tuple(row.values()) for row in rows]))


def _registry(names: frozenset[str]) -> Table:
    columns = ("registry", "name", "owner_uuid", "internal", "active")
    rows = [("table", name, 0, 0, 1) for name in sorted(names)]
    rows += [("table", "gone", 0, 0, 0), ("config", "filesystem", 0, 0, 1)]
    return Table(columns, lambda _: iter(rows))


def wide_schema() -> Schema:
    """The schema, which knows the table ``wide`` as well."""
    schema = load()
    if LINE not in schema._text:
        schema._text += LINE
    return schema


def wide_table() -> Table:
    """``wide``, as any engine of ours can have it."""
    return Table(("id", *(column.name for column in WIDE)), lambda ask: _wide(ask.equal["id"]))


def _wide(wanted: str) -> Iterator[Sequence[Any]]:
    kinds = [
        tuple(int(cell) if cell and column.type == "integer" else cell for cell, column in pairs)
        for pairs in (
            zip(row.values(), WIDE, strict=True) for row in Generator(20_261).rows(_WIDE_KINDS)
        )
    ]
    for pid in range(int(wanted)):
        yield (wanted, pid, *kinds[pid % _WIDE_KINDS][1:])


def _message(error: Exception) -> str:
    return _REQUIRED.sub(r"\1", str(error))


_SELECT = re.compile(r"\s*SELECT\s+(.*?)(?:\s+FROM\s.*)?\s*;?\s*$", re.IGNORECASE | re.DOTALL)
_GUESSES = (
    (r"-?\d+", "INTEGER"),
    (r"cast\s*\(.* as (\w+)\s*\)", r"\1"),
    (r"'[^']*'|.*\|\|.*", "TEXT"),
    (r"-?\d*\.\d*|null", "UNKNOWN"),
    (r".*[+*/-].*|(?:count|avg|max|min|sum|length)\s*\(.*\)", "BIGINT"),
)


def _expressions(sql: str, count: int) -> list[str]:
    """The texts of the result columns of a plain SELECT."""
    found = _SELECT.match(sql)
    parts, depth, start = [], 0, 0
    text = found[1] if found else ""
    for at, letter in enumerate(text + ","):
        depth += (letter == "(") - (letter == ")")
        if letter == "," and not depth:
            parts.append(re.sub(r'\s+(?:AS\s+)?(?:"[^"]*"|\S+)$', "", text[start:at].strip()))
            start = at + 1
    return parts if len(parts) == count else [""] * count


def _guess(text: str) -> str:
    """What osquery makes of an expression: it looks at SQLite's opcodes."""
    for pattern, kind in _GUESSES:
        if found := re.fullmatch(pattern, text.strip(), re.IGNORECASE | re.DOTALL):
            return found.expand(kind)
    return "UNKNOWN"


def cut(value: str | bytes) -> bytes:
    """A text or blob as osquery carries it: its bytes up to a NUL."""
    return _bytes(value).partition(b"\0")[0]


def _bytes(value: str | bytes) -> bytes:
    if isinstance(value, bytes):
        return value
    data = value.encode("utf-8", "surrogateescape")
    return data.replace(_STAND_IN.encode(), _ODD_BYTE)
