"""A collecting process put together: over pack files, a state file and an engine that is told."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from telegraf_osquery.engines.base import Engine
from telegraf_osquery.engines.choose import NOTHING, Choice, OwnRows
from telegraf_osquery.errors import EngineUnavailable, PackError, TryLaterError
from telegraf_osquery.model.batch import Batch
from telegraf_osquery.model.run import Item, RunEnd
from telegraf_osquery.packs.library import Library
from telegraf_osquery.packs.pack import Budget
from telegraf_osquery.runtime.collecting import Collecting
from telegraf_osquery.runtime.settings import CollectSettings
from telegraf_osquery.schema.analyze import Analyzer
from telegraf_osquery.store.open import throw_away, try_open
from telegraf_osquery.store.state import State
from telegraf_osquery.telemetry.counters import METRICS, Counters, fields
from telegraf_osquery.telemetry.health import FIELDS
from telegraf_osquery.telemetry.instruments import Instruments
from telegraf_osquery.telemetry.log import Log
from tests.fakes.clock import ManualClock
from tests.sources.staged import SCHEMA, ScriptedEngine, rows

PIDS = "SELECT pid, name FROM processes"


class Kit:
    """What a collecting process is made of."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = ManualClock()
        self.lines: list[bytes] = []
        self.counters = Counters()
        self.instruments = Instruments(self.clock, Log(self.lines.append), self.counters)
        self.analyzer = Analyzer(SCHEMA)
        self.engine = ScriptedEngine(self.analyzer)
        self.own: OwnRows = NOTHING
        self.missing = False
        self.settings: dict[str, Any] = {}
        self.pack({"q": PIDS})
        self.states: list[State] = []

    def pack(self, queries: dict[str, Any], **more: Any) -> None:
        entries = {
            name: {"interval": 60, **(value if isinstance(value, dict) else {"query": value})}
            for name, value in queries.items()
        }
        (self.folder / "p.conf").write_text(json.dumps({"queries": entries, **more}))

    def choose(self, *asked: Any) -> Choice:
        self.own = asked[4]

        def make() -> Engine:
            if self.missing:
                raise EngineUnavailable("no engine")
            return self.engine

        return Choice("embedded", "told so", "5.23.1", make)

    def state(self) -> State:
        made = try_open(str(self.folder / "state" / "input-x.db"), self.instruments.log)
        self.states.append(made)
        return made

    def collecting(self, state: State | None = None, *, trial: bool = False) -> Collecting:
        settings = CollectSettings(packs=(str(self.folder / "p.conf"),), host="h", **self.settings)
        made = state or self.state()
        return Collecting(settings, made, self.instruments, trial=trial, engines=self.choose)

    def poll(self, collecting: Collecting) -> list[Item]:
        source = collecting._source()
        return list(source.poll(self.clock.monotonic()))

    def close(self) -> None:
        for state in self.states:
            state.close()
        self.analyzer.close()


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[Kit]:
    made = Kit(tmp_path)
    yield made
    made.close()


