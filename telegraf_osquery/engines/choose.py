"""Decides once, at start, which engine answers."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from telegraf_osquery.clock import Clock
from telegraf_osquery.config.settings import Settings
from telegraf_osquery.engines.base import Engine
from telegraf_osquery.errors import BadItemError, ConfigError, EngineUnavailable
from telegraf_osquery.schema.analyze import Analyzer
from telegraf_osquery.schema.functions import RULES
from telegraf_osquery.schema.policy import Policy
from telegraf_osquery.schema.spec import RELEASE
from telegraf_osquery.schema.tables import Schema

NAMES = ("auto", "socket", "process", "embedded")
_SHELL = "osqueryi"
_DAEMONS = (
    "/opt/osquery/bin/osqueryd",
    "/opt/osquery/lib/osquery.app/Contents/MacOS/osqueryd",
    "/usr/bin/osqueryd",
)
"""Packages of 5.x for Linux and macOS, and those before; as ``-S`` the daemon is the shell."""

Warn = Callable[[str], None]
OwnRows = Mapping[str, Callable[[], Iterable[Sequence[Any]]]]
"""Rows about the agent itself, for ``osquery_schedule`` and ``osquery_packs``; columns as in
``embedded_tables.agent``."""
NOTHING: OwnRows = {}


class Places(Settings, frozen=True, kw_only=True):
    """Where osquery is found."""

    socket: Annotated[
        str, Meta(description="osqueryd's extension socket (its flag extensions_socket).")
    ] = "/var/osquery/osquery.em"
    osqueryi: Annotated[
        str,
        Meta(
            description="osquery's shell, or osqueryd, which can be its own shell; empty: osqueryi "
            "on PATH, else where osquery's packages put it."
        ),
    ] = ""


ANYWHERE = Places()


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


EngineChoice = Callable[[str, Schema, Clock, Warn, OwnRows, Places], Choice]


def choose(
    setting: str,
    schema: Schema,
    clock: Clock,
    warn: Warn = lambda _: None,
    own: OwnRows = NOTHING,
    places: Places = ANYWHERE,
) -> Choice:
    """The engine for this setting; ``auto``: osqueryd's socket, then osqueryi, then our own.

    What is there but cannot be used is an error: to fall back in silence would be to answer with
    other tables than were expected.

    Args:
        setting: ``auto``, ``socket``, ``process`` or ``embedded``.
        schema: declares the columns.
        clock: the host's time.
        warn: takes one line about something odd.
        own: rows about the agent, for the embedded engine; osquery shows its own.
        places: where osquery is found.

    Raises:
        ConfigError: no such engine, or no such program.
        EngineUnavailable: osquery is there and does not answer; the message has the cure.
    """
    if setting not in NAMES:
        raise ConfigError(f'engine = "{setting}": unknown, expected one of {", ".join(NAMES)}')
    auto = setting == "auto"
    if setting == "socket" or (auto and _exists(places.socket)):
        return _tried(lambda: _socket(clock, places.socket), auto=auto)
    if setting == "process" or auto:
        program = _program(places.osqueryi)
        if program:
            return _tried(lambda: _process(program, schema, clock, warn), auto=auto)
        if not auto:
            raise ConfigError(
                'engine = "process": found no osqueryi on PATH and no osqueryd in '
                f"{', '.join(_DAEMONS)}; install osquery, or set osqueryi to its path"
            )
    reason = f"no osqueryd socket at {places.socket}, no osqueryi on PATH" if auto else "set so"
    return Choice("embedded", reason, RELEASE, _embedded(schema, clock, warn, own))


def _tried(make: Callable[[], Choice], *, auto: bool) -> Choice:
    """The choice if it answers."""
    try:
        return make()
    except (EngineUnavailable, BadItemError) as error:
        other = '; or set engine = "embedded"' if auto else ""
        raise EngineUnavailable(f"{error}{other}") from None


def _socket(clock: Clock, path: str) -> Choice:
    from telegraf_osquery.engines.socket import Socket

    asked = Socket(clock, path)
    try:
        version, tables = asked.release(), asked.tables()
    finally:
        asked.close()
    reason = f"osqueryd {version} answers at {path}"
    return Choice("socket", reason, version, lambda: Socket(clock, path, tables))


def _process(program: tuple[str, ...], schema: Schema, clock: Clock, warn: Warn) -> Choice:
    from telegraf_osquery.engines.process import Process

    asked = Process(clock, program, Analyzer(schema), warn=warn)
    try:
        version = asked.release()
        tables = frozenset(name for name in asked.tables() if not _evented(schema, name))
    finally:
        asked.close()

    def make() -> Engine:
        # It only tells the names of the columns: what may be used was judged by the guard.
        every = Policy(functions=frozenset(RULES))
        analyzer = Analyzer(schema, policy=every, version=version)
        return Process(clock, program, analyzer, tables, warn)

    return Choice("process", f"{program[0]} is osquery {version}", version, make)


def _evented(schema: Schema, name: str) -> bool:
    """Whether the table shows events: a shell has none, and would answer without rows for ever."""
    spec = schema.table(name) if name.endswith("_events") else None
    return spec is not None and spec.evented


def _embedded(schema: Schema, clock: Clock, warn: Warn, own: OwnRows) -> Callable[[], Engine]:
    def make() -> Engine:
        from telegraf_osquery.engines.embedded import Embedded
        from telegraf_osquery.engines.embedded_tables.agent import own_table

        more = {name: own_table(name, rows) for name, rows in own.items()}
        return Embedded(schema, clock, tables=more, warn=warn)

    return make


def _exists(path: str) -> bool:
    """Whether something is there, also where this user may not look."""
    try:
        os.lstat(path)
    except PermissionError:
        return True
    except OSError:
        return False
    return True


def _program(setting: str) -> tuple[str, ...]:
    """The command of osquery's shell; empty where there is none.

    Raises:
        ConfigError: the setting names what cannot be run.
    """
    if setting and not _runs(setting):
        raise ConfigError(f'osqueryi = "{setting}": found no program there, expected osqueryi')
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    places = (*(os.path.join(folder, _SHELL) for folder in folders if folder), *_DAEMONS)
    found = setting or next(filter(_runs, places), "")
    if not found:
        return ()
    is_daemon = "osqueryd" in os.path.basename(found)
    return (found, "-S") if is_daemon else (found,)


def _runs(path: str) -> bool:
    return os.path.isfile(path) and os.access(path, os.X_OK)
