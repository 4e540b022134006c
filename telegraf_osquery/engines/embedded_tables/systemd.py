"""systemd_units: what systemd says of its units (osquery/tables/system/linux/systemd_units.cpp).

Whether a unit runs, has failed or waits is known to systemd alone, so it is asked over the system
bus as osquery does (org.freedesktop.systemd1(5)); any user may. Files would not do: they say which
units could be started. A host without bus or without systemd has no rows, as in osquery. Unlike
there a bus that breaks off in the middle fails the query: else all units would seem gone.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import islice
from typing import Any

import msgspec

from telegraf_osquery.engines.embedded_tables.ask import Ask, Table
from telegraf_osquery.engines.embedded_tables.dbus import Bus, Call, Reader, Refused
from telegraf_osquery.errors import QueryError

_SYSTEMD = "org.freedesktop.systemd1"
_LIST = Call(_SYSTEMD, "/org/freedesktop/systemd1", f"{_SYSTEMD}.Manager", "ListUnits")
_PROPERTIES = "org.freedesktop.DBus.Properties"
_ABSENT = ("ServiceUnknown", "NameHasNoOwner", "Spawn.ServiceNotFound")
_TOGETHER = 16
"""Units whose properties are asked for at once: below the bus's limit of 128 pending answers."""

_UNIT, _SERVICE = f"{_SYSTEMD}.Unit", f"{_SYSTEMD}.Service"
PROPERTIES = {
    "fragment_path": (_UNIT, "FragmentPath"),
    "source_path": (_UNIT, "SourcePath"),
    "unit_file_state": (_UNIT, "UnitFileState"),
    "user": (_SERVICE, "User"),
}


class Unit(msgspec.Struct, frozen=True):
    """A unit that systemd has loaded, in the order of ListUnits; ``properties`` by column."""

    id: str
    description: str
    load_state: str
    active_state: str
    sub_state: str
    following: str
    object_path: str
    job_id: int
    job_type: str
    job_path: str
    properties: dict[str, str]


def units(ask: Ask, wanted: Sequence[str]) -> Iterator[Unit]:
    """All units with these properties (keys of ``PROPERTIES``); none without bus or systemd.

    Raises:
        OSError, ValueError, QueryError: the bus refuses, breaks off or talks nonsense.
        QueryTimeout: the deadline passed.
    """
    with closing(Bus(ask)) as bus:
        try:
            bus.connect()
        except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError):
            return
        found = _listed(bus)
        while some := list(islice(found, _TOGETHER)):
            yield from _described(bus, some, wanted)


def _listed(bus: Bus) -> Iterator[Unit]:
    """The answer is an array of structures: nine texts and, in the eighth place, a number."""
    (answer,) = bus.ask([_LIST])
    if isinstance(answer, Refused):
        if not answer.name.endswith(_ABSENT):
            raise QueryError(f"systemd does not list its units: {answer.name}")
        return
    size = answer.number()
    answer.align(8)
    end = answer.at + size
    while answer.at < end:
        answer.align(8)
        yield _unit(answer)


def _unit(answer: Reader) -> Unit:
    text = answer.text
    about = text(), text(), text(), text(), text(), text(), text()
    return Unit(*about, answer.number(), text(), text(), {})


def _described(bus: Bus, found: list[Unit], wanted: Sequence[str]) -> Iterator[Unit]:
    """Units with their properties; empty where a unit has no such property or is gone."""
    asked = [
        (unit, column)
        for unit in found
        for column in wanted
        if column != "user" or unit.id.endswith(".service")
    ]
    answers = bus.ask([_get(unit, column) for unit, column in asked])
    for (unit, column), answer in zip(asked, answers, strict=True):
        if isinstance(answer, Reader):
            unit.properties[column] = str(answer.variant())
    yield from found


def _get(unit: Unit, column: str) -> Call:
    return Call(_SYSTEMD, unit.object_path, _PROPERTIES, "Get", PROPERTIES[column])


def _systemd_units(ask: Ask) -> Iterator[tuple[Any, ...]]:
    wanted = [column for column in PROPERTIES if ask.wants(column)]
    for unit in units(ask, wanted):
        more = (unit.properties.get(column, "") for column in PROPERTIES)
        yield (
            *(unit.id, unit.description, unit.load_state, unit.active_state, unit.sub_state),
            *(unit.following, unit.object_path, unit.job_id, unit.job_type, unit.job_path),
            *more,
        )


TABLES = {
    "systemd_units": Table(
        (
            *("id", "description", "load_state", "active_state", "sub_state", "following"),
            *("object_path", "job_id", "job_type", "job_path", *PROPERTIES),
        ),
        _systemd_units,
    )
}
