"""``doctor``: findings with their cures, on hosts that are not this one."""

import json
from pathlib import Path

import pytest

from telegraf_osquery.__main__ import main
from telegraf_osquery.cli import checks
from telegraf_osquery.cli.ask import opened
from telegraf_osquery.clock import SECOND
from telegraf_osquery.packs.pack import Additions, ScheduledQuery
from telegraf_osquery.runtime.settings import CollectSettings
from telegraf_osquery.store.open import try_open
from telegraf_osquery.store.schedule import Execution
from telegraf_osquery.telemetry.log import Log
from tests.fakes.clock import ManualClock


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ("Telegraf 1.39.3 (git: HEAD@1234)", "ok"),
        ("Telegraf 1.33.3", "ok"),
        ("Telegraf 1.33.2", "warning"),
        ("Telegraf 0.13.1", "warning"),
        ("Telegraf unknown", "note"),
    ],
)
def test_an_old_telegraf_is_a_warning_with_the_floor(said: str, state: str) -> None:
    """1.33.3 is the oldest one that works."""
    check = checks.judge_telegraf("/usr/bin/telegraf", said)
    assert check.state == state
    assert state != "warning" or "1.33.3" in check.cure


def test_a_clock_in_the_past_is_a_fault() -> None:
    """A host that came up without time writes rows to 1970."""
    (check,) = checks.time(ManualClock(time_ns=86_400 * SECOND))
    assert check.state == "fault"
    assert "set the clock" in check.cure


def test_a_state_folder_that_cannot_be_made_is_a_fault(tmp_path: Path) -> None:
    """A file stands where the folder should be."""
    (tmp_path / "file").write_text("")
    settings = CollectSettings(state_dir=f"{tmp_path}/file/state")
    (check,) = checks.state(settings, ManualClock())
    assert check.state == "fault"
    assert "state_dir" in check.cure


def test_the_denylist_and_a_clock_set_back_are_read_from_the_state_file(tmp_path: Path) -> None:
    """What the collector remembers is shown while it works."""
    now = 1_800_000_000 * SECOND
    folder = tmp_path / "state"
    state = try_open(f"{folder}/input-default.db", Log(lambda _: None))
    state.record_run("p", "q", "ok", Execution(now + 3600 * SECOND))
    state.denylist("p", "q", now + 7200 * SECOND, "past its budget: cpu_ms 9 of 1")
    found = list(checks.state(CollectSettings(state_dir=str(folder)), ManualClock(time_ns=now)))
    state.close()
    assert [(check.subject, check.state) for check in found] == [
        ("state", "ok"),
        ("state", "ok"),
        ("denylist", "warning"),
        ("clock", "warning"),
    ]
    assert "p q: past its budget: cpu_ms 9 of 1, 2.0 h left" in found[2].found


def test_every_query_is_judged_without_being_run() -> None:
    """Unknown tables and columns, types that nothing tells, additions for no column."""
    good = ScheduledQuery(pack="p", name="q", sql="SELECT pid FROM processes")
    bad = ScheduledQuery(pack="p", name="q", sql="SELECT pid FROM proceses")
    vague = ScheduledQuery(pack="p", name="q", sql="SELECT coalesce(NULL, NULL) AS what")
    told = ScheduledQuery(
        pack="p", name="q", sql=vague.sql, additions=Additions(types={"what": "text"})
    )
    slip = ScheduledQuery(pack="p", name="q", sql=good.sql, additions=Additions(tags=("pdi",)))
    with opened("embedded") as asking:
        found = {
            name: [check.state for check in checks.query_checks(asking, query)]
            for name, query in (("good", good), ("bad", bad), ("vague", vague), ("told", told))
        }
        (absent,) = checks.query_checks(asking, slip)
    assert found == {"good": [], "bad": ["fault"], "vague": ["warning"], "told": []}
    assert "pdi" in absent.found


def test_the_json_form_has_every_check(capsys: pytest.CaptureFixture[str]) -> None:
    """For monitoring: one flag and a list."""
    code = main(["doctor", "--format", "json"])
    report = json.loads(capsys.readouterr().out)
    assert code == (0 if report["ok"] else 1)
    subjects = {check["subject"] for check in report["checks"]}
    assert {"program", "bytecode", "telegraf", "clock", "state", "engine", "packs"} <= subjects
    assert all(set(check) == {"subject", "state", "found", "cure"} for check in report["checks"])


def test_a_faulty_pack_makes_doctor_fail_and_says_the_cure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The settings' packs are judged, not the starter packs."""
    pack = {"queries": {"bad": {"query": "SELECT x FROM nowhere", "interval": 60}}}
    (tmp_path / "mine.conf").write_text(json.dumps(pack))
    settings = tmp_path / "input.toml"
    settings.write_text(f'packs = ["{tmp_path}/mine.conf"]\nstate_dir = "{tmp_path}"\n')
    assert main(["doctor", "--config", str(settings)]) == 1
    assert "mine bad: SQL: no such table: nowhere" in capsys.readouterr().out


class Narrow:
    """An engine whose process may not see everything."""

    def tables(self) -> frozenset[str]:
        return frozenset({"processes", "uptime"})

    def limited(self, tables: frozenset[str]) -> frozenset[str]:
        return tables - {"uptime"}


def test_each_limited_table_says_what_it_lacks_and_the_cure() -> None:
    """Without root, table by table."""
    with opened("embedded") as asking:
        whole, asking.engine = asking.engine, Narrow()
        (check,) = checks.limited(asking)
        asking.engine = whole
    assert (check.subject, check.state) == ("table processes", "warning")
    assert "other users" in check.found
    assert "CAP_SYS_PTRACE" in check.cure
