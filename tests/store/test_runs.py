"""Marks of runs: bases, counts, ends."""

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telegraf_osquery.errors import RunClosed
from telegraf_osquery.model.run import MIN_STEP
from telegraf_osquery.store.database import Database, connect
from telegraf_osquery.store.migrations import migrate
from telegraf_osquery.store.runs import Mark
from telegraf_osquery.store.schedule import Execution
from telegraf_osquery.store.state import State

CLOCK = 1_795_000_000_000_000_000


def begin(state: State, clock: int = CLOCK, query: str = "q") -> Mark:
    return state.begin_run("web1", f"osquery_p_{query}", "p", query, clock, "digest")


def in_memory() -> State:
    connection = connect("")
    migrate(connection, "memory")
    return State(Database(connection, "memory"))


def test_first_run(state: State) -> None:
    """The first run of a measurement has number 1, the clock as base and nothing counted."""
    mark = begin(state)
    assert (mark.run, mark.base, mark.rows, mark.span, mark.rows_total) == (1, CLOCK, 0, 0, 0)
    assert (mark.pack, mark.query, mark.sql_digest, mark.outcome) == ("p", "q", "digest", "")


def test_counts(state: State) -> None:
    """Rows add up over batches, the span is the highest, the total goes on over runs."""
    first = begin(state)
    state.commit_rows(first, 500, 500)
    state.commit_rows(first, 20, 520)
    done = state.end_run(first, "ok")
    assert (done.rows, done.span, done.rows_total, done.outcome) == (520, 520, 520, "ok")
    second = begin(state, CLOCK + 60 * MIN_STEP)
    second = state.commit_rows(second, 3, 3)
    assert (second.run, second.rows, second.span, second.rows_total) == (2, 3, 3, 523)


def test_clock_steps_back(state: State) -> None:
    """A clock that steps back a year moves the base one second on, not back."""
    first = begin(state)
    state.end_run(first, "empty")
    assert begin(state, CLOCK - 365 * 86400 * MIN_STEP).base == CLOCK + MIN_STEP


def test_measurements_do_not_touch_each_other(state: State) -> None:
    """Every (host, measurement) has its own numbers."""
    begin(state)
    other = begin(state, query="r")
    host = state.begin_run("web2", "osquery_p_q", "p", "q", CLOCK, "digest")
    assert (other.run, host.run) == (1, 1)


def test_one_open_run(state: State) -> None:
    """A second run of a measurement cannot begin before the first has ended."""
    mark = begin(state)
    with pytest.raises(RunClosed, match="run 1 is still open"):
        begin(state)
    state.end_run(mark, "failed")
    assert begin(state).run == 2


def test_given_up_lane(state: State) -> None:
    """A lane that was given up cannot count into the run that followed, nor end it."""
    hung = begin(state)
    state.end_run(hung, "partial")
    fresh = begin(state)
    for late in (
        lambda: state.commit_rows(hung, 1, 1),
        lambda: state.end_run(hung, "ok"),
        lambda: state.finish(hung, "ok", Execution(CLOCK)),
    ):
        with pytest.raises(RunClosed, match="run 1 is not open"):
            late()
    assert state.open_runs() == [fresh]
    assert state.last_runs() == {}


def test_open_runs_in_order(state: State) -> None:
    """Runs that a kill left open are listed oldest first, with what was committed of them."""
    late, early = begin(state, CLOCK + 5, "late"), begin(state, CLOCK, "early")
    early = state.commit_rows(early, 7, 7)
    assert state.open_runs() == [early, late]
    state.end_run(early, "partial")
    assert state.open_runs() == [late]


def test_threads(state: State) -> None:
    """Lanes that share the state lose no row."""

    def lane(name: str) -> None:
        for number in range(10):
            mark = begin(state, CLOCK + number * 2 * MIN_STEP, name)
            state.commit_rows(mark, 2, 2)
            state.commit_rows(mark, 3, 5)
            state.finish(mark, "ok", Execution(CLOCK, rows=5))

    lanes = [threading.Thread(target=lane, args=(f"q{index}",)) for index in range(4)]
    for thread in lanes:
        thread.start()
    for thread in lanes:
        thread.join()
    assert [(mark.run, mark.rows_total) for mark in state.marks()] == [(10, 50)] * 4
    assert [last.rows for last in state.last_runs().values()] == [50] * 4


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 2),
            st.integers(-(10**11), 10**11),
            st.lists(st.integers(0, 500), max_size=3),
        ),
        max_size=12,
    )
)
def test_numbers_only_grow(history: list[tuple[int, int, list[int]]]) -> None:
    """Over any clock and any runs: bases and totals never go back, run numbers have no gap."""
    state = in_memory()
    last: dict[int, tuple[int, int, int]] = {}
    for query, drift, batches in history:
        mark = begin(state, CLOCK + drift, str(query))
        run, base, total = last.get(query, (0, 0, 0))
        assert mark.run == run + 1
        assert mark.base >= base + MIN_STEP
        for rows in batches:
            mark = state.commit_rows(mark, rows, rows)
        assert mark.rows_total == total + sum(batches)
        last[query] = (mark.run, mark.base, mark.rows_total)
        state.end_run(mark, "ok")
    state.close()
