"""The contract of an engine."""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import msgspec

from telegraf_osquery.clock import Deadline

Chunk = Sequence[Sequence[Any]]
"""At most 500 rows, held by column in the order of ``Answer.names``. Cells are raw: text as
osquery writes it (``""`` for absent numbers), or native str, int, float, bytes, None. The guard
types them."""


class Answer(msgspec.Struct):
    """What an engine gives for one statement: names at once, chunks as they are pulled.

    ``chunks`` raises QueryError, QueryTimeout or EngineUnavailable where the answer breaks off;
    what came before stays valid (the run is then ``partial``). Closing the iterator ends the query.
    """

    names: tuple[str, ...]
    chunks: Iterator[Chunk]


class Engine(Protocol):
    """Answers one statement at a time; one engine serves one lane (no locks inside)."""

    @property
    def kind(self) -> str:
        """``socket``, ``process`` or ``embedded``."""

    def execute(self, sql: str, deadline: Deadline) -> Answer:
        """Run one statement that the guard has allowed.

        Time the consumer spends between two chunks stands outside the deadline (it is paused).

        Raises:
            EngineUnavailable: not reachable, or died; the next call may work.
            QueryError: the statement cannot be answered.
            QueryTimeout: the deadline passed.
        """

    def tables(self) -> frozenset[str]:
        """Names of the tables this engine can answer from now."""

    def limited(self, tables: frozenset[str]) -> frozenset[str]:
        """Those of ``tables`` that show less than all with the rights this process has."""

    def close(self) -> None:
        """Let go of everything; may be called twice."""
