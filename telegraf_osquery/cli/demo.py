"""``demo``: typed osquery data of this host in a few seconds, nothing installed, nothing kept."""

import os
import shutil
import socket
import sys
from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec

from telegraf_osquery import VERSION
from telegraf_osquery.cli import formats, host, render
from telegraf_osquery.cli.ask import Asking, opened
from telegraf_osquery.cli.packs import library
from telegraf_osquery.clock import Deadline
from telegraf_osquery.engines.embedded_tables import MODULES
from telegraf_osquery.errors import EXIT_FAILED, BadItemError
from telegraf_osquery.model.column import Column
from telegraf_osquery.packs.pack import Pack, ScheduledQuery
from telegraf_osquery.packs.select import obstacle

SECONDS = 12.0
"""All queries together; what does not fit is left out and said."""
QUERY_SECONDS = 4.0
LINES_PER_PACK = 2
LIVE = ("network", "listening")
STYLES = {"ok": "green", "empty": "dim", "limited": "yellow", "partial": "yellow", "failed": "red"}
BIGGEST = "SELECT name, pid, resident_size FROM processes ORDER BY resident_size DESC LIMIT 5"
CONFIGURATION = "telegraf.d/osquery.conf"


class Result(msgspec.Struct):
    """How one query went; ``line`` is its first row in line protocol."""

    query: ScheduledQuery
    state: str = "failed"
    columns: tuple[Column, ...] = ()
    rows: int = 0
    ms: float = 0.0
    line: str = ""
    reason: str = ""


def demo() -> int:
    """Show typed osquery data of this host in a few seconds.

    Exit codes: 0 data was shown; 1 no query of the starter packs gave any row.
    """
    with opened("auto") as asking:
        _opening(asking)
        packs = library(())[0].packs
        results = _all(packs, asking)
        _queries(results)
        _lines(results)
        _change(packs, asking)
        _next()
    return 0 if any(result.rows for result in results) else EXIT_FAILED


def _opening(asking: Asking) -> None:
    out, choice = sys.stdout, asking.choice
    render.heading(f"telegraf-osquery {VERSION}: osquery for Telegraf", out)
    out.write(f"\nengine   {choice.name}: {choice.reason}\n")
    if choice.name == "embedded":
        out.write(
            f"         reads this host itself: {len(MODULES)} of osquery's tables, with osquery's "
            "names and types; it is not osquery\n"
        )
    limited = asking.engine.limited(asking.engine.tables())
    if limited:
        out.write(
            f"rights   not root: {len(limited)} tables show less than all (doctor has more)\n"
        )
    else:
        out.write("rights   every table shows all there is\n")


def _all(packs: Iterable[Pack], asking: Asking) -> list[Result]:
    deadline = Deadline(asking.clock, SECONDS)
    here = host.here(asking.choice.version)
    fitting = [
        query
        for pack in packs
        for query in pack.queries
        if not (obstacle(pack, here) or obstacle(query, here))
    ]
    return [_one(query, asking, min(QUERY_SECONDS, deadline.left())) for query in fitting]


def _one(query: ScheduledQuery, asking: Asking, seconds: float) -> Result:
    result = Result(query)
    envelope = asking.envelope(query.pack, query.name)
    started = asking.clock.monotonic()
    try:
        answered = asking.scheduled(query, seconds)
        result.columns = answered.columns
        for rows in answered:
            first = formats.lines(answered.columns, rows, envelope, result.rows)
            result.line = result.line or first.decode().partition("\n")[0]
            result.rows += len(rows)
        result.state = "limited" if answered.limited and result.rows else answered.outcome
        result.reason = answered.reason
    except BadItemError as error:
        result.reason = str(error)
    result.ms = (asking.clock.monotonic() - started) * 1000
    return result


def _queries(results: list[Result]) -> None:
    out = sys.stdout
    out.write("\n")
    render.heading("The starter packs, each query once", out)
    rows = [
        (f"{r.query.pack} {r.query.name}", r.rows, _types(r.columns), f"{r.ms:.1f}", r.state)
        for r in results
    ]
    names = ("query", "rows", "columns by type", "ms", "outcome")
    render.table(names, rows, out, right=(1, 3), styles=STYLES)
    cells = sum(result.rows * len(result.columns) for result in results)
    total = sum(result.rows for result in results)
    took = sum(result.ms for result in results)
    out.write(f"{len(results)} queries, {total} rows, {cells} typed values in {took:.0f} ms\n")
    for result in results:
        if result.reason:
            out.write(f"{result.query.name}: {render.cell(result.reason)}\n")


def _types(columns: tuple[Column, ...]) -> str:
    kinds = Counter("tag" if column.tag else column.type for column in columns)
    return ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))


def _lines(results: list[Result]) -> None:
    out = sys.stdout
    out.write("\n")
    render.heading("What Telegraf gets: line protocol, one point per row", out)
    shown: Counter[str] = Counter()
    for result in sorted(results, key=lambda result: len(result.line)):
        if result.line and shown[result.query.pack] < LINES_PER_PACK:
            shown[result.query.pack] += 1
            render.dim(result.line, out)


def _change(packs: Iterable[Pack], asking: Asking) -> None:
    """Open a port between two runs of one query and show what became different."""
    found = [query for pack in packs for query in pack.queries if (pack.name, query.name) == LIVE]
    if not found:
        return
    out, query = sys.stdout, found[0]
    out.write("\n")
    render.heading(f"A live change: {query.pack} {query.name}, before and after", out)
    names, before = _rows(query, asking)
    with socket.create_server(("127.0.0.1", 0)) as server:
        out.write(f"this program begins to listen on port {server.getsockname()[1]}\n")
        _, during = _rows(query, asking)
    _difference("added", names, during - before)
    out.write("it stops listening\n")
    _difference("removed", names, during - _rows(query, asking)[1])


def _rows(query: ScheduledQuery, asking: Asking) -> tuple[list[str], Counter[tuple[Any, ...]]]:
    answered = asking.scheduled(query, QUERY_SECONDS)
    names = [column.name for column in answered.columns]
    return names, Counter(row for rows in answered for row in rows.tuples())


def _difference(action: str, names: list[str], rows: Counter[tuple[Any, ...]]) -> None:
    shown = [(action, *row) for row in list(rows)[:5]]
    if shown:
        render.table(("action", *names), shown, sys.stdout)
    else:
        sys.stdout.write("no difference seen: this host hides sockets from the engine\n")


def _next() -> None:
    out = sys.stdout
    out.write("\n")
    render.heading("Next", out)
    for command in next_commands():
        out.write(f"  {command}\n")


def next_commands() -> tuple[str, str, str]:
    """Three commands that work as they stand in this folder."""
    program = _program()
    collect = f"{program} execd input --once"
    if os.path.exists(CONFIGURATION) and shutil.which("telegraf"):
        collect = f"telegraf --config {CONFIGURATION} --test --test-wait 8"
        if not shutil.which("telegraf-osquery"):
            collect = f"PATH={os.path.dirname(sys.executable)}:$PATH {collect}"
    return f'{program} run "{BIGGEST}"', collect, f"{program} doctor"


def _program() -> str:
    """How this program can be called from here."""
    if shutil.which("telegraf-osquery"):
        return "telegraf-osquery"
    beside = os.path.relpath(os.path.join(os.path.dirname(sys.executable), "telegraf-osquery"))
    return beside if os.path.exists(beside) else f"{sys.executable} -m telegraf_osquery"
