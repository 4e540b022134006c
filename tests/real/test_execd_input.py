"""Rows in = rows out: the execd input under a real Telegraf."""

import itertools
import json
import math
import os
import re
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import hostile
from tests.real.points import Point
from tests.real.telegraf import AGENT, Telegraf, execd

pytestmark = pytest.mark.real

AGENT_COMMAND = [sys.executable, "-m", "tests.fakes.agent", "execd", "input"]
HOSTILE = "SELECT * FROM hostile WHERE seed = 7 LIMIT {}"
ENDLESS = "SELECT seq, big, ratio, other, label FROM hostile WHERE seed = 7"
"""Without the texts of 1 MB: Telegraf takes seconds for what the pipe then holds at a stop."""


def pack(folder: Path, **queries: str | dict[str, Any]) -> None:
    """A pack of these queries and settings that use it; ``name={...}`` gives more keys."""
    entries = {
        name: {"interval": 3600, **(query if isinstance(query, dict) else {"query": query})}
        for name, query in queries.items()
    }
    (folder / "odd.conf").write_text(json.dumps({"queries": entries}))


def configure(telegraf: Telegraf, *lines: str, **options: str) -> None:
    """Settings for the agent and a Telegraf that starts it."""
    folder = telegraf.folder
    settings = folder / "input.toml"
    given = [f'packs = ["{folder}/odd.conf"]', f'state_dir = "{folder}/state"', 'host = "web-1"']
    settings.write_text("\n".join([*given, *lines]) + "\n")
    telegraf.configure(execd([*AGENT_COMMAND, "--config", str(settings)], **options))


def ends_of(telegraf: Telegraf, query: str) -> list[Point]:
    return [end for end in telegraf.ends() if end.tag("osquery_query") == query]


def rows_of(found: list[Point], query: str) -> list[Point]:
    return [point for point in found if point.name == f"osquery_odd_{query}"]


def expected(row: tuple[Any, ...], fold: bool) -> tuple[dict[str, Any], str]:
    """Fields and label that a hostile row must arrive with."""
    values = dict(zip(hostile.NAMES, row, strict=True))
    label = values.pop("label")
    fields = {
        {"host": "column_host", "time": "column_time"}.get(n, n): v for n, v in values.items()
    }
    if fold:
        fields = {n: v.replace("\n", "\\n") if isinstance(v, str) else v for n, v in fields.items()}
    return {name: value for name, value in fields.items() if value is not None}, label


def same(found: Any, wanted: Any) -> bool:
    """Equal in type and value, minus zero told from zero."""
    if isinstance(wanted, float):
        sign = math.copysign(1, found) == math.copysign(1, wanted)
        return isinstance(found, float) and found == wanted and sign
    return type(found) is type(wanted) and found == wanted


def assert_arrived(found: list[Point], count: int, *, fold: bool) -> None:
    """Every hostile row came once, in order, with each type and value intact."""
    assert len(found) == count
    times = [point.time for point in found]
    assert times == list(range(times[0], times[0] + count)), "row i has the time base + i"
    for point, row in zip(found, itertools.islice(hostile.rows(7), count), strict=True):
        fields, label = expected(row, fold)
        exact = point.fields.pop("exact_label", None)
        assert (exact or dict(point.tags).get("label", "")) == label
        assert point.fields.keys() == fields.keys()
        wrong = {n: (point.fields[n], v) for n, v in fields.items() if not same(point.fields[n], v)}
        assert not wrong


