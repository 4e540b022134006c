"""ulimit_info: the resource limits of this process (osquery/tables/system/posix/ulimit_info.cpp).

osquery lifts its own soft limit of open files when it starts; this agent does not.
"""

from collections.abc import Iterator

from telegraf_osquery.engines.embedded_tables.ask import Ask, Table

_LOCKS = 10  # RLIMIT_LOCKS, which Python does not name; the same on all Linux but none uses it
_NAMES = (
    *("as", "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile"),
    *("nproc", "rss", "rtprio", "sigpending", "stack"),
)


def _ulimit_info(_: Ask) -> Iterator[tuple[str, str, str]]:
    """The name of a limit, then soft and hard; whatever root folder is examined."""
    import resource  # not on every platform

    for name in _NAMES:
        limit = getattr(resource, f"RLIMIT_{name.upper()}", _LOCKS)
        soft, hard = resource.getrlimit(limit)
        yield name, _text(soft), _text(hard)


def _text(limit: int) -> str:
    return "unlimited" if limit == -1 else str(limit)


TABLES = {"ulimit_info": Table(("type", "soft_limit", "hard_limit"), _ulimit_info)}
