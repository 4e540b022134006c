"""Tables about this process and this engine."""

import json
import resource
import subprocess
import sys
from pathlib import Path

from telegraf_osquery.clock import Deadline
from telegraf_osquery.engines.embedded import Embedded
from telegraf_osquery.engines.embedded_tables import MODULES
from telegraf_osquery.engines.embedded_tables.agent import PACK_COLUMNS, own_table
from tests.engines.tables.asked import rows, schema
from tests.fakes.clock import ManualClock

_LIMITED = """
import json, resource, sys
sys.path[:0] = {path!r}
from tests.engines.tables.asked import rows
for name, soft, hard in (("NOFILE", 512, 1024), ("CORE", 0, 0), ("STACK", 8 << 20, 8 << 20),
                         ("CPU", 1000, -1), ("MEMLOCK", 65536, 65536)):
    resource.setrlimit(getattr(resource, "RLIMIT_" + name), (soft, hard))
print(json.dumps(rows("SELECT * FROM ulimit_info")))
"""
_RECORDED = {
    "as": ("unlimited", "unlimited"),
    "core": ("0", "0"),
    "cpu": ("1000", "unlimited"),
    "data": ("unlimited", "unlimited"),
    "fsize": ("unlimited", "unlimited"),
    "locks": ("unlimited", "unlimited"),
    "memlock": ("65536", "65536"),
    "msgqueue": ("819200", "819200"),
    "nice": ("0", "0"),
    "nofile": ("1024", "1024"),
    "nproc": ("96365", "96365"),
    "rss": ("unlimited", "unlimited"),
    "rtprio": ("0", "0"),
    "sigpending": ("96365", "96365"),
    "stack": ("8388608", "8388608"),
}
"""What osquery showed under the limits that _LIMITED sets, on a host without others."""


def test_limits_are_those_osquery_shows() -> None:
    """But for the soft limit of files, which osquery lifts, and limits that differ by host."""
    command = [sys.executable, "-c", _LIMITED.format(path=sys.path)]
    done = json.loads(subprocess.check_output(command, text=True))
    found = {name: (soft, hard) for name, soft, hard in done}
    assert list(found) == list(_RECORDED)
    assert found["nofile"] == ("512", "1024")
    for name in ("core", "cpu", "memlock", "stack"):
        assert found[name] == _RECORDED[name]
    for name in ("as", "data", "fsize", "msgqueue", "nice", "nproc", "rss", "rtprio", "sigpending"):
        soft, hard = resource.getrlimit(getattr(resource, f"RLIMIT_{name.upper()}"))
        assert found[name] == tuple(str(n) if n >= 0 else "unlimited" for n in (soft, hard))
    kernel = Path("/proc/self/limits").read_text()
    locks = next(line for line in kernel.splitlines() if line.startswith("Max file locks"))
    assert found["locks"] == tuple(locks.split()[3:5])


def test_the_registry_names_the_tables_of_this_engine() -> None:
    """As osquery's, whose own tables are internal too; no other plugin is claimed."""
    found = rows("SELECT * FROM osquery_registry")
    assert {(kind, owner, active) for kind, _, owner, _, active in found} == {("table", 0, 1)}
    assert [name for _, name, _, _, _ in found] == sorted(MODULES)
    internal = {name for _, name, _, internal, _ in found if internal}
    own = {"osquery_info", "osquery_packs", "osquery_registry", "osquery_schedule"}
    assert internal == own | {"file", "time"}


def test_packs_are_empty_until_they_are_fed() -> None:
    """Then there is one row per pack, as it is given."""
    assert rows("SELECT * FROM osquery_packs") == []
    pack = ("web", "linux", "5.0.0", 100, 1, 2, 1)
    clock = ManualClock()
    engine = Embedded(
        schema(), clock, tables={"osquery_packs": own_table("osquery_packs", lambda: [pack])}
    )
    answer = engine.execute("SELECT * FROM osquery_packs", Deadline(clock, 1))
    assert answer.names == PACK_COLUMNS
    assert [row for chunk in answer.chunks for row in zip(*chunk, strict=True)] == [pack]
    engine.close()
