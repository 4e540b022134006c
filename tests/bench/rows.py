"""Seeded rows of the shape of osquery's ``processes``: 28 columns, about 650 bytes of JSON each.

One row in ten has quotes or backslashes in its texts, some have line feeds or letters beyond ASCII,
and some numbers are empty, as osquery writes what it does not know.
"""

import json
import random
from collections.abc import Iterable, Iterator

from telegraf_osquery.model.column import Column

_ORDER = (
    "pid name path cmdline state cwd root uid gid euid egid suid sgid on_disk wired_size "
    "resident_size total_size user_time system_time disk_bytes_read disk_bytes_written start_time "
    "parent pgroup threads nice_class cgroup_path container"
)
TEXTS = (
    "name",
    "path",
    "cmdline",
    "state",
    "cwd",
    "root",
    "nice_class",
    "cgroup_path",
    "container",
)
COLUMNS = tuple(Column(name, "text" if name in TEXTS else "integer") for name in _ORDER.split())
INTEGERS = [column.name for column in COLUMNS if column.type == "integer"]

_PROGRAMS = ("sshd", "systemd-journald", "nginx", "postgres", "python3", "telegraf", "bash")


class Generator:
    """Rows by seed; the same seed gives the same rows."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - wanted: repeatable

    def row(self, pid: int) -> dict[str, str]:
        """One row, all values text, as osquery prints it."""
        ours = self._random
        name = ours.choice(_PROGRAMS)
        kind = ours.random()
        command = f"/usr/sbin/{name} --config /etc/{name}/{name}.conf --worker {ours.randrange(64)}"
        if kind < 0.1:
            command = f'sh -c "{name} \\"a b\\" C:\\tmp\\{pid}"'
        elif kind < 0.13:
            command = f"{name} <<END\n  line one\n  line two\nEND"
        elif kind < 0.18:
            command = f"{name} --заголовок=«Отчёт» {'日本' if kind < 0.15 else ''}"
        memory = ours.randrange(1 << 32)
        start = 1_790_000_000 + ours.randrange(10**6)
        times = ours.randrange(10**6)
        uid = str(ours.choice((0, 33, 1000, 65534)))
        values = {
            "pid": str(pid),
            "name": name,
            "path": f"/usr/sbin/{name}",
            "cmdline": command,
            "state": ours.choice("SRDI"),
            "cwd": "/" if kind < 0.8 else f"/home/alice/project-{pid % 17}",
            "root": "/",
            **dict.fromkeys(("uid", "euid", "suid"), uid),
            **dict.fromkeys(("gid", "egid", "sgid"), uid),
            "on_disk": "-1" if kind < 0.05 else "1",
            "wired_size": "0",
            "resident_size": str(memory),
            "total_size": str(memory * 7),
            "user_time": str(times),
            "system_time": str(times // 3),
            "disk_bytes_read": "" if kind < 0.3 else str(memory * 3),
            "disk_bytes_written": "" if kind < 0.3 else str(memory // 5),
            "start_time": str(start),
            "parent": str(pid // 2),
            "pgroup": str(pid // 2),
            "threads": str(1 + pid % 40),
            "nice_class": "normal",
            "cgroup_path": f"/system.slice/{name}.service",
            "container": "",
        }
        return {column.name: values[column.name] for column in COLUMNS}

    def rows(self, count: int) -> Iterator[dict[str, str]]:
        return map(self.row, range(1, count + 1))


def document(rows: Iterable[dict[str, str]]) -> bytes:
    """The rows as ``osqueryi --json`` prints them: one array, one row per line."""
    lines = ("  " + json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows)
    return ("[\n" + ",\n".join(lines) + "\n]\n").encode()