class TestLeftovers:
    def cut(self, kit: Kit) -> None:
        """A process that is killed while it runs ``q`` for the second time."""
        kit.engine.scripts[PIDS] = [rows(3)]
        state = kit.state()
        collecting = kit.collecting(state)
        kit.poll(collecting)
        kit.clock.advance(120)
        poll = collecting._source().poll(0)
        assert isinstance(next(poll), Batch)
        poll.close()
        state.close()

    def test_a_cut_run_is_closed_by_the_next_process(self, kit: Kit) -> None:
        """partial, with the rows that were counted; then the query runs again at once."""
        self.cut(kit)
        kit.clock.advance(1)
        collecting = kit.collecting()
        assert not collecting.settled()
        ends = [item for item in kit.poll(collecting) if isinstance(item, RunEnd)]
        assert [(end.run, end.outcome, end.rows_total) for end in ends] == [
            (2, "partial", 6),
            (3, "ok", 9),
        ]
        assert collecting.settled()
        assert "cut" in ends[0].reason

    def test_also_where_it_had_been_called_ahead_of_its_time(self, kit: Kit) -> None:
        """A run that --once had asked for and that was cut is due at the next start."""
        kit.engine.scripts[PIDS] = [rows(3)]
        for trial in (False, True):
            state = kit.state()
            poll = kit.collecting(state, trial=trial)._source().poll(0)
            items = [next(poll) for _ in range(1 if trial else 2)]
            if not trial:
                assert next(poll, None) is None
            assert isinstance(items[0], Batch)
            poll.close()
            state.close()
            kit.clock.advance(1)
        ends = [item for item in kit.poll(kit.collecting()) if isinstance(item, RunEnd)]
        assert [end.outcome for end in ends] == ["partial", "ok"]

    def test_a_recent_run_is_not_repeated(self, kit: Kit) -> None:
        """After a clean end nothing is due, and there is nothing to close."""
        state = kit.state()
        kit.poll(kit.collecting(state))
        state.close()
        kit.clock.advance(5)
        collecting = kit.collecting()
        assert kit.poll(collecting) == []
        assert collecting.settled()

    def test_a_state_file_that_cannot_be_written_does_not_stop_the_start(
        self, kit: Kit, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The end is told again before the query's next run."""
        self.cut(kit)

        def full(*_args: object) -> None:
            raise TryLaterError("x.db: no room")

        collecting = kit.collecting()
        with monkeypatch.context() as broken:
            broken.setattr(State, "end_run", full)
            kit.poll(collecting)
        assert collecting.settled()
        kit.clock.advance(120)
        ends = [item for item in kit.poll(collecting) if isinstance(item, RunEnd)]
        assert [(end.run, end.outcome) for end in ends] == [(2, "partial"), (3, "ok")]


class TestOwnPoint:
    def test_every_counter_is_a_field_and_no_field_is_undocumented(self, kit: Kit) -> None:
        """Also those that are still 0: a field that comes and goes cannot be charted."""
        point = kit.collecting().self_point()
        names = [column.name for column in point.columns]
        counters = [field for metric in METRICS for field in fields(metric)]
        assert set(counters) <= set(names)
        assert set(names) - set(counters) <= set(FIELDS)
        assert len(names) == len(set(names))
        page = Path("docs/reference/measurements.md").read_text()
        assert not [name for name in names if f"`{name}`" not in page]

    def test_it_has_a_time_of_its_own(self, kit: Kit) -> None:
        """Strictly growing, also within one instant; tags say the host alone."""
        collecting = kit.collecting()
        points = [collecting.self_point() for _ in range(3)]
        times = [point.times()[0] for point in points]
        assert times == sorted(set(times))
        assert points[0].measurement == "osquery_self"
        assert points[0].tags == (("host", "h"),)

    def test_gauges_show_the_state_of_things(self, kit: Kit) -> None:
        """Packs, queries, those on the denylist, lost log lines."""
        kit.settings["budget"] = Budget(rows=1)
        kit.engine.scripts[PIDS] = [rows(3)]
        collecting = kit.collecting()
        kit.poll(collecting)
        kit.instruments.log.lost = 4
        point = collecting.self_point()
        cells = {c.name: point.rows.values(i)[0] for i, c in enumerate(point.columns)}
        assert (cells["packs"], cells["queries"], cells["queries_denylisted"]) == (1, 1, 1)
        assert cells["log_lines_lost"] == 4
        assert cells["runs_ok"] == 1


class TestTrial:
    def test_everything_is_due_and_nothing_is_remembered(self, kit: Kit) -> None:
        """On a copy of the state: runs are numbered on from the real ones, which stay."""
        state = kit.state()
        kit.poll(kit.collecting(state))
        state.close()
        copy = throw_away(str(kit.folder / "state" / "input-x.db"), kit.instruments.log)
        kit.states.append(copy)
        (end,) = kit.poll(kit.collecting(copy, trial=True))
        assert isinstance(end, RunEnd)
        assert end.run == 2
        assert [mark.run for mark in kit.state().marks()] == [1]

    def test_ticks_are_not_waited_for(self, kit: Kit) -> None:
        """A trial under trigger = tick runs at once; otherwise the first tick starts it."""
        kit.settings["trigger"] = "tick"
        assert not kit.collecting().plan.pending()
        for state in kit.states:
            state.close()
        assert kit.collecting(trial=True).plan.pending()


class TestPacks:
    def test_changed_ones_are_taken_over(self, kit: Kit) -> None:
        """Queries and decorators; what is unchanged is not read again."""
        collecting = kit.collecting()
        assert not collecting.refresh()
        kit.pack({"q": PIDS, "another": "SELECT 1 AS one"})
        assert collecting.refresh()
        assert any(b"2 queries" in line for line in kit.lines)
        names = [end.query for end in kit.poll(collecting) if isinstance(end, RunEnd)]
        assert sorted(names) == ["another", "q"]

    def test_a_folder_that_cannot_be_listed_is_told_once(
        self, kit: Kit, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The schedule goes on with the packs it has."""
        collecting = kit.collecting()

        def refused(_library: Library) -> bool:
            raise PermissionError(13, "Permission denied", "/etc/packs")

        monkeypatch.setattr(Library, "changed", refused)
        kit.lines.clear()
        assert not collecting.refresh()
        assert not collecting.refresh()
        assert len(kit.lines) == 1
        assert collecting.plan.pending()

    def test_an_invalid_one_at_the_start_is_an_error(self, kit: Kit) -> None:
        """Nothing to run and nothing to fall back to."""
        (kit.folder / "p.conf").write_text("{ broken")
        with pytest.raises(PackError, match=r"p\.conf"):
            kit.collecting()

    def test_a_decorator_that_fails_is_told_once(self, kit: Kit) -> None:
        """However many queries it was to be added to."""
        text = {"schedule": {"q": {"query": PIDS, "interval": 60}}, "decorators": {"load": ["x"]}}
        (kit.folder / "p.conf").write_text(json.dumps(text))
        kit.engine.scripts[PIDS] = [rows(1)]
        collecting = kit.collecting()
        for _ in range(3):
            kit.poll(collecting)
            kit.clock.advance(120)
        assert len([line for line in kit.lines if b"decorator" in line]) == 1


def test_osquery_schedule_shows_what_is_scheduled(kit: Kit) -> None:
    """Names as osqueryd writes them, and what each has cost."""
    kit.engine.scripts[PIDS] = [lambda: kit.clock.advance(0.5), rows(2)]
    collecting = kit.collecting()
    kit.poll(collecting)
    assert [tuple(row) for row in kit.own["osquery_packs"]()] == [("p", "", "", 0, 0, 0, 1)]
    (row,) = kit.own["osquery_schedule"]()
    assert tuple(row)[:6] == (
        "pack_p_q",
        PIDS,
        60,
        1,
        1_795_000_000,
        0,
    )
    assert tuple(row)[7] == 500.0


def test_a_lane_without_an_engine_says_so(kit: Kit) -> None:
    """The factory's reason is the lane's."""
    kit.missing = True
    lane = kit.collecting().make_lane(lambda _item: None, lambda: None)
    lane.start()
    assert lane.join(10)
    assert isinstance(lane.error, EngineUnavailable)
