"""osquery_info, osquery_registry, osquery_schedule, osquery_packs: what the agent says of itself.

``version`` is the release of osquery whose tables are followed, so that packs can ask for it;
``build_distro`` and ``extensions`` say that this is not an osquery build. There is no osquery
config: its hash is empty and it is not valid.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from telegraf_osquery.engines.embedded_tables import MODULES, procfs
from telegraf_osquery.engines.embedded_tables.ask import Ask, Table
from telegraf_osquery.engines.embedded_tables.system import as_uuid, host_uuid
from telegraf_osquery.schema.spec import RELEASE

BUILD = "telegraf-osquery"
_LINUX = 9  # osquery's bit mask: 1 POSIX + 8 Linux
_STARTED = 19  # words of /proc/<pid>/stat after the name until starttime


def _start() -> tuple[int, bytes]:
    """When this process began (s since 1970, 0 if unknown) and what tells it from all others."""
    try:
        words = procfs.read("/proc/self/stat").rpartition(b") ")[2].split()
        boot = procfs.read_table("/proc/stat").partition(b"\nbtime ")[2].split(b"\n", 1)[0]
        ticks = int(words[_STARTED])
        started = int(boot) + ticks // os.sysconf("SC_CLK_TCK")
    except (OSError, IndexError, ValueError):
        return 0, b""
    return started, b"%s %d %d" % (boot, ticks, os.getpid())


def _osquery_info(ask: Ask) -> Iterator[tuple[Any, ...]]:
    """One row. ``instance_id`` lives as long as the process."""
    started, instance = _start()
    yield (
        os.getpid(),
        host_uuid(ask),
        as_uuid(instance, b"instance"),
        RELEASE,
        "",
        0,
        "embedded",
        "linux",
        BUILD,
        started or None,
        -1,
        _LINUX,
    )


SCHEDULE_COLUMNS = (
    "name",
    "query",
    "interval",
    "executions",
    "last_executed",
    "denylisted",
    "output_size",
    "wall_time",
    "wall_time_ms",
    "last_wall_time_ms",
    "user_time",
    "last_user_time",
    "system_time",
    "last_system_time",
    "average_memory",
    "last_memory",
)


PACK_COLUMNS = (
    "name",
    "platform",
    "version",
    "shard",
    "discovery_cache_hits",
    "discovery_executions",
    "active",
)
_TABLE, _OWNER, _ACTIVE = "table", 0, 1
_ABOUT_ITSELF = frozenset({"file", "time"})  # osquery's "internal" tables besides osquery_*


def _osquery_registry(_: Ask) -> Iterator[tuple[str, str, int, int, int]]:
    """The tables of this engine; there are no other plugins."""
    for name in sorted(MODULES):
        internal = int(name in _ABOUT_ITSELF or name.startswith("osquery_"))
        yield _TABLE, name, _OWNER, internal, _ACTIVE


_OWN = {"osquery_packs": PACK_COLUMNS, "osquery_schedule": SCHEDULE_COLUMNS}


def own_table(name: str, rows: Callable[[], Iterable[Sequence[Any]]]) -> Table:
    """The table ``osquery_packs`` or ``osquery_schedule``; ``rows`` gives what the agent knows."""
    return Table(_OWN[name], lambda _: iter(rows()))


TABLES = {
    "osquery_info": Table(
        (
            "pid",
            "uuid",
            "instance_id",
            "version",
            "config_hash",
            "config_valid",
            "extensions",
            "build_platform",
            "build_distro",
            "start_time",
            "watcher",
            "platform_mask",
        ),
        _osquery_info,
    ),
    "osquery_registry": Table(
        ("registry", "name", "owner_uuid", "internal", "active"), _osquery_registry
    ),
    **{name: own_table(name, tuple) for name in _OWN},
}
