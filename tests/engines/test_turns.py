"""Turns: how many statements are at work at once."""

import threading
from collections.abc import Iterator

import pytest

from telegraf_osquery.clock import Deadline, SystemClock
from telegraf_osquery.engines.base import Answer, Chunk
from telegraf_osquery.engines.guard import Guard, Limits
from telegraf_osquery.engines.turns import Turns
from telegraf_osquery.errors import QueryError, QueryTimeout
from telegraf_osquery.schema.analyze import Analyzer
from telegraf_osquery.schema.tables import load

CLOCK = SystemClock()
SCHEMA = load()
SQL = "SELECT uid FROM users"


def within(seconds: float = 5.0) -> Deadline:
    return Deadline(CLOCK, seconds)


class Engine:
    """Gives two chunks; tells how many of its kind are at work."""

    kind = "embedded"
    fails = False

    def execute(self, sql: str, deadline: Deadline) -> Answer:
        del deadline
        if self.fails:
            raise QueryError("broken", sql=sql)
        return Answer(("uid",), self._chunks())

    def _chunks(self) -> Iterator[Chunk]:
        yield ([1],)
        yield ([2],)

    def tables(self) -> frozenset[str]:
        return frozenset({"users"})

    def limited(self, tables: frozenset[str]) -> frozenset[str]:
        del tables
        return frozenset()

    def close(self) -> None:
        """Nothing is held."""


def guard(turns: Turns, engine: Engine | None = None) -> Guard:
    return Guard(engine or Engine(), Analyzer(SCHEMA, ["users"]), Limits(), turns)


def free(turns: Turns) -> bool:
    turn = turns.turn()
    try:
        turn.take(within(0.01))
    except QueryTimeout:
        return False
    turn.rest()
    return True


def test_a_second_statement_waits_until_its_deadline() -> None:
    """And says what it waited for."""
    turns = Turns(1)
    first = guard(turns).run(SQL, within())
    with pytest.raises(QueryTimeout, match="waiting for one of 1 turns"):
        guard(turns).run(SQL, within(0.05))
    first.close()
    assert sum(map(len, guard(turns).run(SQL, within()))) == 2


def test_a_turn_is_given_back_while_rows_are_consumed() -> None:
    """A slow reader of one answer does not hold up the others."""
    turns = Turns(1)
    first = iter(guard(turns).run(SQL, within()))
    next(first)
    assert free(turns)
    next(first)
    assert free(turns)
    assert next(first, None) is None
    assert free(turns)


def test_a_turn_is_given_back_however_the_answer_ends() -> None:
    """Read to its end, left early, refused by the engine, never read."""
    turns = Turns(1)
    list(guard(turns).run(SQL, within()))
    assert free(turns)
    rows = guard(turns).run(SQL, within())
    next(iter(rows))
    rows.close()
    assert free(turns)
    engine = Engine()
    engine.fails = True
    with pytest.raises(QueryError):
        guard(turns, engine).run(SQL, within())
    assert free(turns)
    guard(turns).run(SQL, within()).close()
    assert free(turns)


def test_a_lane_that_is_given_up_gives_its_turn_back() -> None:
    """From another thread; when it comes back to life it takes none any more."""
    turns = Turns(1)
    stuck = guard(turns)
    rows = stuck.run(SQL, within())
    assert not free(turns)
    stuck.abandon()
    assert free(turns)
    other = turns.turn()
    other.take(within())
    assert sum(map(len, rows)) == 2
    assert not free(turns)
    other.rest()
    assert free(turns)
    stuck.abandon()
    assert free(turns)


def test_without_a_cap_nobody_waits() -> None:
    """0 is no cap, and the default."""
    turns = Turns(0)
    held = [guard(turns).run(SQL, within()) for _ in range(20)]
    assert free(turns)
    for rows in held:
        rows.close()


def test_no_more_than_allowed_are_at_work() -> None:
    """Many threads, three turns: counted inside the engine, which meets one of the others."""
    turns = Turns(3)
    lock = threading.Lock()
    together = threading.Barrier(3)
    working: list[int] = [0, 0]

    class Counting(Engine):
        def _chunks(self) -> Iterator[Chunk]:
            with lock:
                working[0] += 1
                working[1] = max(working)
            together.wait(30)  # three are let in, or nobody goes on
            with lock:
                working[0] -= 1
            yield ([1],)

    def ask() -> None:
        list(guard(turns, Counting()).run(SQL, within(30)))

    threads = [threading.Thread(target=ask) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert working == [0, 3]
