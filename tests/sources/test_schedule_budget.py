"""Budgets and the denylist."""

from pathlib import Path

import pytest

from telegraf_osquery.errors import QueryTimeout
from telegraf_osquery.packs.pack import Budget
from telegraf_osquery.store.open import try_open
from telegraf_osquery.store.state import State
from telegraf_osquery.telemetry.log import Log
from tests.sources.staged import PIDS, Stage, query, rows


def cost(stage: Stage, *, wall: float = 0.0, cpu: float = 0.0, count: int = 1) -> None:
    """The next runs take this much."""

    def work() -> None:
        stage.clock.advance(wall)
        stage.clock.burn(cpu)

    stage.script(work, rows(count))


def outcome(stage: Stage) -> str:
    """Of the next run, in its slot."""
    stage.later()
    return stage.run()[1].outcome


@pytest.mark.parametrize(
    ("budget", "spent"),
    [
        (Budget(wall_ms=100), {"wall": 0.11}),
        (Budget(cpu_ms=100), {"cpu": 0.11}),
        (Budget(rows=10), {"count": 11}),
    ],
)
class TestOver:
    def test_the_run_stays_and_the_next_are_skipped(
        self, stage: Stage, budget: Budget, spent: dict[str, float]
    ) -> None:
        """Until denylist_for is over; each skipped run has an end with the reason."""
        cost(stage, **spent)  # type: ignore[arg-type]
        stage.schedule(query(budget=budget))
        began = stage.clock.time_ns()
        _, end = stage.run()
        assert end.outcome == "ok"
        assert end.reason.startswith("past its budget: ")
        asked = len(stage.engine.asked)
        stage.later()
        _, skipped = stage.run()
        assert (skipped.outcome, skipped.rows, skipped.run) == ("skipped", 0, 2)
        assert skipped.reason == "on the denylist until 2026-11-18T12:06:40+00:00"
        assert len(stage.engine.asked) == asked
        stage.clock.set_wall(began + 3599 * 10**9)
        assert stage.run()[1].outcome == "skipped"
        assert outcome(stage) == "ok"
        assert stage.counted()["runs_skipped"] == 2

    def test_the_usual_budget_holds_where_the_pack_gives_none(
        self, stage: Stage, budget: Budget, spent: dict[str, float]
    ) -> None:
        """A pack's own number goes before the agent's; 0 is none."""
        stage.budget = budget
        cost(stage, **spent)  # type: ignore[arg-type]
        roomy = Budget(cpu_ms=10_000, wall_ms=10_000, rows=10_000)
        stage.schedule(query(budget=roomy))
        assert stage.run()[1].reason == ""
        stage.schedule(query())
        stage.later()
        assert stage.run()[1].reason
        assert outcome(stage) == "skipped"

    def test_the_pack_may_forbid_it(
        self, stage: Stage, budget: Budget, spent: dict[str, float]
    ) -> None:
        """denylist: false - the run says that it was too dear, and the next one runs."""
        cost(stage, **spent)  # type: ignore[arg-type]
        stage.schedule(query(budget=budget, denylist=False))
        assert stage.run()[1].reason
        assert outcome(stage) == "ok"


def test_at_the_limit_is_not_past_it(stage: Stage) -> None:
    """Exactly as much as allowed is allowed."""
    cost(stage, wall=0.5, cpu=0.25, count=10)
    stage.schedule(query(budget=Budget(cpu_ms=250, wall_ms=500, rows=10)))
    assert stage.run()[1].reason == ""


def test_a_failed_run_can_be_too_dear_as_well(stage: Stage) -> None:
    """Both reasons are told."""
    stage.script(lambda: stage.clock.advance(11), QueryTimeout("cut after 10 s"))
    stage.schedule(query(budget=Budget(wall_ms=1000)))
    _, end = stage.run()
    assert end.outcome == "failed"
    assert end.reason == "cut after 10 s; past its budget: wall_ms 11000 of 1000"
    assert outcome(stage) == "skipped"


class TestHeldBack:
    def dear(self, stage: Stage, sql: str = PIDS) -> None:
        stage.script(rows(5), sql=sql)
        stage.schedule(query(sql=sql, budget=Budget(rows=1)))

    def test_another_sql_lifts_it(self, stage: Stage) -> None:
        """What the old SQL has cost says nothing of the new one."""
        self.dear(stage)
        stage.run()
        stage.schedule(query(sql="SELECT 1 AS one"))
        assert outcome(stage) == "empty"

    def test_another_interval_does_not(self, stage: Stage) -> None:
        """Nor another tag: the SQL counts."""
        self.dear(stage)
        stage.run()
        stage.schedule(query(interval=61, tags=("name",)))
        assert outcome(stage) == "skipped"

    def test_a_pack_that_was_away_for_a_while_is_still_held(self, stage: Stage) -> None:
        """Removing and adding a query is no way around the denylist."""
        self.dear(stage)
        stage.run()
        stage.schedule()
        self.dear(stage)
        assert outcome(stage) == "skipped"

    def test_a_clock_set_back_does_not_hold_it_for_years(self, stage: Stage) -> None:
        """Denylisted under a clock that was wrong: the time counts from now at most."""
        stage.clock.set_wall(4_000_000_000 * 10**9)
        self.dear(stage)
        stage.run()
        stage.clock.set_wall(1_795_000_000 * 10**9)
        stage.later()
        stage.source().due()
        assert outcome(stage) == "skipped"
        stage.clock.advance(3600)
        assert stage.run()[1].outcome == "ok"

    def test_sql_that_changed_while_it_ran_is_not_held(self, stage: Stage) -> None:
        """The dear run was of the old text."""
        new = query(sql="SELECT 1 AS one")
        stage.script(rows(5), lambda: stage.schedule(new))
        stage.schedule(query(budget=Budget(rows=1)))
        assert stage.run()[1].reason
        assert outcome(stage) == "empty"


class TestRestart:
    def open(self, folder: Path) -> State:
        return try_open(str(folder / "input-x.db"), Log(lambda _: None))

    def process(self, folder: Path, later: float, sql: str = PIDS) -> str:
        """One process with this query, so many seconds after the first; the outcome it sees."""
        stage = Stage(self.open(folder))
        stage.clock.advance(later)
        stage.script(rows(5))
        stage.schedule(query(sql=sql, budget=Budget(rows=1)))
        ended = stage.run()[1].outcome
        stage.close()
        return ended

    def test_the_denylist_survives_a_restart(self, tmp_path: Path) -> None:
        """And ends when it would have ended."""
        found = [self.process(tmp_path, later) for later in (0, 120, 3500, 3610)]
        assert found == ["ok", "skipped", "skipped", "ok"]

    def test_lifted_for_another_sql_it_does_not_come_back(self, tmp_path: Path) -> None:
        """The new SQL runs now and after the next restart."""
        other = "SELECT 1 AS one"
        found = [self.process(tmp_path, 0)]
        found += [self.process(tmp_path, later, other) for later in (120, 240)]
        assert found == ["ok", "empty", "empty"]