class TestRows:
    @pytest.mark.parametrize("newline", ["keep", "escape"])
    def test_every_hostile_row_arrives_once_with_its_types(
        self, telegraf: Telegraf, newline: str
    ) -> None:
        """100 000 rows of hostile text, edges of int64 and texts of 1 MB: rows in = rows out."""
        count = 100_000 if newline == "keep" else 20_000
        query = {"query": HOSTILE.format(count), "telegraf_osquery": {"tags": ["label"]}}
        pack(telegraf.folder, rows=query)
        configure(telegraf, f'newline = "{newline}"', "rows_per_second = 0")
        telegraf.start()
        telegraf.wait(lambda: bool(ends_of(telegraf, "rows")))
        telegraf.stop()
        found = telegraf.read()
        assert_arrived(rows_of(found, "rows"), count, fold=newline == "escape")
        (end,) = ends_of(telegraf, "rows")
        assert end.fields["rows"] == end.fields["span"] == end.fields["rows_total"] == count
        assert end.fields["outcome"] == "ok"
        assert "E! " not in telegraf.tail()

    def test_an_empty_answer_and_a_row_without_values_are_seen(self, telegraf: Telegraf) -> None:
        """No rows give a run end, a row of absent values gives a point."""
        pack(
            telegraf.folder,
            empty="SELECT * FROM hostile WHERE seq < 0 AND seed = 1 LIMIT 0",
            absent="SELECT CAST(NULL AS INTEGER) AS missing",
        )
        configure(telegraf)
        telegraf.start()
        telegraf.wait(lambda: len(telegraf.ends()) == 2)
        telegraf.stop()
        assert ends_of(telegraf, "empty")[0].fields["outcome"] == "empty"
        (row,) = rows_of(telegraf.read(), "absent")
        assert row.fields == {"osquery_row": 0}

    def test_pacing_keeps_a_burst_below_the_rate(self, telegraf: Telegraf) -> None:
        """4 000 rows at 2 000 a second take about two seconds, and none is lost."""
        pack(telegraf.folder, rows=HOSTILE.format(4000))
        configure(telegraf, "rows_per_second = 2000")
        telegraf.start()
        telegraf.wait(lambda: bool(ends_of(telegraf, "rows")))
        telegraf.stop()
        (end,) = ends_of(telegraf, "rows")
        assert end.time - int(end.fields["base"]) > 1.5e9
        assert len(rows_of(telegraf.read(), "rows")) == 4000


class TestTrouble:
    def test_a_slow_query_is_cut_and_holds_up_nobody(self, telegraf: Telegraf) -> None:
        """At its timeout it ends partial with the rows it had; the others ran meanwhile."""
        pack(telegraf.folder, aa_slow="SELECT seq FROM slow", quick="SELECT 1 AS one")
        configure(telegraf, 'timeout = "3s"')
        telegraf.start()
        telegraf.wait(lambda: len(telegraf.ends()) == 2)
        telegraf.stop()
        quick, slow = ends_of(telegraf, "quick")[0], ends_of(telegraf, "aa_slow")[0]
        assert quick.time < slow.time
        assert slow.fields["outcome"] in ("partial", "failed")
        assert slow.fields["rows"] == len(rows_of(telegraf.read(), "aa_slow"))

    def test_a_hung_table_costs_one_lane(self, telegraf: Telegraf) -> None:
        """A query that never comes back is given up; the schedule goes on."""
        pack(
            telegraf.folder,
            hung="SELECT seq FROM hung",
            quick={"query": "SELECT 1 AS one", "interval": 1},
        )
        configure(telegraf, 'timeout = "0.5s"', 'self_interval = "1s"')
        telegraf.start()
        telegraf.wait(lambda: bool(ends_of(telegraf, "hung")), 30)
        before = len(ends_of(telegraf, "quick"))
        telegraf.wait(lambda: len(ends_of(telegraf, "quick")) >= before + 2)
        assert telegraf.stop() < 5
        (end,) = ends_of(telegraf, "hung")
        assert end.fields["outcome"] == "failed"
        assert "abandoned" in str(end.fields["reason"])
        assert before >= 5

    def test_a_dead_engine_is_a_failed_run(self, telegraf: Telegraf) -> None:
        """Rows that came before stay, the run is partial, and later runs work again."""
        pack(
            telegraf.folder,
            dying={"query": "SELECT seq FROM dying", "interval": 3600},
            quick={"query": "SELECT 1 AS one", "interval": 1},
        )
        configure(telegraf)
        telegraf.start()
        telegraf.wait(
            lambda: [e.fields["outcome"] for e in ends_of(telegraf, "quick")][-2:] == ["ok", "ok"]
        )
        telegraf.stop()
        (end,) = ends_of(telegraf, "dying")
        assert (end.fields["outcome"], end.fields["rows"]) == ("partial", 2)
        assert "died" in str(end.fields["reason"])

    def test_two_children_never_share_a_state_file(self, telegraf: Telegraf) -> None:
        """A second copy ends with the reason, after a wait that a reload would need."""
        pack(telegraf.folder, quick="SELECT 1 AS one")
        configure(telegraf)
        text = telegraf.config.read_text()
        section = text.split("[[inputs.execd]]")[1].split("[[outputs")[0]
        telegraf.config.write_text(f"{text}\n[[inputs.execd]]{section}")
        telegraf.start()
        telegraf.wait(lambda: "owned by process" in telegraf.tail(), 30)
        telegraf.stop()


