"""Decides once, at start, which engine answers."""

import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from telegraf_osquery.clock import Clock
from telegraf_osquery.engines.base import Engine
from telegraf_osquery.engines.embedded import Embedded
from telegraf_osquery.errors import ConfigError
from telegraf_osquery.schema.spec import RELEASE
from telegraf_osquery.schema.tables import Schema

NAMES = ("auto", "embedded")
_LATER = ("socket", "process")
SOCKET = "/var/osquery/osquery.em"
"""Where osqueryd listens on Linux unless told otherwise."""
_SHELLS = ("/opt/osquery/bin/osqueryd",)

Warn = Callable[[str], None]
ScheduleRows = Callable[[], Iterable[Sequence[Any]]]


class Choice(msgspec.Struct, frozen=True):
    """What was decided, and why.

    Attributes:
        name: the engine's kind.
        reason: for the person who reads the log.
        version: the osquery release that packs may count on.
        make: a new engine; each lane needs its own.
    """

    name: str
    reason: str
    version: str
    make: Callable[[], Engine]


EngineChoice = Callable[[str, Schema, Clock, Warn, ScheduleRows], Choice]


def choose(
    setting: str,
    schema: Schema,
    clock: Clock,
    warn: Warn = lambda _: None,
    schedule: ScheduleRows = tuple,
) -> Choice:
    """The engine for this setting.

    Args:
        setting: ``auto`` or ``embedded``.
        schema: declares the columns.
        clock: the host's time.
        warn: takes one line about something odd.
        schedule: rows of osquery_schedule (columns: ``embedded_tables.agent.SCHEDULE_COLUMNS``).

    Raises:
        ConfigError: no such engine, or not in this version.
    """
    if setting in _LATER:
        raise ConfigError(
            f'engine = "{setting}": not in this version, expected one of {", ".join(NAMES)}'
        )
    if setting not in NAMES:
        raise ConfigError(f'engine = "{setting}": unknown, expected one of {", ".join(NAMES)}')
    reason = "set so" if setting == "embedded" else _found()

    def make() -> Engine:
        from telegraf_osquery.engines.embedded_tables.agent import schedule_table

        more = {"osquery_schedule": schedule_table(schedule)}
        return Embedded(schema, clock, tables=more, warn=warn)

    return Choice("embedded", reason, RELEASE, make)


def _found() -> str:
    """What there is of osquery on this host, by existence only."""
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    places = (*(os.path.join(folder, "osqueryi") for folder in folders if folder), *_SHELLS)
    shell = next((path for path in places if os.access(path, os.X_OK)), "")
    socket = os.path.exists(SOCKET)
    if not shell and not socket:
        return f"no osqueryd socket at {SOCKET}, no osqueryi on PATH"
    seen = " and ".join(filter(None, (f"a socket at {SOCKET}" if socket else "", shell)))
    return f"{seen} found, which this version does not use yet"
