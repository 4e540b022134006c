"""What moves: cpu_time, memory_info, load_average, uptime, time."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from telegraf_osquery.clock import SECOND
from telegraf_osquery.engines.embedded_tables.ask import Ask, Table

_MEMORY = {
    "memory_total": "MemTotal",
    "memory_free": "MemFree",
    "memory_available": "MemAvailable",
    "buffers": "Buffers",
    "cached": "Cached",
    "swap_cached": "SwapCached",
    "active": "Active",
    "inactive": "Inactive",
    "swap_total": "SwapTotal",
    "swap_free": "SwapFree",
}
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def meminfo(ask: Ask) -> dict[str, int]:
    """The lines of /proc/meminfo that are in kB, in bytes."""
    found = {}
    for line in ask.text("/proc/meminfo").splitlines():
        name, _, rest = line.partition(":")
        words = rest.split()
        if len(words) == 2 and words[1] == "kB" and words[0].isdecimal():
            found[name] = int(words[0]) * 1024
    return found


def _memory_info(ask: Ask) -> Iterator[tuple[Any, ...]]:
    """One row; NULL where the kernel does not say."""
    found = meminfo(ask)
    yield tuple(found.get(name) for name in _MEMORY.values())


def _cpu_time(ask: Ask) -> Iterator[tuple[int, ...]]:
    """A row per core, in ticks of 1/100 s since boot; 0 for what an old kernel does not count."""
    for line in ask.text("/proc/stat").split("\n"):
        words = line.split()
        core = words[0].removeprefix("cpu") if len(words) > 7 else ""
        if core.isdecimal() and line.startswith("cpu"):
            yield int(core), *(int(word) for word in (*words[1:11], *["0"] * 3)[:10])


def _load_average(ask: Ask) -> Iterator[tuple[Any, ...]]:
    """Six decimals, as osquery writes them; the running host is asked by system call, as there."""
    try:
        loads = [float(word) for word in ask.text("/proc/loadavg").split()[:3]]
        if not ask.root:
            loads = list(os.getloadavg())
    except (OSError, ValueError):
        return
    for period, load in zip(("1m", "5m", "15m"), loads, strict=False):
        yield period, f"{load:.6f}"


def _uptime(ask: Ask) -> Iterator[tuple[Any, ...]]:
    words = ask.text("/proc/uptime").split()
    try:
        total = int(float(words[0]))
    except (IndexError, ValueError):
        return
    minutes, seconds = divmod(total, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    yield days, hours, minutes, seconds, total


def _time(ask: Ask) -> Iterator[tuple[Any, ...]]:
    """All columns are UTC; ``local_timezone`` is that of this process."""
    seconds = ask.clock.time_ns() // SECOND
    now = datetime.fromtimestamp(seconds, UTC)
    weekday = _DAYS[now.weekday()]
    clock = f"{now:%H:%M:%S}"
    iso = f"{now.year:04d}-{now:%m-%d}T{clock}Z"
    yield (
        weekday,
        now.year,
        now.month,
        now.day,
        now.hour,
        now.minute,
        now.second,
        "UTC",
        now.astimezone().tzname() or "" if ask.wants("local_timezone") else "",
        seconds,
        f"{weekday[:3]} {_MONTHS[now.month - 1]} {now.day:2d} {clock} {now.year} UTC",
        iso,
        iso,
    )


TABLES = {
    "cpu_time": Table(
        (
            *("core", "user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"),
            *("guest", "guest_nice"),
        ),
        _cpu_time,
    ),
    "memory_info": Table(tuple(_MEMORY), _memory_info),
    "load_average": Table(("period", "average"), _load_average),
    "uptime": Table(("days", "hours", "minutes", "seconds", "total_seconds"), _uptime),
    "time": Table(
        (
            "weekday",
            "year",
            "month",
            "day",
            "hour",
            "minutes",
            "seconds",
            "timezone",
            "local_timezone",
            "unix_time",
            "timestamp",
            "datetime",
            "iso_8601",
        ),
        _time,
    ),
}
