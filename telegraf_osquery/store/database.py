"""One connection to one SQLite file: how it is opened, locked, committed, and what its errors mean.

WAL with ``synchronous=FULL``: a commit that has returned survives a power cut, and a second process
may read while the owner writes. https://www.sqlite.org/wal.html
"""

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import apsw

from telegraf_osquery.errors import ConfigError, StoreBusy, StoreDamaged, TryLaterError

BYTES_MAX = 256 << 20
"""A state file never grows past this; a commit that would need more fails."""
CACHE_KIB = 256
BUSY_MS = 5_000
PAGE = 4096

_DAMAGED = (apsw.CorruptError, apsw.NotADBError)
_BUSY = (apsw.BusyError, apsw.LockedError)
_FORBIDDEN = (apsw.ReadOnlyError, apsw.CantOpenError, apsw.PermissionsError, apsw.AuthError)
_OTHER = (apsw.IOError, apsw.NoMemError, apsw.ProtocolError)


@contextlib.contextmanager
def meaning(path: str) -> Iterator[None]:
    """SQLite's errors inside the block, named by what to do next."""
    try:
        yield
    except _DAMAGED as error:
        raise StoreDamaged(
            f"{path}: damaged ({error}); expected a sound state file; start again: it is set aside "
            f"then, and a new one begun"
        ) from error
    except _BUSY as error:
        raise StoreBusy(f"{path}: another process holds it ({error}); try again") from error
    except apsw.FullError as error:
        raise TryLaterError(
            f"{path}: no room ({error}); expected free space on its disk and less than {BYTES_MAX} "
            f"bytes in the file; make room"
        ) from error
    except _FORBIDDEN as error:
        raise ConfigError(
            f"{path}: cannot be written ({error}); expected a folder and file that this user may "
            f"write, on a disk that is not read-only; correct it or set state_dir"
        ) from error
    except _OTHER as error:
        raise TryLaterError(f"{path}: cannot be read or written ({error}); see the disk") from error


def connect(path: str, *, read_only: bool = False, vfs: str | None = None) -> apsw.Connection:
    """An open connection with the settings of a state file. Raises apsw's errors.

    Args:
        path: the file, or "" for a private temporary database, gone when it is closed.
        read_only: a second process reading the owner's file.
        vfs: another file layer. Python ones have no shared memory, so locking is exclusive there.
    """
    access = apsw.SQLITE_OPEN_READONLY if read_only else apsw.SQLITE_OPEN_READWRITE
    connection = apsw.Connection(path, flags=access | apsw.SQLITE_OPEN_CREATE * (not path), vfs=vfs)
    try:
        connection.set_busy_timeout(BUSY_MS)
        if vfs is not None:
            connection.pragma("locking_mode", "exclusive")
        connection.pragma("cache_size", -CACHE_KIB)
        connection.pragma("mmap_size", 0)
        connection.pragma("trusted_schema", False)
        if not read_only:
            _durable(connection, path)
    except apsw.Error:
        connection.close()
        raise
    return connection


def _durable(connection: apsw.Connection, path: str) -> None:
    mode = connection.pragma("journal_mode", "wal")
    # A temporary database has no second reader and needs no WAL.
    if path and mode != "wal":
        raise apsw.CantOpenError(f"no write-ahead log here, only {mode}")
    connection.pragma("synchronous", "full")
    connection.pragma("wal_autocheckpoint", (1 << 20) // PAGE)
    connection.pragma("journal_size_limit", 1 << 20)
    connection.pragma("max_page_count", BYTES_MAX // PAGE)


class Database:
    """The connection under one lock, since lanes share it; errors come out as ``meaning`` says."""

    def __init__(self, connection: apsw.Connection, path: str) -> None:
        self.path = path
        self._connection = connection
        self._lock = threading.Lock()
        self._open = True

    @contextlib.contextmanager
    def transaction(self) -> Iterator[apsw.Connection]:
        """All or nothing: committed, and synced to disk, when the block has ended. Not nested.

        Raises:
            TryLaterError: closed, busy, no room, damaged.
            ConfigError: read-only.
        """
        with self._locked() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    @contextlib.contextmanager
    def reading(self) -> Iterator[apsw.Connection]:
        """The connection, for SELECTs; raises as ``transaction``."""
        with self._locked() as connection:
            yield connection

    def rows(self, sql: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """The rows of a SELECT; raises as ``transaction``."""
        with self._locked() as connection:
            return list(connection.execute(sql, values))

    def close(self) -> None:
        """Close the connection; may be called twice."""
        with self._lock:
            self._open = False
            self._connection.close()

    @contextlib.contextmanager
    def _locked(self) -> Iterator[apsw.Connection]:
        with self._lock, meaning(self.path):
            # An abandoned lane may come back while the process is leaving.
            if not self._open:
                raise TryLaterError(f"{self.path}: closed; this process is leaving")
            yield self._connection
