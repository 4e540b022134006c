"""Which queries are in the plan: files, the host, and what discovery finds."""

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from telegraf_osquery.errors import EngineUnavailable, QueryError, QueryRefused, QueryTimeout
from telegraf_osquery.packs.library import Library
from telegraf_osquery.packs.pack import Finding
from telegraf_osquery.packs.select import DISCOVERY_SECONDS, Host
from telegraf_osquery.sources.plan import Plan
from telegraf_osquery.sources.selection import RETRY_SECONDS, Selection
from telegraf_osquery.store.schedule import Key, Last
from tests.fakes.clock import ManualClock

YES, NO = "SELECT 1 AS yes", "SELECT 1 AS no WHERE 0"


class Setup:
    """A selection over pack files in a folder, and lanes that ask."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = ManualClock()
        self.findings: list[Finding] = []
        self.plan = Plan("web-1")
        self.asked: list[str] = []
        self.answers: dict[str, int | Exception | Callable[[], int]] = {YES: 1, NO: 0}
        self.last: dict[Key, Last] = {}

    def pack(self, name: str, *queries: str, discovery: tuple[str, ...] = (), **more: Any) -> None:
        """The file of this pack; its modification time differs from the one before."""
        path = self.folder / f"{name}.conf"
        entries = {query: {"query": "SELECT 1 AS one", "interval": 60} for query in queries}
        text = json.dumps({"discovery": list(discovery), "queries": entries, **more})
        path.write_text(text + " " * (path.stat().st_size if path.exists() else 0))

    def load(self) -> Selection:
        self.selection = Selection(
            Library([str(self.folder)]),
            Host("linux", "5.23.1", "web-1"),
            self.plan,
            self.clock,
            self.findings.append,
        )
        self.selection.load(self.last)
        return self.selection

    def ask(self, sql: str) -> int:
        self.asked.append(sql)
        answer = self.answers[sql]
        if isinstance(answer, Exception):
            raise answer
        return answer() if callable(answer) else answer

    def discover(self) -> None:
        self.selection.discover(self.ask)

    def names(self) -> list[str]:
        return sorted(f"{pack}.{query}" for pack, query in (e.key for e in self.plan.entries()))


@pytest.fixture
def setup(tmp_path: Path) -> Setup:
    return Setup(tmp_path)


class TestDiscovery:
    def test_a_pack_runs_where_each_query_finds_something(self, setup: Setup) -> None:
        """Until it was asked the pack is not in the plan, and the round is open."""
        setup.pack("plain", "a")
        setup.pack("found", "b", discovery=(YES, YES))
        setup.pack("missing", "c", discovery=(YES, NO))
        selection = setup.load()
        assert setup.names() == ["plain.a"]
        assert setup.plan.pending()
        assert selection.due() <= setup.clock.monotonic()
        setup.discover()
        assert setup.names() == ["found.b", "plain.a"]
        assert selection.due() == pytest.approx(setup.clock.monotonic() + DISCOVERY_SECONDS, abs=2)

    def test_the_round_ends_when_all_has_run(self, setup: Setup) -> None:
        """What discovery added belongs to the first round."""
        setup.pack("found", "b", discovery=(YES,))
        setup.load()
        setup.discover()
        entry = setup.plan.take(setup.clock.time_ns())
        assert entry is not None
        assert setup.plan.pending()
        setup.plan.done(entry, setup.clock.time_ns())
        assert not setup.plan.pending()

    def test_a_round_with_nothing_found_is_over(self, setup: Setup) -> None:
        """No pack of this host: the process has nothing to wait for, and asks again in an hour."""
        setup.pack("missing", "c", discovery=(NO,))
        selection = setup.load()
        setup.discover()
        assert not setup.plan.pending()
        assert setup.plan.next_due_ns(setup.clock.time_ns()) is None
        setup.clock.advance(selection.due() - setup.clock.monotonic())
        setup.answers[NO] = 1
        setup.discover()
        assert setup.names() == ["missing.c"]

    def test_a_verdict_holds_for_an_hour(self, setup: Setup) -> None:
        """Then it is asked again, and a pack that lost its reason leaves the plan."""
        setup.pack("found", "b", discovery=(YES,))
        setup.load()
        setup.discover()
        setup.answers[YES] = 0
        setup.clock.advance(DISCOVERY_SECONDS - 1)
        setup.discover()
        assert (setup.asked, setup.names()) == ([YES], ["found.b"])
        setup.clock.advance(3)
        setup.discover()
        assert (setup.asked, setup.names()) == ([YES, YES], [])

    @pytest.mark.parametrize("error", [QueryError("x"), QueryRefused("x"), QueryTimeout("x")])
    def test_one_that_fails_keeps_the_pack_out(self, setup: Setup, error: Exception) -> None:
        """With one warning, and the round goes on."""
        setup.pack("broken", "b", discovery=(YES,))
        setup.answers[YES] = error
        setup.load()
        setup.discover()
        assert setup.names() == []
        assert not setup.plan.pending()
        assert [finding.pack for finding in setup.findings] == ["broken"]

    def test_without_an_engine_it_is_asked_again_soon(self, setup: Setup) -> None:
        """An engine that is away decides nothing, and holds the round open for nobody."""
        setup.pack("found", "b", discovery=(YES,))
        setup.answers[YES] = EngineUnavailable("gone")
        selection = setup.load()
        setup.discover()
        assert not setup.plan.pending()
        assert selection.due() == setup.clock.monotonic() + RETRY_SECONDS
        setup.clock.advance(RETRY_SECONDS)
        setup.answers[YES] = 1
        setup.discover()
        assert setup.names() == ["found.b"]
        setup.clock.advance(DISCOVERY_SECONDS + 2)
        setup.answers[YES] = EngineUnavailable("gone")
        setup.discover()
        assert setup.names() == ["found.b"]

    def test_packs_of_other_hosts_are_not_asked(self, setup: Setup) -> None:
        """Platform, version and shard come first."""
        setup.pack("windows", "b", discovery=(YES,), platform="windows")
        setup.pack("newer", "b", discovery=(YES,), version="99.0")
        setup.pack("plain", "a")
        selection = setup.load()
        assert selection.due() == float("inf")
        setup.discover()
        assert (setup.asked, setup.names()) == ([], ["plain.a"])

    def test_packs_of_one_name_are_two(self, setup: Setup) -> None:
        """What one file's discovery finds says nothing of the other's."""
        setup.pack("one", "a", discovery=(YES,))
        (setup.folder / "sub").mkdir()
        other = Setup(setup.folder / "sub")
        other.pack("one", "b", discovery=(NO,))
        setup.load()
        setup.discover()
        assert setup.names() == ["one.a"]


class TestLanes:
    def hang(self, setup: Setup, sql: str) -> tuple[threading.Thread, threading.Event]:
        """A lane that stands still in this discovery query."""
        inside, go = threading.Event(), threading.Event()

        def stand_still() -> int:
            inside.set()
            assert go.wait(10)
            return 1

        setup.answers[sql] = stand_still
        thread = threading.Thread(target=setup.discover)
        thread.start()
        assert inside.wait(10)
        return thread, go

    def test_one_of_them_asks(self, setup: Setup) -> None:
        """Another lane neither asks nor waits, and is not told to come back at once."""
        setup.pack("slow", "b", discovery=(YES,))
        selection = setup.load()
        thread, go = self.hang(setup, YES)
        selection.discover(lambda _sql: pytest.fail("asked twice"))
        assert selection.due() == float("inf")
        assert setup.plan.pending()
        go.set()
        thread.join()
        assert setup.names() == ["slow.b"]

    def test_a_pack_whose_discovery_hangs_stays_out_until_it_answers(self, setup: Setup) -> None:
        """The next lane asks the others; the hung one is not asked again while it hangs."""
        setup.pack("a_hung", "a", discovery=("SELECT 2 AS hung",))
        setup.pack("b_found", "b", discovery=(YES,))
        selection = setup.load()
        thread, go = self.hang(setup, "SELECT 2 AS hung")
        selection.give_up(setup.ask)
        assert [finding.pack for finding in setup.findings] == ["a_hung"]
        assert selection.due() <= setup.clock.monotonic()
        selection.discover(setup.answers.__getitem__)  # type: ignore[arg-type]
        assert setup.names() == ["b_found.b"]
        entry = setup.plan.take(setup.clock.time_ns())
        assert entry is not None
        setup.plan.done(entry, setup.clock.time_ns())
        assert not setup.plan.pending()
        setup.clock.advance(DISCOVERY_SECONDS + 2)
        selection.discover(setup.answers.__getitem__)  # type: ignore[arg-type]
        assert setup.asked == ["SELECT 2 AS hung"]
        go.set()
        thread.join()
        assert setup.names() == ["b_found.b"], "what came too late is not used"
        setup.answers["SELECT 2 AS hung"] = 1
        setup.discover()
        assert setup.names() == ["a_hung.a", "b_found.b"]

    def test_giving_up_a_lane_that_does_not_ask_changes_nothing(self, setup: Setup) -> None:
        """It hung in a query."""
        setup.pack("found", "b", discovery=(YES,))
        selection = setup.load()
        selection.give_up(setup.ask)
        setup.discover()
        selection.give_up(setup.ask)
        assert setup.names() == ["found.b"]
        assert setup.findings == []

    def test_packs_that_come_while_others_are_asked_are_asked_too(self, setup: Setup) -> None:
        """A new generation in the middle of an inquiry is not taken for decided."""
        setup.pack("slow", "a", discovery=(YES,))
        selection = setup.load()
        thread, go = self.hang(setup, YES)
        setup.pack("new", "b", discovery=("SELECT 3 AS new",))
        assert selection.refresh()
        go.set()
        thread.join()
        assert setup.names() == ["slow.a"]
        assert setup.plan.pending()
        setup.answers["SELECT 3 AS new"] = 1
        setup.discover()
        assert setup.names() == ["new.b", "slow.a"]
        assert setup.asked == [YES, "SELECT 3 AS new"]

    def test_an_unforeseen_error_frees_the_way(self, setup: Setup) -> None:
        """The lane dies of it, the next one asks."""
        setup.pack("found", "b", discovery=(YES,))
        setup.load()
        setup.answers[YES] = ZeroDivisionError()
        with pytest.raises(ZeroDivisionError):
            setup.discover()
        setup.answers[YES] = 1
        setup.discover()
        assert setup.names() == ["found.b"]


class TestRefresh:
    def test_nothing_changed(self, setup: Setup) -> None:
        """A look at unchanged files leaves the plan alone."""
        setup.pack("plain", "a")
        selection = setup.load()
        before = setup.plan.entries()
        assert not selection.refresh()
        assert setup.plan.entries() == before

    def test_queries_come_and_go_and_those_that_stay_keep_their_slot(self, setup: Setup) -> None:
        """A changed file does not run everything again."""
        setup.pack("plain", "a", "b")
        selection = setup.load()
        for _ in range(2):
            entry = setup.plan.take(setup.clock.time_ns())
            assert entry is not None
            setup.plan.done(entry, setup.clock.time_ns())
        slots = {entry.key: entry.due_ns for entry in setup.plan.entries()}
        setup.pack("plain", "b", "c")
        assert selection.refresh()
        assert setup.names() == ["plain.b", "plain.c"]
        found = {entry.key: entry for entry in setup.plan.entries()}
        assert found["plain", "b"].due_ns == slots["plain", "b"]
        assert not found["plain", "b"].called
        assert found["plain", "c"].called

    def test_a_query_that_comes_back_has_run_when_it_has_run(self, setup: Setup) -> None:
        """Removed by mistake and put back: its interval goes on."""
        setup.pack("plain", "a")
        selection = setup.load()
        entry = setup.plan.take(setup.clock.time_ns())
        assert entry is not None
        setup.plan.done(entry, setup.clock.time_ns())
        setup.pack("plain", "b")
        selection.refresh()
        setup.pack("plain", "a", "b")
        selection.refresh()
        assert {e.query.name: e.called for e in setup.plan.entries()} == {"a": False, "b": True}

    def test_a_query_that_comes_back_while_it_runs_is_not_run_twice(self, setup: Setup) -> None:
        """Its lane is still busy with the former one."""
        setup.pack("plain", "a")
        selection = setup.load()
        entry = setup.plan.take(setup.clock.time_ns())
        assert entry is not None
        setup.pack("plain")
        selection.refresh()
        assert setup.plan.running()
        setup.pack("plain", "a")
        selection.refresh()
        assert setup.plan.take(setup.clock.time_ns()) is None
        setup.plan.done(entry, setup.clock.time_ns())
        assert not setup.plan.running()

    def test_an_invalid_file_keeps_the_plan_and_says_so(self, setup: Setup) -> None:
        """One error, and the last usable state."""
        setup.pack("plain", "a")
        selection = setup.load()
        (setup.folder / "plain.conf").write_text("{ broken")
        selection.refresh()
        assert setup.names() == ["plain.a"]
        assert [finding.severity for finding in setup.findings] == ["error"]

    def test_a_verdict_outlives_a_change_of_another_file(self, setup: Setup) -> None:
        """The hour of a pack that has not changed goes on."""
        setup.pack("found", "b", discovery=(YES,))
        selection = setup.load()
        setup.discover()
        setup.pack("plain", "a")
        assert selection.refresh()
        setup.discover()
        assert setup.asked == [YES]
        assert setup.names() == ["found.b", "plain.a"]

    def test_after_the_end_nothing_is_called_any_more(self, setup: Setup) -> None:
        """Discovery that answers when everything was called off starts nothing."""
        setup.pack("found", "b", discovery=(YES,))
        setup.load()
        setup.plan.cancel()
        setup.discover()
        assert setup.names() == ["found.b"]
        assert setup.plan.take(setup.clock.time_ns()) is None
        assert not setup.plan.pending()
