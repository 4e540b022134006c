"""What ``doctor`` looks at: one function per subject, each giving what it found."""

import importlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from typing import Literal

import msgspec

from telegraf_osquery import VERSION
from telegraf_osquery.cli import host
from telegraf_osquery.cli.ask import Asking, opened
from telegraf_osquery.clock import SECOND, Clock, SystemClock
from telegraf_osquery.engines import embedded_tables
from telegraf_osquery.engines.embedded_tables import MODULES
from telegraf_osquery.engines.embedded_tables.ask import Table
from telegraf_osquery.errors import BadItemError, TelegrafOsqueryError
from telegraf_osquery.packs.library import Library
from telegraf_osquery.packs.pack import ScheduledQuery
from telegraf_osquery.packs.select import obstacle
from telegraf_osquery.runtime.settings import CollectSettings
from telegraf_osquery.schema import tables
from telegraf_osquery.store.open import open_reader
from telegraf_osquery.store.place import state_dir
from telegraf_osquery.store.schedule import Last

State = Literal["ok", "note", "warning", "fault"]

TELEGRAF_FLOOR = (1, 33, 3)
"""The oldest Telegraf whose execd plugin does what we need."""
BUILT = 1_700_000_000 * SECOND
"""No host's clock is right before this (November 2023)."""
PRIVILEGES = (
    "run it as root (telegraf-osquery collect beside an unprivileged Telegraf) or give it "
    "CAP_DAC_READ_SEARCH and CAP_SYS_PTRACE: docs/how-to/privileges.md"
)


class Check(msgspec.Struct, frozen=True):
    """One thing that was looked at.

    Attributes:
        state: ``note`` is worth knowing, ``warning`` works less well than it could, ``fault`` does
            not work.
        cure: what to do; empty where there is nothing to do.
    """

    subject: str
    state: State
    found: str
    cure: str = ""


def all_checks(settings: CollectSettings) -> list[Check]:
    """Everything, in the order a person reads it."""
    clock = SystemClock()
    found = [*program(), *telegraf(), *time(clock), *state(settings, clock)]
    try:
        with opened(settings.engine) as asking:
            found += [*engine(asking), *limited(asking), *packs(settings, asking)]
    except TelegrafOsqueryError as error:
        found.append(Check("engine", "fault", str(error)))
    return found


def program() -> Iterator[Check]:
    """Version, Python, bytecode."""
    python = ".".join(map(str, sys.version_info[:3]))
    yield Check("program", "ok", f"telegraf-osquery {VERSION}, Python {python}")
    compiled = os.path.exists(importlib.util.cache_from_source(tables.__file__))
    if compiled:
        yield Check("bytecode", "ok", "compiled")
        return
    root = os.path.dirname(os.path.dirname(tables.__file__))
    yield Check(
        "bytecode",
        "warning",
        "not compiled: every start costs 40 ms more",
        f"{sys.executable} -m compileall -q {root}",
    )


