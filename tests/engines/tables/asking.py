"""Asks one table directly, without SQL."""

from collections.abc import Iterator
from importlib import import_module
from typing import Any

from telegraf_osquery.clock import Deadline
from telegraf_osquery.engines.embedded_tables import MODULES
from telegraf_osquery.engines.embedded_tables.ask import Ask, Table
from tests.fakes.clock import ManualClock


def table(name: str) -> Table:
    tables: dict[str, Table] = import_module(
        f"telegraf_osquery.engines.embedded_tables.{MODULES[name]}"
    ).TABLES
    return tables[name]


def an_ask(root: str = "/", used: tuple[str, ...] = (), **equal: Any) -> Ask:
    clock = ManualClock()
    return Ask(root, frozenset(used), equal, {}, clock, Deadline(clock, 60))


def scan(
    name: str, root: object = "/", used: tuple[str, ...] = (), **equal: Any
) -> Iterator[dict[str, Any]]:
    """The rows as they come; without ``used`` all columns are read."""
    asked = table(name)
    rows = asked.generate(an_ask(str(root), used or asked.columns, **equal))
    return (dict(zip(asked.columns, row, strict=True)) for row in rows)


def rows(
    name: str, root: object = "/", used: tuple[str, ...] = (), **equal: Any
) -> list[dict[str, Any]]:
    return list(scan(name, root, used, **equal))
