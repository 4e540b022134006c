"""A table of keys and values for whoever must remember something between two runs."""

from typing import Protocol

import apsw

from telegraf_osquery.store.database import Database

Writes = dict[bytes, bytes | None]
"""Key to its new value; None deletes it."""


class KeyValues(Protocol):
    """What a processor may know about its state."""

    def get(self, key: bytes) -> bytes | None:
        """The value, None when there is none."""

    def set(self, key: bytes, value: bytes) -> None:
        """Set it; kept only when the caller commits."""

    def delete(self, key: bytes) -> None:
        """Forget it; kept only when the caller commits."""


class Namespace:
    """Keys of one name in the state file; one thread uses one namespace.

    Writes wait in memory until ``State`` commits them with the output they belong to; reads see
    them at once.
    """

    def __init__(self, database: Database, name: str) -> None:
        self.name = name
        self._database = database
        self._writes: Writes = {}

    def get(self, key: bytes) -> bytes | None:
        if key in self._writes:
            return self._writes[key]
        sql = "SELECT value FROM state WHERE namespace = ? AND key = ?"
        rows = self._database.rows(sql, (self.name, key))
        return rows[0][0] if rows else None

    def set(self, key: bytes, value: bytes) -> None:
        self._writes[key] = value

    def delete(self, key: bytes) -> None:
        self._writes[key] = None

    def write(self, connection: apsw.Connection) -> None:
        """Put the waiting writes into the open transaction."""
        pairs = self._writes.items()
        gone = [(self.name, key) for key, value in pairs if value is None]
        kept = [(self.name, key, value) for key, value in pairs if value is not None]
        connection.executemany("DELETE FROM state WHERE namespace = ? AND key = ?", gone)
        connection.executemany("REPLACE INTO state VALUES (?, ?, ?)", kept)

    def forget(self) -> None:
        """Drop the waiting writes: they are committed, or their output is not wanted."""
        self._writes.clear()
