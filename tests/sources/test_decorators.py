"""Decorator queries and what becomes of their first rows."""

import threading
from collections.abc import Mapping

import pytest

from telegraf_osquery.clock import SECOND
from telegraf_osquery.errors import EngineUnavailable, QueryError, TelegrafOsqueryError
from telegraf_osquery.packs.pack import Decorators
from telegraf_osquery.sources import decorators as module
from telegraf_osquery.sources.decorators import Decorations
from tests.sources.staged import Stage, query, rows

NOW = 1_795_000_000 * SECOND


class Host:
    """Answers decorator queries and remembers which were asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answers: dict[str, Mapping[str, str] | TelegrafOsqueryError] = {}
        self.failed: list[tuple[str, str]] = []

    def first_row(self, sql: str) -> Mapping[str, str]:
        self.asked.append(sql)
        answer = self.answers.get(sql, {sql: f"{sql}{self.asked.count(sql)}"})
        if isinstance(answer, TelegrafOsqueryError):
            raise answer
        return answer

    def decorations(self, decorators: Decorators) -> Decorations:
        return Decorations(decorators, lambda sql, reason: self.failed.append((sql, reason)))


class TestWhen:
    def test_each_in_its_time(self) -> None:
        """Load once, always before each query, interval when it has passed."""
        host = Host()
        made = host.decorations(Decorators(("l",), ("a",), {60: ("i",)}))
        assert made.refresh(host.first_row, NOW) == {"l": "l1", "i": "i1", "a": "a1"}
        assert host.asked == ["l", "i", "a"]
        assert made.refresh(host.first_row, NOW + 59 * SECOND)["i"] == "i1"
        assert made.refresh(host.first_row, NOW + 61 * SECOND) == {"l": "l1", "i": "i2", "a": "a3"}

    def test_without_decorators_nobody_is_asked(self) -> None:
        """The usual case costs nothing."""
        host = Host()
        assert host.decorations(Decorators()).refresh(host.first_row, NOW) == {}
        assert host.asked == []

    def test_a_clock_set_back_does_not_stop_intervals(self) -> None:
        """What seems due in more than an interval is due now."""
        host = Host()
        made = host.decorations(Decorators(interval={60: ("i",)}))
        made.refresh(host.first_row, NOW)
        assert made.refresh(host.first_row, NOW - 86_400 * SECOND) == {"i": "i2"}

    def test_changed_ones_are_all_asked_anew(self) -> None:
        """And the values of those that went are gone; the same ones again change nothing."""
        host = Host()
        made = host.decorations(Decorators(load=("l", "old")))
        made.refresh(host.first_row, NOW)
        made.replace(Decorators(load=("l", "old")))
        made.refresh(host.first_row, NOW)
        assert host.asked == ["l", "old"]
        made.replace(Decorators(load=("l",), always=("a",)))
        assert made.refresh(host.first_row, NOW) == {"l": "l2", "a": "a1"}

    def test_later_ones_override(self) -> None:
        """Of two with one column the one asked last counts."""
        host = Host()
        host.answers = {"one": {"x": "1"}, "two": {"x": "2"}}
        made = host.decorations(Decorators(load=("one",), always=("two",)))
        assert made.refresh(host.first_row, NOW) == {"x": "2"}


class TestFailing:
    def test_one_that_fails_is_told_and_left_out(self) -> None:
        """The others are there."""
        host = Host()
        host.answers["bad"] = QueryError("no such column: x")
        made = host.decorations(Decorators(load=("bad", "good")))
        assert made.refresh(host.first_row, NOW) == {"good": "good1"}
        assert host.failed == [("bad", "no such column: x")]

    def test_without_an_engine_load_is_asked_again(self) -> None:
        """The engine was away for the first query: no reason to go without for ever."""
        host = Host()
        host.answers["l"] = EngineUnavailable("gone")
        made = host.decorations(Decorators(load=("l",)))
        assert made.refresh(host.first_row, NOW) == {}
        del host.answers["l"]
        assert made.refresh(host.first_row, NOW) == {"l": "l2"}
        made.refresh(host.first_row, NOW)
        assert host.asked == ["l", "l"]

    def test_an_error_keeps_the_last_value(self) -> None:
        """A decorator that fails once in a while does not flicker."""
        host = Host()
        made = host.decorations(Decorators(always=("a",)))
        made.refresh(host.first_row, NOW)
        host.answers["a"] = QueryError("busy")
        assert made.refresh(host.first_row, NOW) == {"a": "a1"}


class TestSeveralLanes:
    def test_a_hung_one_holds_up_nobody(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Others go on with what is known, and changed decorators free them of it."""
        monkeypatch.setattr(module, "WAIT", 0.02)
        host, inside, go = Host(), threading.Event(), threading.Event()

        def hang(sql: str) -> Mapping[str, str]:
            if sql == "a":
                inside.set()
                assert go.wait(10)
            return host.first_row(sql)

        made = host.decorations(Decorators(load=("l",), always=("a",)))
        thread = threading.Thread(target=made.refresh, args=(hang, NOW))
        thread.start()
        assert inside.wait(10)
        assert made.refresh(host.first_row, NOW) == {"l": "l1"}
        made.give_up()
        assert made.refresh(host.first_row, NOW) == {"l": "l1"}
        assert host.asked == ["l"]
        made.replace(Decorators(always=("b",)))
        assert made.refresh(host.first_row, NOW) == {"b": "b1"}
        go.set()
        thread.join()
        assert made.refresh(host.first_row, NOW) == {"b": "b2"}

    def test_the_first_round_waits_for_the_values(self) -> None:
        """A second lane that comes a moment later does not write rows without decorations."""
        host, inside = Host(), threading.Event()
        found: list[Mapping[str, str]] = []

        def slow(sql: str) -> Mapping[str, str]:
            inside.set()
            threading.Event().wait(0.02)
            return host.first_row(sql)

        made = host.decorations(Decorators(load=("l",)))
        first = threading.Thread(target=made.refresh, args=(slow, NOW))
        first.start()
        assert inside.wait(10)
        found.append(made.refresh(host.first_row, NOW))
        first.join()
        assert found == [{"l": "l1"}]