def telegraf() -> Iterator[Check]:
    """Telegraf and its version."""
    path = shutil.which("telegraf")
    if path is None:
        yield Check("telegraf", "note", "not on PATH", "install it where this host shall send data")
        return
    try:
        said = subprocess.run(  # noqa: S603 - the program that the user calls telegraf
            [path, "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=10,
            check=False,
            text=True,
            errors="replace",
        ).stdout
    except (OSError, subprocess.TimeoutExpired) as error:
        yield Check("telegraf", "warning", f"{path}: {error}", "reinstall Telegraf")
        return
    yield judge_telegraf(path, said)


def judge_telegraf(path: str, said: str) -> Check:
    """The check for what ``telegraf --version`` printed."""
    match = re.search(r"(\d+)\.(\d+)\.(\d+)", said)
    floor = ".".join(map(str, TELEGRAF_FLOOR))
    if match is None:
        return Check("telegraf", "note", f"{path}: version unknown ({said.strip()[:60]})")
    if tuple(map(int, match.groups())) < TELEGRAF_FLOOR:
        cure = f"upgrade Telegraf to {floor} or newer"
        return Check("telegraf", "warning", f"{path}: {match[0]} is older than {floor}", cure)
    return Check("telegraf", "ok", f"{path}: {match[0]}")


def time(clock: Clock) -> Iterator[Check]:
    """The wall clock, which gives every row its time."""
    if clock.time_ns() < BUILT:
        cure = "set the clock (timedatectl set-ntp true); until then rows are written to the past"
        yield Check("clock", "fault", "stands before this program was built", cure)
    else:
        yield Check("clock", "ok", "plausible")


def state(settings: CollectSettings, clock: Clock) -> Iterator[Check]:
    """The state folder and the state files in it."""
    try:
        folder = state_dir(settings.state_dir, os.environ)
    except TelegrafOsqueryError as error:
        yield Check("state", "fault", str(error))
        return
    if not os.path.isdir(folder):
        above = _existing(folder)
        if os.path.isdir(above) and os.access(above, os.W_OK | os.X_OK):
            yield Check("state", "ok", f"{folder}: will be made at the first start")
        else:
            cure = "make it for the user of the collector, or set state_dir"
            yield Check("state", "fault", f"{folder}: cannot be made in {above}", cure)
        return
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        cure = "run doctor as the user of the collector, or set state_dir"
        yield Check("state", "fault", f"{folder}: not ours to write", cure)
        return
    yield Check("state", "ok", folder)
    for name in sorted(os.listdir(folder)):
        if name.endswith(".db"):
            yield from _remembered(os.path.join(folder, name), clock)


def _existing(folder: str) -> str:
    while not os.path.lexists(folder):
        folder = os.path.dirname(folder)
    return folder


def _remembered(path: str, clock: Clock) -> Iterator[Check]:
    """One state file: what ran last, what is on the denylist, a clock that was set back."""
    try:
        reader = open_reader(path)
    except TelegrafOsqueryError as error:
        yield Check("state", "warning", str(error))
        return
    try:
        runs = reader.last_runs()
    finally:
        reader.close()
    now = clock.time_ns()
    yield Check("state", "ok", f"{path}: {len(runs)} queries remembered")
    for (pack, query), last in runs.items():
        yield from _judge_last(f"{pack} {query}", last, now)


def _judge_last(name: str, last: Last, now: int) -> Iterator[Check]:
    if last.denylisted_until > now:
        hours = (last.denylisted_until - now) / SECOND / 3600
        cure = "make the query cheaper or raise its budget; it is tried again then"
        yield Check(
            "denylist", "warning", f"{name}: {last.denylist_reason}, {hours:.1f} h left", cure
        )
    if last.last_run > now + 60 * SECOND:
        yield Check("clock", "warning", f"{name} ran in the future: the clock was set back")


def engine(asking: Asking) -> Iterator[Check]:
    """The engine, why it was chosen, and what it is not."""
    choice = asking.choice
    yield Check("engine", "ok", f"{choice.name}: {choice.reason}")
    if choice.name != "embedded":
        return
    platform = host.here(choice.version).platform
    all_tables = tables.load().names(platform)
    yield Check(
        "engine",
        "note",
        f"embedded is not osquery: it answers {len(MODULES)} of the {len(all_tables)} tables of "
        f"osquery {choice.version} on {platform}, and no event tables",
    )


def limited(asking: Asking) -> Iterator[Check]:
    """Every table that shows less than all with the rights of this process."""
    engine = asking.engine
    names = sorted(engine.limited(engine.tables()))
    if not names:
        yield Check("privileges", "ok", "every table shows all there is")
    for name in names:
        yield Check(f"table {name}", "warning", f"limited: {lacks(name)}", PRIVILEGES)


def lacks(table: str) -> str:
    """What an embedded table lacks without root; empty for others."""
    if table not in MODULES:
        return ""
    module = importlib.import_module(f"{embedded_tables.__name__}.{MODULES[table]}")
    found: Table = module.TABLES[table]
    return found.lacks


def packs(settings: CollectSettings, asking: Asking) -> Iterator[Check]:
    """The packs of the settings: readable, and every query answerable here."""
    library = Library(settings.packs)
    try:
        findings = library.load()
    except TelegrafOsqueryError as error:
        yield Check("packs", "fault", str(error))
        return
    states: dict[str, State] = {"error": "fault", "warning": "warning", "info": "note"}
    for finding in findings:
        yield Check("packs", states[finding.severity], str(finding))
    here = host.here(asking.choice.version)
    fine = 0
    for pack in library.packs:
        for query in pack.queries:
            if obstacle(pack, here) or obstacle(query, here):
                continue
            faults = list(query_checks(asking, query))
            fine += all(fault.state != "fault" for fault in faults)
            yield from faults
    yield Check("packs", "ok", f"{len(library.packs)} packs, {fine} queries can run here")


def query_checks(asking: Asking, query: ScheduledQuery) -> Iterator[Check]:
    """What is wrong with a query, found without running it."""
    name = f"{query.pack} {query.name}"
    try:
        analysis = asking.analyzer.analyze(query.sql)
    except BadItemError as error:
        yield Check("packs", "fault", f"{name}: {error}")
        return
    for column in analysis.columns:
        if not column.derived and column.name not in query.additions.types:
            yield Check(
                "packs",
                "warning",
                f"{name}: the type of column {column.name} cannot be told and is text",
                "declare it in the pack's additions: docs/how-to/types-and-tags.md",
            )
    absent = sorted(query.additions.columns() - {column.name for column in analysis.columns})
    if absent:
        cure = "correct the name in the pack's additions"
        yield Check("packs", "warning", f"{name}: no column {', '.join(absent)}", cure)
