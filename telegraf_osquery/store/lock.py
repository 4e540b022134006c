"""The lock that makes a process the owner of its state file, for life.

A lock on a file of its own, not on the database: SQLite's locks come and go with transactions. The
kernel lets go of it when the process dies, however it dies. The file stays: removing it would let
two processes lock two files of one name.
"""

import os

from telegraf_osquery.errors import ConfigError
from telegraf_osquery.store.place import create


class FileLock:
    """An exclusive lock on ``path`` (flock(2)); the file holds the owner's pid for messages."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._descriptor = -1

    def try_acquire(self) -> bool:
        """Whether this process owns it now; never waits.

        Raises:
            ConfigError: the file cannot be opened, or the file system knows no locks.
        """
        # This module is imported everywhere the store is; the lock itself is POSIX only.
        import fcntl

        if self._descriptor >= 0:
            return True
        descriptor = create(self.path)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        except OSError as error:
            os.close(descriptor)
            raise ConfigError(
                f"{self.path}: cannot be locked ({error.strerror}); expected a local file system; "
                f"set state_dir to a folder on one"
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._descriptor = descriptor
        return True

    def owner(self) -> str:
        """The pid that the owner wrote, ``unknown`` where it has not yet."""
        try:
            with open(self.path, encoding="ascii", errors="replace") as file:
                return file.read(20).strip() or "unknown"
        except OSError:
            return "unknown"

    def release(self) -> None:
        """Let go; may be called twice."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
