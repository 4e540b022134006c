"""Every recorded value and config of osquery 5.23.1, met one by one."""

import json
from pathlib import Path
from typing import Any

import pytest

from telegraf_osquery.packs.document import load
from tests.packs.recorded import active, config_case, config_names, schedule, value_cases

Case = dict[str, Any]
VALUES = list(value_cases())
TOO_LARGE = "99999999999999999999"
# Where osquery does harm we differ, and each difference is checked in a test of its own below.
REFUSED = {"collisions": "main"}


def is_too_large(case: Case) -> bool:
    return f'"version": "{TOO_LARGE}"' in json.dumps(case["config"])


@pytest.mark.parametrize("case", [pytest.param(c, id=i) for i, c in VALUES if not is_too_large(c)])
def test_a_value_has_the_effect_it_has_in_osquery(case: Case, tmp_path: Path) -> None:
    """A value makes the same packs active and the same queries scheduled, at the same pace."""
    path = tmp_path / "osquery.conf"
    path.write_text(json.dumps(case["config"]))
    document = load(str(path))
    assert active(document.packs) == sorted(case["packs"].items())
    found = {name: seconds for name, seconds, _ in schedule(document.packs)}
    assert found == case["schedule"]


@pytest.mark.parametrize(
    "case", [pytest.param(c, id=i) for i, c in VALUES if c["warned"] and "discovery" not in i]
)
def test_what_osquery_warns_of_is_reported(case: Case, tmp_path: Path) -> None:
    """Whatever made osquery print a line makes a finding here, or is a fault of SQL alone."""
    path = tmp_path / "osquery.conf"
    path.write_text(json.dumps(case["config"]))
    two_statements = "SELECT 1; SELECT 2" in json.dumps(case["config"])
    assert bool(load(str(path)).findings) != two_statements


@pytest.mark.parametrize("case", [pytest.param(c, id=i) for i, c in VALUES if is_too_large(c)])
def test_a_version_beyond_an_int_stops_only_what_asks_for_it(case: Case, tmp_path: Path) -> None:
    """Where osquery loses a whole pack or schedule the rest goes on, and a finding says so."""
    path = tmp_path / "osquery.conf"
    path.write_text(json.dumps(case["config"]))
    document = load(str(path))
    left = {name for name, _, _ in schedule(document.packs)}
    written = {
        f"pack_{pack}_{query}"
        for pack, value in case["config"].get("packs", {}).items()
        for query in value["queries"]
    } | case["config"]["schedule"].keys()
    assert left == written - {"q", "pack_p_q"}
    assert left >= case["schedule"].keys()
    assert any("too large" in finding.message for finding in document.findings)


@pytest.mark.parametrize("name", [name for name in config_names() if name not in REFUSED])
def test_a_config_has_the_effect_it_has_in_osquery(name: str, tmp_path: Path) -> None:
    """The same packs, the same queries with the same SQL, from whole folders of files."""
    documents, expected = config_case(name, str(tmp_path))
    packs = tuple(pack for document in documents for pack in document.packs)
    if "--schedule_default_interval=7" in expected.get("flags", ()):
        expected["schedule"] = [
            [query, 3600 if seconds == 7 else seconds, sql]
            for query, seconds, sql in expected["schedule"]
        ]
    delimiter = "/" if "--pack_delimiter=/" in expected.get("flags", ()) else "_"
    found = [[query, *rest] for query, *rest in schedule(packs)]
    assert found == [
        [query.replace(delimiter, "_"), *rest] for query, *rest in expected["schedule"]
    ]
    assert [list(pair) for pair in active(packs)] == expected["packs"]
    assert all(document.usable for document in documents) == (expected["config_check"] == 0)


@pytest.mark.parametrize("name", REFUSED)
def test_a_pack_named_like_the_schedule_is_refused(name: str, tmp_path: Path) -> None:
    """In osquery such a pack silently replaces the schedule; here the file is refused."""
    documents, _ = config_case(name, str(tmp_path))
    assert f'"{REFUSED[name]}"' in documents[-1].refused
    assert not documents[-1].usable