class TestStop:
    def test_sigterm_in_mid_run_loses_nothing_that_was_counted(self, telegraf: Telegraf) -> None:
        """What was printed arrives; the cut run says how many rows that were."""
        pack(telegraf.folder, rows=ENDLESS)
        configure(telegraf, "rows_per_second = 5000", 'newline = "keep"')
        telegraf.start()
        telegraf.wait(lambda: telegraf.out.exists() and telegraf.out.stat().st_size > 1_500_000)
        took = telegraf.stop()
        assert took < 5.5
        found = rows_of(telegraf.read(), "rows")
        (end,) = ends_of(telegraf, "rows")
        assert end.fields["outcome"] == "partial"
        assert end.fields["rows"] == len(found)
        assert_arrived_prefix(found)

    def test_a_kill_is_closed_at_the_next_start(self, telegraf: Telegraf) -> None:
        """After kill -9 of the child the next one closes the run, and bases go on growing."""
        pack(telegraf.folder, rows=ENDLESS, quick="SELECT 1 AS one")
        configure(telegraf, "rows_per_second = 3000", 'newline = "keep"')
        telegraf.start()
        telegraf.wait(lambda: telegraf.out.exists() and telegraf.out.stat().st_size > 1_000_000)
        (child,) = telegraf.children()
        os.kill(child, signal.SIGKILL)
        telegraf.wait(lambda: bool(ends_of(telegraf, "rows")), 20)
        telegraf.stop()
        first, *later = ends_of(telegraf, "rows")
        assert (first.fields["outcome"], first.fields["run"]) == ("partial", 1)
        found = rows_of(telegraf.read(), "rows")
        base, span = int(first.fields["base"]), int(first.fields["span"])
        came = [point for point in found if base <= point.time < base + span]
        assert_arrived_prefix(came)
        # Rows counted but caught between commit and pipe are told as lost, a batch at most.
        assert 0 <= int(first.fields["rows"]) - len(came) <= 500 + 3000
        assert all(int(end.fields["base"]) >= base + 10**9 for end in later)
        assert len({point.time for point in found}) == len(found)

    def test_reload_keeps_the_schedule(self, telegraf: Telegraf) -> None:
        """SIGHUP: the new child owns the state and repeats no run; nothing is one point twice."""
        pack(
            telegraf.folder,
            once="SELECT 1 AS one",
            often={"query": "SELECT 2 AS two", "interval": 1},
        )
        configure(telegraf)
        telegraf.start()
        telegraf.wait(lambda: len(ends_of(telegraf, "often")) >= 2)
        telegraf.send(signal.SIGHUP)
        before = len(ends_of(telegraf, "often"))
        telegraf.wait(lambda: len(ends_of(telegraf, "often")) >= before + 3)
        telegraf.stop()
        assert len(ends_of(telegraf, "once")) == 1
        often = ends_of(telegraf, "often")
        assert [end.fields["run"] for end in often] == list(range(1, len(often) + 1))

    def test_a_vanished_telegraf_leaves_no_child(self, telegraf: Telegraf) -> None:
        """Telegraf is gone with kill -9: the child notices and leaves by itself."""
        pack(telegraf.folder, often={"query": "SELECT 2 AS two", "interval": 1})
        configure(telegraf)
        telegraf.start()
        telegraf.wait(lambda: bool(ends_of(telegraf, "often")))
        (child,) = telegraf.children()
        telegraf.stop(signal.SIGKILL)
        ends = time.monotonic() + 6
        while Path(f"/proc/{child}").exists() and time.monotonic() < ends:
            time.sleep(0.05)
        assert not Path(f"/proc/{child}").exists()


def assert_arrived_prefix(found: list[Point]) -> None:
    """The rows that came are the first ones, without a hole."""
    assert [point.fields["seq"] for point in found] == list(range(len(found)))


