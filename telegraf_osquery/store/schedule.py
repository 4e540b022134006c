"""The schedule: what the last execution of every scheduled query was and cost.

These functions are called inside a transaction.
"""

from collections.abc import Collection

import apsw
import msgspec

from telegraf_osquery.model.run import Outcome

Key = tuple[str, str]
"""Pack and query."""


class Execution(msgspec.Struct, frozen=True):
    """What one execution was: wall clock of its start in ns, what it cost and gave."""

    time_ns: int
    wall_ms: float = 0.0
    cpu_ms: float = 0.0
    rows: int = 0
    bytes: int = 0
    sql_digest: str = ""


class Last(msgspec.Struct, frozen=True):
    """What is known of a scheduled query; sums are over ``executions`` of the same SQL.

    Attributes:
        last_run: wall clock in ns, 0 when it has not run.
        outcome: of the last execution.
        denylisted_until: wall clock in ns, 0 when it is not denylisted.
    """

    sql_digest: str
    last_run: int
    outcome: str
    executions: int
    rows: int
    bytes: int
    last_wall_ms: float
    last_cpu_ms: float
    wall_ms: float
    cpu_ms: float
    denylisted_until: int
    denylist_reason: str


_COLUMNS = ", ".join(Last.__struct_fields__)
# Costs of another SQL under the same name say nothing of this one: the sums begin anew.
_RECORD = """
INSERT INTO schedule (pack, query, sql_digest, last_run, outcome, last_wall_ms, last_cpu_ms,
                      executions, rows, bytes, wall_ms, cpu_ms)
VALUES (:pack, :query, :digest, :time, :outcome, :wall, :cpu, 1, :rows, :bytes, :wall, :cpu)
ON CONFLICT (pack, query) DO UPDATE SET
  last_run = :time, outcome = :outcome, last_wall_ms = :wall, last_cpu_ms = :cpu,
  executions = executions * (sql_digest = :digest) + 1,
  rows = rows * (sql_digest = :digest) + :rows,
  bytes = bytes * (sql_digest = :digest) + :bytes,
  wall_ms = wall_ms * (sql_digest = :digest) + :wall,
  cpu_ms = cpu_ms * (sql_digest = :digest) + :cpu,
  sql_digest = :digest
"""
_DENYLIST = """
INSERT INTO schedule (pack, query, denylisted_until, denylist_reason) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (pack, query) DO UPDATE SET denylisted_until = ?3, denylist_reason = ?4
"""


def record(connection: apsw.Connection, key: Key, outcome: Outcome, ran: Execution) -> None:
    """Remember an execution."""
    values = {
        "pack": key[0],
        "query": key[1],
        "digest": ran.sql_digest,
        "time": ran.time_ns,
        "outcome": outcome,
        "wall": ran.wall_ms,
        "cpu": ran.cpu_ms,
        "rows": ran.rows,
        "bytes": ran.bytes,
    }
    connection.execute(_RECORD, values)


def denylist(connection: apsw.Connection, key: Key, until_ns: int, reason: str) -> None:
    """Hold a query back until then; 0 lets it go."""
    connection.execute(_DENYLIST, (*key, until_ns, reason))


def last_runs(connection: apsw.Connection) -> dict[Key, Last]:
    """Everything remembered."""
    rows = connection.execute(f"SELECT pack, query, {_COLUMNS} FROM schedule")
    return {(pack, query): Last(*rest) for pack, query, *rest in rows}


def forget(connection: apsw.Connection, except_for: Collection[Key]) -> int:
    """Drop what is remembered of queries that are no longer scheduled; returns how many."""
    keep = set(except_for)
    known = list(connection.execute("SELECT pack, query FROM schedule"))
    gone = [key for key in known if key not in keep]
    connection.executemany("DELETE FROM schedule WHERE pack = ? AND query = ?", gone)
    return len(gone)
