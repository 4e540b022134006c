"""The program with an engine that misbehaves: `python -m tests.fakes.agent execd input …`.

Everything but the tables is the real thing. Beside osquery's tables it knows

* ``hostile``: endless hostile rows (see ``hostile``);
* ``slow``: a row every 20 ms, for ever;
* ``hung``: never answers and looks at no deadline, like a dead mount;
* ``dying``: two rows, then the engine is dead for two statements.
"""

import itertools
import select
import sys
import threading
from collections.abc import Iterator, Sequence
from typing import Any

from telegraf_osquery.clock import Clock, Deadline
from telegraf_osquery.engines.base import Answer, Chunk
from telegraf_osquery.engines.choose import Choice, OwnRows, Places, Warn
from telegraf_osquery.engines.embedded import Embedded
from telegraf_osquery.engines.embedded_tables.ask import Ask, Table
from telegraf_osquery.errors import EngineUnavailable
from telegraf_osquery.runtime import collect, execd_input
from telegraf_osquery.schema.spec import RELEASE
from telegraf_osquery.schema.tables import Schema
from tests.fakes import hostile

LINES = (hostile.SCHEMA_LINE, "slow l seq:B", "hung l seq:B", "dying l seq:B")


def _hostile(ask: Ask) -> Iterator[Sequence[Any]]:
    return hostile.rows(int(ask.equal.get("seed", 1)))


def _slow(_ask: Ask) -> Iterator[Sequence[Any]]:
    for seq in itertools.count():
        select.poll().poll(20)
        yield (seq,)


def _hung(_ask: Ask) -> Iterator[Sequence[Any]]:
    threading.Event().wait()
    yield (0,)


def _dying(_ask: Ask) -> Iterator[Sequence[Any]]:
    return iter([(0,), (1,)])


TABLES = {
    "hostile": Table(hostile.NAMES, _hostile),
    "slow": Table(("seq",), _slow),
    "hung": Table(("seq",), _hung),
    "dying": Table(("seq",), _dying),
}


class MortalEngine:
    """The embedded engine, which can die."""

    kind = "embedded"

    def __init__(self, schema: Schema, clock: Clock) -> None:
        self._inner = Embedded(schema, clock, tables=TABLES)
        self._dead = 0

    def execute(self, sql: str, deadline: Deadline) -> Answer:
        if self._dead:
            self._dead -= 1
            raise EngineUnavailable("the engine has died")
        answer = self._inner.execute(sql, deadline)
        return Answer(answer.names, self._last_words(answer)) if "dying" in sql else answer

    def _last_words(self, answer: Answer) -> Iterator[Chunk]:
        yield from answer.chunks
        self._dead = 2
        raise EngineUnavailable("the engine has died")

    def tables(self) -> frozenset[str]:
        return self._inner.tables()

    def limited(self, tables: frozenset[str]) -> frozenset[str]:
        return self._inner.limited(tables)

    def close(self) -> None:
        self._inner.close()


def choose(
    _setting: str,
    schema: Schema,
    clock: Clock,
    _warn: Warn,
    _schedule: OwnRows,
    _places: Places,
) -> Choice:
    """Stands in for engines.choose; the schema learns the odd tables."""
    schema._text += "".join(f"{line}\n" for line in LINES)
    return Choice("embedded", "for tests", RELEASE, lambda: MortalEngine(schema, clock))


def main(words: Sequence[str]) -> int:
    if words[0] == "collect":
        return collect.main(words[1:], choose)
    return execd_input.main(words[2:], choose)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