class TestTicks:
    def test_telegraf_drives_the_collection(self, telegraf: Telegraf) -> None:
        """With signal = STDIN each tick runs what is due, and ticks are counted."""
        pack(telegraf.folder, often={"query": "SELECT 2 AS two", "interval": 1})
        configure(telegraf, 'trigger = "tick"', 'self_interval = "1s"', signal="STDIN")
        telegraf.start()
        telegraf.wait(lambda: len(ends_of(telegraf, "often")) >= 4)
        telegraf.stop()
        own = [point for point in telegraf.read() if point.name == "osquery_self"]
        assert int(own[-1].fields["ticks"]) >= 4

    def test_ticks_that_pile_up_are_one(self, telegraf: Telegraf) -> None:
        """Newlines that come during a long round are merged and counted."""
        pack(telegraf.folder, slow="SELECT seq FROM slow LIMIT 150")
        configure(telegraf, 'trigger = "tick"', signal="STDIN")
        telegraf.start()
        telegraf.wait(lambda: bool(ends_of(telegraf, "slow")))
        telegraf.stop()
        own = [point for point in telegraf.read() if point.name == "osquery_self"]
        assert int(own[-1].fields["ticks_coalesced"]) >= 1


class TestTrials:
    def test_test_shows_data_and_remembers_nothing(self, telegraf: Telegraf) -> None:
        """--test runs every query at once, on a throw-away state."""
        pack(telegraf.folder, one="SELECT 1 AS one", two="SELECT 2 AS two")
        configure(telegraf)
        for _ in range(2):
            text = telegraf.run("--test").decode()
            assert len(re.findall(r"^> osquery_odd_\w+,", text, re.MULTILINE)) == 2
        assert not (telegraf.folder / "state").exists()

    @pytest.mark.parametrize("how", ["none", "STDIN"])
    def test_once_delivers_every_query(self, telegraf: Telegraf, how: str) -> None:
        """--once runs all queries although the last run was a moment ago."""
        pack(telegraf.folder, one="SELECT 1 AS one", rows=HOSTILE.format(3000))
        configure(telegraf, signal=how)
        telegraf.run("--once")
        telegraf.run("--once")
        assert [end.fields["run"] for end in ends_of(telegraf, "rows")] == [1, 2]
        assert len(rows_of(telegraf.read(), "rows")) == 6000
        assert len(ends_of(telegraf, "one")) == 2


class TestPacks:
    def test_a_changed_pack_is_picked_up_and_a_broken_one_is_not(self, telegraf: Telegraf) -> None:
        """Without a restart; the broken file leaves the schedule as it was."""
        pack(telegraf.folder, often={"query": "SELECT 1 AS one", "interval": 1})
        configure(telegraf, 'refresh = "1s"')
        telegraf.start()
        telegraf.wait(lambda: bool(ends_of(telegraf, "often")))
        pack(
            telegraf.folder,
            often={"query": "SELECT 1 AS one", "interval": 1},
            new={"query": "SELECT 2 AS two", "interval": 1},
        )
        telegraf.wait(lambda: bool(ends_of(telegraf, "new")), 15)
        (telegraf.folder / "odd.conf").write_text("{ broken")
        telegraf.wait(lambda: "E! [inputs.execd" in telegraf.tail(), 15)
        before = len(ends_of(telegraf, "new"))
        telegraf.wait(lambda: len(ends_of(telegraf, "new")) >= before + 2, 15)
        telegraf.stop()


class TestSettings:
    def test_wrong_settings_refuse_to_start_with_the_cure(self, telegraf: Telegraf) -> None:
        """The log has key, what was found and the nearest name, in one line."""
        pack(telegraf.folder, one="SELECT 1 AS one")
        configure(telegraf, "rows_per_secnd = 5")
        telegraf.start()
        telegraf.wait(lambda: "rows_per_secnd" in telegraf.tail())
        telegraf.stop()
        assert 'did you mean \\"rows_per_second\\"' in telegraf.tail() or (
            'did you mean "rows_per_second"' in telegraf.tail()
        )

    def test_no_warning_is_avoidable(self, telegraf: Telegraf) -> None:
        """A usual start writes no warning and no error."""
        pack(telegraf.folder, one="SELECT 1 AS one")
        configure(telegraf)
        telegraf.start()
        telegraf.wait(lambda: bool(telegraf.ends()))
        telegraf.stop()
        assert not re.findall(r"^\S+ [WE]! (?!.*Error in plugin).*", telegraf.tail(), re.MULTILINE)
        assert AGENT in telegraf.config.read_text()
