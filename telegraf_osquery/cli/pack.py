"""``pack``: the queries of a pack, once, now."""

import sys

import msgspec

from telegraf_osquery.cli import ask, formats, host, render
from telegraf_osquery.cli.ask import Asking
from telegraf_osquery.cli.formats import FORMATS, Envelope
from telegraf_osquery.cli.options import PLAIN, Asked, Packs
from telegraf_osquery.cli.packs import library, one
from telegraf_osquery.engines.guard import Guarded
from telegraf_osquery.errors import EXIT_FAILED, BadItemError, PackError
from telegraf_osquery.packs.pack import Pack, ScheduledQuery
from telegraf_osquery.packs.select import obstacle


def pack(name: str, /, *, query: str = "", packs: Packs = (), asked: Asked = PLAIN) -> int:
    """Run the queries of a pack once, whatever their interval.

    Exit codes: 0 all answered; 1 a query failed or was cut short, the others were printed; 2 no
    such pack or query; 75 the engine cannot be reached.

    Args:
        name: The pack.
        query: Only this query; csv needs it where the pack has several.
        packs: Where to look: pack files, osquery configurations, folders of them, or names of
            starter packs; all starter packs when left out.
        asked: How to ask and print.
    """
    chosen = one(library(packs)[0].packs, name)
    queries = _queries(chosen, query)
    if asked.format == "csv" and len(queries) > 1:
        raise PackError(
            f'pack "{name}": {len(queries)} queries have different columns and csv has one header; '
            "choose one with --query, or another format"
        )
    with ask.opened(asked.engine, asked.limit) as asking:
        here = [each for each in queries if query or _fits(chosen, each, asking)]
        return _Printer(asking, asked).all(here)


def _queries(pack: Pack, name: str) -> list[ScheduledQuery]:
    found = [query for query in pack.queries if name in {"", query.name}]
    if found:
        return found
    known = ", ".join(query.name for query in pack.queries) or "none"
    raise PackError(
        f'pack "{pack.name}": query "{name}": there is none of this name; expected one of: {known}'
    )


def _fits(pack: Pack, query: ScheduledQuery, asking: Asking) -> bool:
    here = host.here(asking.choice.version)
    why = obstacle(pack, here) or obstacle(query, here)
    if why:
        render.warn(f"{query.pack} {query.name}: not run, {why}")
    return not why


class _Printer:
    """Prints one answer after the other; the exit code is the worst."""

    def __init__(self, asking: Asking, asked: Asked) -> None:
        self._asking = asking
        self._timeout = asked.timeout
        self._limit = asked.limit
        self._out = sys.stdout
        self._print = {"table": self._headed, "line": self._headed, "json": self._json}.get(
            asked.format, self._plain
        )
        self._format: formats.Print = FORMATS[asked.format]
        self._first = True

    def all(self, queries: list[ScheduledQuery]) -> int:
        code = 0
        for query in queries:
            code = max(code, self._one(query))
        if self._print == self._json:
            self._out.write("[]\n" if self._first else "\n]\n")
        return code

    def _one(self, query: ScheduledQuery) -> int:
        name = f"{query.pack} {query.name}"
        try:
            answered = self._asking.scheduled(query, self._timeout)
            self._print(query, answered)
        except BadItemError as error:
            render.warn(f"{name}: {error}")
            return EXIT_FAILED
        return ask.ended(answered, name, limit=self._limit)

    def _plain(self, query: ScheduledQuery, answered: Guarded) -> None:
        self._format(answered, self._envelope(query), self._out)

    def _headed(self, query: ScheduledQuery, answered: Guarded) -> None:
        text = formats.text(self._format, answered, self._envelope(query))
        self._out.write("" if self._first else "\n")
        self._first = False
        render.heading(f"{query.pack} {query.name}", self._out)
        self._out.write(text)

    def _json(self, query: ScheduledQuery, answered: Guarded) -> None:
        rows = formats.text(self._format, answered, self._envelope(query)).strip()
        head = {
            "pack": query.pack,
            "query": query.name,
            "measurement": query.measurement,
            "outcome": answered.outcome,
            "reason": answered.reason,
            "limited": answered.limited,
            "columns": answered.columns,
            "rows": msgspec.Raw(rows.encode()),
        }
        self._out.write(("[" if self._first else ",") + "\n")
        self._out.write(msgspec.json.encode(head).decode())
        self._first = False

    def _envelope(self, query: ScheduledQuery) -> Envelope:
        return self._asking.envelope(query.pack, query.name)
