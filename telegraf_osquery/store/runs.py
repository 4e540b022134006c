"""Runs: the last one of every (host, measurement), committed ahead of what is printed.

These functions are called inside a transaction.
"""

import apsw
import msgspec

from telegraf_osquery.errors import RunClosed
from telegraf_osquery.model.run import Outcome, next_base


class Mark(msgspec.Struct, frozen=True):
    """A run as it is committed.

    Attributes:
        run: +1 per run of this measurement; says which run is meant when a mark comes back.
        rows: rows committed so far, at least those printed.
        span: highest offset + 1 of them.
        rows_total: rows of all runs of this measurement, this one included.
        outcome: empty while the run is open.
    """

    host: str
    measurement: str
    pack: str
    query: str
    base: int
    run: int
    rows: int
    span: int
    rows_total: int
    outcome: str
    sql_digest: str


_COLUMNS = ", ".join(Mark.__struct_fields__)
_THIS = f"WHERE host = ? AND measurement = ? AND run = ? AND outcome = '' RETURNING {_COLUMNS}"


def begin(connection: apsw.Connection, new: Mark, clock_ns: int) -> Mark:
    """The next run of ``new``'s measurement, open; ``new`` gives its names and digest.

    Raises:
        RunClosed: the one before is still open: it has rows that no run end has told of.
    """
    last = _last(connection, new.host, new.measurement)
    if last is not None and not last.outcome:
        raise RunClosed(f"{new.measurement}: run {last.run} is still open; end it first")
    mark = msgspec.structs.replace(
        new,
        base=next_base(clock_ns, last.base if last else 0),
        run=last.run + 1 if last else 1,
        rows_total=last.rows_total if last else 0,
    )
    holes = ", ".join("?" * len(Mark.__struct_fields__))
    values = msgspec.structs.astuple(mark)
    connection.execute(f"REPLACE INTO run ({_COLUMNS}) VALUES ({holes})", values)
    return mark


def add_rows(connection: apsw.Connection, mark: Mark, rows: int, span: int) -> Mark:
    """``rows`` more rows that reach up to ``span``; raises as ``end``."""
    change = "rows = rows + ?, rows_total = rows_total + ?, span = max(span, ?)"
    return _change(connection, mark, change, (rows, rows, span))


def end(connection: apsw.Connection, mark: Mark, outcome: Outcome) -> Mark:
    """The run, closed.

    Raises:
        RunClosed: it is closed already (its lane was given up) or never was.
    """
    return _change(connection, mark, "outcome = ?", (outcome,))


def still_open(connection: apsw.Connection) -> list[Mark]:
    """The runs that nobody has ended, oldest first."""
    sql = f"SELECT {_COLUMNS} FROM run WHERE outcome = '' ORDER BY base"
    return [Mark(*row) for row in connection.execute(sql)]


def latest(connection: apsw.Connection) -> list[Mark]:
    """The last run of every (host, measurement)."""
    sql = f"SELECT {_COLUMNS} FROM run ORDER BY host, measurement"
    return [Mark(*row) for row in connection.execute(sql)]


def _last(connection: apsw.Connection, host: str, measurement: str) -> Mark | None:
    sql = f"SELECT {_COLUMNS} FROM run WHERE host = ? AND measurement = ?"
    return next((Mark(*row) for row in connection.execute(sql, (host, measurement))), None)


def _change(
    connection: apsw.Connection, mark: Mark, change: str, values: tuple[int | str, ...]
) -> Mark:
    this = (mark.host, mark.measurement, mark.run)
    for row in connection.execute(f"UPDATE run SET {change} {_THIS}", (*values, *this)):
        return Mark(*row)
    raise RunClosed(f"{mark.measurement}: run {mark.run} is not open; its lane was given up")
