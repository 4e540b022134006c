"""A shared cap on how many statements are at work at once; each guard is handed the same one."""

import threading

from telegraf_osquery.clock import Deadline
from telegraf_osquery.errors import QueryTimeout


class Turns:
    """So many turns; 0 is no cap. Made once per process, used by all lanes."""

    def __init__(self, limit: int = 0) -> None:
        self._limit = limit
        self._free = threading.Semaphore(limit) if limit else None

    def turn(self) -> "Turn":
        """A turn for one statement, not taken yet."""
        return Turn(self._free, self._limit)


class Turn:
    """The turn of one statement: taken while it works, given back while its rows are consumed.

    A lane that hangs in its engine never gives its turn back; whoever gives the lane up calls
    ``abandon`` from another thread.
    """

    def __init__(self, free: threading.Semaphore | None, limit: int) -> None:
        self._free = free
        self._limit = limit
        self._lock = threading.Lock()
        self._held = False
        self._abandoned = False

    def take(self, deadline: Deadline) -> None:
        """Wait until it is this statement's turn; waiting counts as work.

        Raises:
            QueryTimeout: the deadline passed before.
        """
        if self._free is None or self._abandoned:
            return
        if not self._free.acquire(timeout=deadline.left()):
            raise QueryTimeout(
                f"the deadline passed while waiting for one of {self._limit} turns; allow more "
                "statements at once, or make the others cheaper"
            )
        with self._lock:
            if not self._abandoned:
                self._held = True
                return
        self._free.release()

    def rest(self) -> None:
        """Give the turn back until it is taken again; may be called twice."""
        with self._lock:
            held, self._held = self._held, False
        if held and self._free is not None:
            self._free.release()

    def abandon(self) -> None:
        """Give the turn back for good."""
        with self._lock:
            self._abandoned = True
        self.rest()