class TestInBatches:
    SQL = "SELECT 7 AS number, 'x' AS word, NULL AS missing"

    def stage(self, stage: Stage) -> None:
        stage.decorate(Decorators(load=(self.SQL,)))
        stage.script([["7", "8"], ["x", "y"], [None, ""]], sql=self.SQL)
        stage.script(rows(2))
        stage.schedule(query())

    def test_as_fields(self, stage: Stage) -> None:
        """Text columns behind those of the query, the first row's values in each row."""
        self.stage(stage)
        (batch,), end = stage.run()
        names = [column.name for column in batch.columns]
        assert names[2:] == ["decoration_number", "decoration_word", "decoration_missing"]
        assert {column.type for column in batch.columns[2:]} == {"text"}
        assert list(batch.rows.tuples()) == [(0, "p0", "7", "x", ""), (1, "p1", "7", "x", "")]
        stage.decorate(Decorators())
        stage.later()
        assert stage.run()[1].columns_digest == end.columns_digest

    def test_as_tags(self, stage: Stage) -> None:
        """Beside the envelope's own, sorted; an empty one is left out."""
        stage.decorations_as = "tags"
        self.stage(stage)
        (batch,), _ = stage.run()
        assert [key for key, _ in batch.tags] == sorted(key for key, _ in batch.tags)
        assert dict(batch.tags)["decoration_number"] == "7"
        assert dict(batch.tags)["decoration_word"] == "x"
        assert "decoration_missing" not in dict(batch.tags)
        assert [column.name for column in batch.columns] == ["pid", "name"]

    def test_a_refused_one_is_told(self, stage: Stage) -> None:
        """The guard stands before decorators too; the query runs without."""
        stage.decorate(Decorators(load=("DELETE FROM processes",)))
        stage.script(rows(1))
        stage.schedule(query())
        (batch,), end = stage.run()
        assert end.outcome == "ok"
        assert len(batch.columns) == 2
        assert [sql for sql, _ in stage.failed] == ["DELETE FROM processes"]

    def test_one_without_rows_gives_nothing(self, stage: Stage) -> None:
        """No first row, no decoration."""
        stage.decorate(Decorators(load=(self.SQL,)))
        stage.script(rows(1))
        stage.schedule(query())
        (batch,), _ = stage.run()
        assert len(batch.columns) == 2
