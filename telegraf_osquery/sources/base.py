"""The contract of a source."""

from collections.abc import Generator
from typing import Protocol

from telegraf_osquery.model.run import Item

Items = Generator[Item, None, None]
"""Items as they are pulled. Whoever stops pulling before the end closes it."""


class Source(Protocol):
    """Emits batches and run ends.

    Its position (last runs, offsets) is saved in the same transaction as the output it belongs to,
    never before.
    """

    def due(self) -> float:
        """Monotonic seconds at which it wants to be asked next; infinity when never."""

    def poll(self, now: float) -> Items:
        """What is ready now. Pulled: between two items the consumer may take its time."""

    def close(self) -> None:
        """Let go of everything; may be called twice."""
