"""crontab: system and user crontabs (osquery/tables/system/posix/crontab.cpp)."""

import os
from collections.abc import Iterator

from telegraf_osquery.engines.embedded_tables.ask import Ask, Table
from telegraf_osquery.engines.embedded_tables.content import clean
from telegraf_osquery.engines.embedded_tables.rooted import resolve

_SYSTEM = "/etc/crontab"
_FOLDERS = ("/etc/cron.d", "/var/at/tabs", "/var/spool/cron", "/var/spool/cron/crontabs")
_NO_TIME = ("", "", "", "", "")


def _crontab(ask: Ask) -> Iterator[tuple[str | int, ...]]:
    """A line is five time fields and a command, or an ``@event`` and a command.

    The user field of system crontabs stays part of the command, blanks in a row become one, and
    what has no command (assignments, broken lines) gives no row: all as osquery does.
    """
    for path in _files(ask):
        for line in ask.text(path).split("\n"):
            words = line.split()
            if not words or words[0].startswith("#"):
                continue
            fields = 1 if words[0].startswith("@") else 5
            if len(words) > fields:
                when = (words[0], *_NO_TIME) if fields == 1 else ("", *words[:5])
                yield (*when, " ".join(words[fields:]), clean(path), 0)


def _files(ask: Ask) -> Iterator[str]:
    yield _SYSTEM
    for folder in _FOLDERS:
        try:
            names = sorted(os.listdir(resolve(ask.root, folder)))
        except OSError:
            continue
        yield from (f"{folder}/{name}" for name in names if not name.startswith("."))


TABLES = {
    "crontab": Table(
        (
            *("event", "minute", "hour", "day_of_month", "month", "day_of_week"),
            *("command", "path", "pid_with_namespace"),
        ),
        _crontab,
        lacks="crontabs of users in /var/spool/cron cannot be read",
    )
}
