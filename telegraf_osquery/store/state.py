"""The state of one process instance: its runs, its schedule, its keys and values.

Every method that changes something has committed it, synced to disk, when it returns. All may be
called from any thread.

Raises, everywhere: StoreBusy and other TryLaterErrors (no room, damaged, closed), ConfigError
(read-only), RunClosed where a mark is of a run that is over.
"""

import contextlib
import os
import threading
from collections.abc import Callable, Collection, Iterator

import apsw

from telegraf_osquery.errors import ConfigError, TryLaterError
from telegraf_osquery.model.run import Outcome
from telegraf_osquery.store import runs, schedule
from telegraf_osquery.store.database import Database
from telegraf_osquery.store.namespace import Namespace
from telegraf_osquery.store.runs import Mark
from telegraf_osquery.store.schedule import Execution, Key, Last

_KEEP_MOMENT = "REPLACE INTO moment VALUES (?, ?)"


class Reader:
    """What a second process may ask of a state file while its owner works."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def path(self) -> str:
        return self._database.path

    def last_runs(self) -> dict[Key, Last]:
        """What is remembered of every scheduled query, by pack and query."""
        with self._database.reading() as connection:
            return schedule.last_runs(connection)

    def open_runs(self) -> list[Mark]:
        """Runs without an end, oldest first: cut by a kill when asked at start."""
        with self._database.reading() as connection:
            return runs.still_open(connection)

    def marks(self) -> list[Mark]:
        """The last run of every measurement."""
        with self._database.reading() as connection:
            return runs.latest(connection)

    def close(self) -> None:
        """Let go of the file; may be called twice."""
        self._database.close()


class State(Reader):
    """The owner's view."""

    def __init__(self, database: Database, release: Callable[[], None] = lambda: None) -> None:
        """``release`` gives up ownership; called when the file is closed."""
        super().__init__(database)
        self._release = release
        self._moments: dict[str, int] = dict(database.rows("SELECT kind, time FROM moment"))
        self._new_moments: dict[str, int] = {}
        self._moments_lock = threading.Lock()

    # --- runs ---

    def begin_run(
        self, host: str, measurement: str, pack: str, query: str, clock_ns: int, sql_digest: str
    ) -> Mark:
        """Open the next run; base and run number are committed."""
        new = Mark(host, measurement, pack, query, 0, 0, 0, 0, 0, "", sql_digest)
        with self._transaction() as connection:
            return runs.begin(connection, new, clock_ns)

    def commit_rows(self, mark: Mark, rows: int, span: int) -> Mark:
        """Count ``rows`` more rows of this run, before they are printed.

        ``span`` is the highest offset of them + 1. A kill between this and the printing leaves rows
        counted that nobody saw: whoever reads the run ends sees them as lost, which they are.
        """
        with self._transaction() as connection:
            return runs.add_rows(connection, mark, rows, span)

    def end_run(self, mark: Mark, outcome: Outcome) -> Mark:
        """Close a run; returns it with its final counts, for the run end."""
        with self._transaction() as connection:
            return runs.end(connection, mark, outcome)

    def finish(self, mark: Mark, outcome: Outcome, ran: Execution, *namespaces: Namespace) -> Mark:
        """``end_run``, ``record_run`` and ``commit`` in one transaction."""
        with self._transaction(*namespaces) as connection:
            schedule.record(connection, (mark.pack, mark.query), outcome, ran)
            return runs.end(connection, mark, outcome)

    # --- schedule ---

    def record_run(self, pack: str, query: str, outcome: Outcome, ran: Execution) -> None:
        """Remember an execution that made no run (refused, skipped)."""
        with self._transaction() as connection:
            schedule.record(connection, (pack, query), outcome, ran)

    def denylist(self, pack: str, query: str, until_ns: int, reason: str) -> None:
        """Hold a query back until ``until_ns`` (wall clock); 0 lets it go."""
        with self._transaction() as connection:
            schedule.denylist(connection, (pack, query), until_ns, reason)

    def forget(self, except_for: Collection[Key]) -> int:
        """Drop the schedule's memory of other queries; returns how many.

        Their marks stay: a pack that comes back must not repeat a base.
        """
        with self._transaction() as connection:
            return schedule.forget(connection, except_for)

    # --- the rest ---

    def instance(self) -> str:
        """The UUID of this state file, made once."""
        with self._transaction() as connection:
            row = connection.execute("SELECT value FROM meta WHERE key = 'instance'").fetchone()
            if row is not None:
                return str(row[0], "ascii")
            made = _uuid(os.urandom(16))
            connection.execute("INSERT INTO meta VALUES ('instance', ?)", (made.encode(),))
            return made

    def next_time(self, kind: str, clock_ns: int) -> int:
        """max(clock, the last one given + 1): the time of a point that must not repeat another's.

        It reaches the disk with the next commit, not before. That is enough: a run end asks for its
        time before the commit that closes its run, and is printed after it. ``osquery_self`` may be
        printed with a time that is not on disk yet; to repeat it, the process must be killed before
        its next commit and the clock set back to that very nanosecond.
        """
        with self._moments_lock:
            time = max(clock_ns, self._moments.get(kind, 0) + 1)
            self._moments[kind] = self._new_moments[kind] = time
            return time

    def state(self, namespace: str) -> Namespace:
        """Keys and values under this name."""
        return Namespace(self._database, namespace)

    def commit(self, *namespaces: Namespace) -> None:
        """Commit the waiting writes of all these together."""
        with self._transaction(*namespaces):
            pass

    def close(self) -> None:
        """Close the file and give up ownership; may be called twice."""
        # Only the newest moments wait, and their loss is harmless (next_time): a full disk must not
        # keep the process from leaving.
        with contextlib.suppress(TryLaterError, ConfigError):
            if self._new_moments:
                self.commit()
        super().close()
        self._release()

    @contextlib.contextmanager
    def _transaction(self, *namespaces: Namespace) -> Iterator[apsw.Connection]:
        with self._moments_lock:
            moments = dict(self._new_moments)
        with self._database.transaction() as connection:
            yield connection
            for namespace in namespaces:
                namespace.write(connection)
            if moments:
                connection.executemany(_KEEP_MOMENT, moments.items())
        for namespace in namespaces:
            namespace.forget()
        with self._moments_lock:
            for kind, time in moments.items():
                if self._new_moments.get(kind) == time:
                    del self._new_moments[kind]


def _uuid(random: bytes) -> str:
    """A version 4 UUID of 16 random bytes (RFC 9562 section 5.4)."""
    digits = bytearray(random)
    digits[6] = digits[6] & 0x0F | 0x40
    digits[8] = digits[8] & 0x3F | 0x80
    text = digits.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
