"""Every table of this host, as it is, with the rights there are and with none."""

import json
import os
import subprocess
import sys
from functools import cache
from importlib import import_module
from typing import Any

import pytest

from telegraf_osquery.engines.embedded_tables import MODULES
from telegraf_osquery.schema.tables import load
from tests.fakes.nobody import NOBODY

SECONDS = 60
ASK_ALL = """
import json, os, sys
sys.path[:0] = {path!r}
from telegraf_osquery.clock import Deadline, SystemClock
from telegraf_osquery.engines.embedded import Embedded
from telegraf_osquery.engines.embedded_tables import MODULES
from telegraf_osquery.schema.tables import load

clock = SystemClock()
engine = Embedded(load(), clock)
where = dict.fromkeys(("file", "hash"), " WHERE directory = '/etc'")

def ask(table):
    kinds, rows = {{}}, 0
    sql = "SELECT * FROM " + table + where.get(table, "")
    try:
        answer = engine.execute(sql, Deadline(clock, 30))
        for chunk in answer.chunks:
            rows += len(chunk[0])
            for name, cells in zip(answer.names, chunk):
                kinds.setdefault(name, set()).update(type(cell).__name__ for cell in cells)
    except Exception as error:
        return {{"fault": repr(error)}}
    return {{"rows": rows, "kinds": {{name: sorted(found) for name, found in kinds.items()}}}}

answers = {{table: ask(table) for table in MODULES}}
if {user}:  # only now: nobody may not even be allowed to read these modules
    os.setgroups([])
    os.setgid({user})
    os.setuid({user})
    answers = {{table: ask(table) for table in MODULES}}
engine.close()
print(json.dumps(answers))
"""
_KINDS = {"text": {"str"}, "double": {"float", "NoneType"}}
_NUMBER = {"int", "NoneType"}
SCHEMA = load()


@cache
def _answers(user: int) -> dict[str, dict[str, Any]]:
    if user and os.geteuid() != 0:
        pytest.skip("only root can become nobody")
    command = [sys.executable, "-c", ASK_ALL.format(path=sys.path, user=user)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=SECONDS, check=False, cwd="/"
    )
    assert (done.returncode, done.stderr) == (0, "")
    found: dict[str, dict[str, Any]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("user", [0, NOBODY], ids=["as we are", "as nobody"])
def test_every_table_of_this_host_can_be_read_by_anybody(user: int) -> None:
    """No fault, no hang, and every cell has the type of its column: a text is never NULL."""
    found = _answers(user)
    assert set(found) == set(MODULES)
    assert {table: answer["fault"] for table, answer in found.items() if "fault" in answer} == {}
    for table, answer in found.items():
        spec = SCHEMA.table(table)
        assert spec is not None
        for name, kinds in answer["kinds"].items():
            column = spec.column(name)
            assert column is not None
            assert set(kinds) <= _KINDS.get(column.family, _NUMBER), f"{table}.{name}"
    for table in ("processes", "users", "file", "hash", "ulimit_info", "osquery_registry"):
        assert found[table]["rows"] > 0


def test_a_table_that_is_empty_for_nobody_says_what_it_lacks() -> None:
    """``doctor`` and the run's ``limited`` tell it."""
    ours, theirs = _answers(0), _answers(NOBODY)
    for table, module in MODULES.items():
        tables = import_module(f"telegraf_osquery.engines.embedded_tables.{module}").TABLES
        if ours[table]["rows"] and not theirs[table]["rows"]:
            assert tables[table].lacks, table
