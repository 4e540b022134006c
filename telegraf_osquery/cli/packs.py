"""``packs list`` and ``packs show``."""

import sys
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from telegraf_osquery.cli import host, render
from telegraf_osquery.cli.options import Packs, Shape
from telegraf_osquery.errors import EXIT_FAILED, PackError
from telegraf_osquery.packs.library import Library, starter_names
from telegraf_osquery.packs.pack import Finding, Pack, ScheduledQuery
from telegraf_osquery.packs.select import obstacle
from telegraf_osquery.schema.spec import RELEASE


def library(paths: Sequence[str]) -> tuple[Library, list[Finding]]:
    """The packs at ``paths``, the starter packs when there are none, and what is odd in them.

    Raises:
        PackError: nothing usable is there.
    """
    found = Library(paths or starter_names())
    return found, found.load()


def one(packs: Iterable[Pack], name: str) -> Pack:
    """The pack of this name.

    Raises:
        PackError: there is none.
    """
    by_name = {pack.name: pack for pack in packs}
    if name in by_name:
        return by_name[name]
    raise PackError(
        f'pack "{name}": there is none of this name; expected one of: '
        f"{', '.join(sorted(by_name)) or 'none found'}; name its file with --packs"
    )


def list_packs(*, packs: Packs = (), format: Shape = "table") -> int:  # noqa: A002 - the option's name
    """List the packs and their queries.

    Args:
        packs: Where to look: pack files, osquery configurations, folders of them, or names of
            starter packs; all starter packs when left out.
        format: table for eyes, json for programs.
    """
    found, findings = library(packs)
    if format == "json":
        render.json([describe(pack) for pack in found.packs], sys.stdout)
    else:
        rows = [
            (pack.name, len(pack.queries), _obstacle(pack), pack.description, pack.path)
            for pack in found.packs
        ]
        render.table(
            ("pack", "queries", "not here because", "about", "file"), rows, sys.stdout, right=[1]
        )
    return _report(findings)


def show(name: str, /, *, packs: Packs = (), format: Shape = "table") -> int:  # noqa: A002
    """Show one pack: its queries, their tags and types, what is odd in it.

    Args:
        name: The pack.
        packs: Where to look: pack files, osquery configurations, folders of them, or names of
            starter packs; all starter packs when left out.
        format: table for eyes, json for programs.
    """
    found, findings = library(packs)
    pack = one(found.packs, name)
    if format == "json":
        render.json(describe(pack), sys.stdout)
    else:
        _show(pack)
    return _report([finding for finding in findings if finding.pack in {"", name}])


def _show(pack: Pack) -> None:
    out = sys.stdout
    render.heading(pack.name, out)
    facts = {
        "about": pack.description,
        "file": pack.path,
        "platform": pack.platform,
        "version": pack.version,
        "shard": pack.shard or "",
        "discovery": "; ".join(pack.discovery),
        "not here because": _obstacle(pack),
    }
    for key, value in facts.items():
        if value:
            out.write(f"{key}: {render.cell(value)}\n")
    for query in pack.queries:
        out.write("\n")
        render.heading(query.name, out)
        for key, value in _facts(query).items():
            if value:
                out.write(f"  {key}: {render.cell(value)}\n")


def _facts(query: ScheduledQuery) -> dict[str, str]:
    added = query.additions
    return {
        "about": query.description,
        "measurement": query.measurement,
        "interval": f"{query.interval} s",
        "results": _results(query),
        "platform": query.platform,
        "not here because": _obstacle(query),
        "tags": ", ".join(added.tags),
        "key": ", ".join(added.key),
        "ignore": ", ".join(added.ignore),
        "types": ", ".join(f"{name} {kind}" for name, kind in added.types.items()),
        "sql": query.sql,
    }


def describe(pack: Pack) -> dict[str, Any]:
    """A pack as ``packs list --format json`` prints it; a contract for programs."""
    return {
        "name": pack.name,
        "path": pack.path,
        "description": pack.description,
        "platform": pack.platform,
        "version": pack.version,
        "shard": pack.shard,
        "discovery": list(pack.discovery),
        "runs_here": not _obstacle(pack),
        "queries": [_describe(query) for query in pack.queries],
    }


def _describe(query: ScheduledQuery) -> dict[str, Any]:
    return {
        "name": query.name,
        "sql": query.sql,
        "measurement": query.measurement,
        "interval": query.interval,
        "results": _results(query),
        "removed": query.removed,
        "denylist": query.denylist,
        "platform": query.platform,
        "version": query.version,
        "shard": query.shard,
        "description": query.description,
        "runs_here": not _obstacle(query),
        "additions": msgspec.to_builtins(query.additions),
    }


def _results(query: ScheduledQuery) -> str:
    return "snapshot" if query.snapshot else "differential"


def _obstacle(item: Pack | ScheduledQuery) -> str:
    return obstacle(item, host.here(RELEASE))


def _report(findings: Iterable[Finding]) -> int:
    """Say what is odd, on stderr; 1 when something does not run."""
    code = 0
    for finding in findings:
        render.warn(f"{finding.severity}: {finding}")
        if finding.severity == "error":
            code = EXIT_FAILED
    return code
