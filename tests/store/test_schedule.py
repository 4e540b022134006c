"""What is remembered of scheduled queries."""

import pytest

from telegraf_osquery.errors import RunClosed
from telegraf_osquery.store.open import try_open
from telegraf_osquery.store.schedule import Execution
from telegraf_osquery.store.state import State
from telegraf_osquery.telemetry.log import Log

RUN = ("web1", "osquery_p_q", "p", "q", 10**18, "one")


def test_sums_and_lasts(state: State) -> None:
    """An execution is remembered as the last one and added to the sums."""
    state.record_run("p", "q", "ok", Execution(100, 1.5, 1.0, 10, 1000, "one"))
    state.record_run("p", "q", "empty", Execution(200, 0.5, 0.25, 0, 0, "one"))
    last = state.last_runs()["p", "q"]
    assert (last.last_run, last.outcome, last.executions) == (200, "empty", 2)
    assert (last.rows, last.bytes, last.wall_ms, last.cpu_ms) == (10, 1000, 2.0, 1.25)
    assert (last.last_wall_ms, last.last_cpu_ms) == (0.5, 0.25)


def test_changed_sql(state: State) -> None:
    """Sums begin anew with another SQL: its costs are others."""
    state.record_run("p", "q", "ok", Execution(100, 1.5, 1.0, 10, 1000, "one"))
    state.record_run("p", "q", "ok", Execution(200, 0.5, 0.25, 1, 20, "two"))
    last = state.last_runs()["p", "q"]
    assert (last.executions, last.rows, last.bytes, last.wall_ms) == (1, 1, 20, 0.5)
    assert last.sql_digest == "two"


def test_denylist(state: State) -> None:
    """A query is held back with a reason, also one that has never run, and let go again."""
    state.denylist("p", "never", 500, "used 12 s of CPU")
    state.record_run("p", "q", "ok", Execution(100, sql_digest="one"))
    state.denylist("p", "q", 600, "killed the engine")
    known = state.last_runs()
    assert (known["p", "never"].denylisted_until, known["p", "never"].last_run) == (500, 0)
    assert known["p", "q"].denylist_reason == "killed the engine"
    assert known["p", "q"].executions == 1
    state.denylist("p", "q", 0, "")
    assert state.last_runs()["p", "q"].denylisted_until == 0


def test_forget(state: State) -> None:
    """Queries that are scheduled no more are forgotten; their marks are not."""
    mark = state.begin_run(*RUN)
    state.finish(mark, "ok", Execution(100))
    state.record_run("p", "r", "ok", Execution(100))
    assert state.forget([("p", "r"), ("p", "s")]) == 1
    assert set(state.last_runs()) == {("p", "r")}
    assert state.begin_run(*RUN).run == 2


def test_finish_is_one_transaction(state: State) -> None:
    """Run end, schedule and values are committed together or not at all."""
    mark = state.begin_run(*RUN)
    values = state.state("diff")
    values.set(b"k", b"1")
    done = state.finish(mark, "ok", Execution(100), values)
    assert done.outcome == "ok"
    values.set(b"k", b"2")
    with pytest.raises(RunClosed):
        state.finish(mark, "ok", Execution(200), values)
    assert state.last_runs()["p", "q"].last_run == 100
    assert state.state("diff").get(b"k") == b"1"
    assert values.get(b"k") == b"2"


def test_survives_a_restart(path: str, log: Log) -> None:
    """All of it is there for the next process."""
    state = try_open(path, log)
    state.record_run("p", "q", "ok", Execution(100, 1.5, 1.0, 10, 1000, "one"))
    state.denylist("p", "q", 600, "slow")
    before = state.last_runs()
    state.close()
    state = try_open(path, log)
    assert state.last_runs() == before
    state.close()
