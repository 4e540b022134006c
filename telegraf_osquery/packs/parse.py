"""From a parsed document to packs and decorators, with osquery's effect and a word for each loss.

osquery skips in silence what it does not understand. Here the effect is the same and every loss is
a finding. Deliberately different, because osquery's effect does harm:

- a ``version`` part too large for a C int disables that query or pack; osquery drops the whole pack
  or all scheduled queries;
- a broken file keeps what was read from it before (``packs.library``); osquery stops everything;
- names that would overwrite each other are refused (``packs.library``); in osquery the later wins;
- bytes that are no UTF-8 become U+FFFD (``packs.dialect``);
- a pack file with a dot in its stem keeps its name; under ``*`` osquery loses its queries.
"""

from collections.abc import Mapping
from typing import Any

from telegraf_osquery.packs import sidecar, values
from telegraf_osquery.packs.pack import (
    DEFAULT_INTERVAL,
    Decorators,
    Finding,
    Pack,
    ScheduledQuery,
    Severity,
)

_PACK_KEYS = frozenset({
    "queries", "platform", "version", "shard", "discovery", "description", "oncall", "name",
})  # fmt: skip
QUERY_KEYS = frozenset({
    "query", "interval", "snapshot", "removed", "denylist", "blacklist", "platform", "version",
    "shard", "description", "value", sidecar.KEY,
})  # fmt: skip
_CONFIG_KEYS = frozenset({"schedule", "packs", "decorators", "options"})
_DECORATOR_KEYS = frozenset({"load", "always", "interval"})
_DECORATOR_STEP = 60


class Notes:
    """Collects the findings of one file."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.findings: list[Finding] = []

    def add(
        self, severity: Severity, rule: str, message: str, pack: str = "", query: str = ""
    ) -> None:
        self.findings.append(Finding(severity, self.file, pack, query, message, rule))

    def unknown(
        self, keys: Mapping[str, Any], known: frozenset[str], pack: str, query: str
    ) -> None:
        """Report the keys that mean nothing here."""
        for key in keys:
            if key not in known:
                near = sidecar.nearest(key, known)
                message = f'key "{key}" is ignored'
                if near:
                    message += f'; did you mean "{near}"?'
                    self.add("warning", "misspelt-key", message, pack, query)
                else:
                    self.add("info", "unknown-key", message, pack, query)


def pack(data: Mapping[str, Any], name: str, notes: Notes, tables: sidecar.Tables) -> Pack:
    """One pack; ``tables`` are its queries' additions from the sidecar.

    Raises:
        ConfigError: our additions are not usable.
    """
    notes.unknown(data, _PACK_KEYS | _CONFIG_KEYS, name, "")
    for key in sorted(_CONFIG_KEYS & data.keys()):
        notes.add("warning", "misplaced-key", f'key "{key}" has no effect inside a pack', name)
    queries = data.get("queries")
    if not isinstance(queries, dict):
        found = "has no queries" if "queries" not in data else "has queries that are no object"
        notes.add("warning", "nothing-runs", f"the pack {found}; nothing of it runs", name)
        queries = {}
    platform, version, shard = _restrictions(data, notes, name, "")
    return Pack(
        name=name,
        path=notes.file,
        queries=_queries(queries, name, notes, tables),
        platform=platform,
        version=version,
        shard=shard,
        discovery=_discovery(data, name, notes),
        description=_text(data, "description"),
    )


def schedule(data: Any, notes: Notes, tables: sidecar.Tables) -> tuple[ScheduledQuery, ...]:
    """The queries of a config's ``schedule``; their pack is ``main``.

    Raises:
        ConfigError: our additions are not usable.
    """
    if not isinstance(data, dict):
        notes.add("error", "shape", "schedule is not an object; none of it runs")
        return ()
    return _queries(data, "main", notes, tables)


def _queries(
    data: Mapping[str, Any], pack: str, notes: Notes, tables: sidecar.Tables
) -> tuple[ScheduledQuery, ...]:
    made = (_query(pack, name, data[name], notes, tables.get(name, {})) for name in data)
    return tuple(query for query in made if query is not None)


def _query(
    pack: str, name: str, data: Any, notes: Notes, table: Mapping[str, Any]
) -> ScheduledQuery | None:
    if not isinstance(data, dict):
        found = values.shown(data)
        message = f"found {found}; expected an object; it does not run"
        notes.add("error", "shape", message, pack, name)
        return None
    sql = data.get("query")
    if not isinstance(sql, str) or not sql:
        found = "is missing" if "query" not in data else f"is {values.shown(sql)}"
        message = f"query {found}; expected SQL; it does not run"
        notes.add("error", "no-query", message, pack, name)
        return None
    seconds, note = values.interval(data["interval"]) if "interval" in data else (None, "")
    if note:
        if seconds:
            notes.add("warning", "interval-text", note, pack, name)
        else:
            notes.add("error", "interval", f"{note}; it does not run", pack, name)
    if seconds == 0:
        return None
    if not sql.strip():
        notes.add("warning", "blank-query", "query is blank and gives no rows", pack, name)
    notes.unknown(data, QUERY_KEYS, pack, name)
    platform, version, shard = _restrictions(data, notes, pack, name)
    return ScheduledQuery(
        pack=pack,
        name=name,
        sql=sql,
        interval=DEFAULT_INTERVAL if seconds is None else seconds,
        timed=seconds is not None,
        snapshot=_flag(data, "snapshot", notes, pack, name),
        removed=_flag(data, "removed", notes, pack, name),
        denylist=_flag(data, "denylist", notes, pack, name),
        platform=platform,
        version=version,
        shard=shard,
        description=_text(data, "description"),
        additions=sidecar.additions(data.get(sidecar.KEY), table, f"{notes.file}: {pack}: {name}"),
    )


_DEFAULTS = {"snapshot": False, "removed": True, "denylist": True}


def _flag(data: Mapping[str, Any], key: str, notes: Notes, pack: str, query: str) -> bool:
    named = key
    if key == "denylist" and key not in data and "blacklist" in data:
        named = "blacklist"
        notes.add("info", "old-key", "blacklist is the old name of denylist", pack, query)
    if named not in data:
        return _DEFAULTS[key]
    result, note = values.boolean(named, data[named])
    if note:
        notes.add("warning", "flag", note, pack, query)
    return result


def _restrictions(
    data: Mapping[str, Any], notes: Notes, pack: str, query: str
) -> tuple[str, str, int]:
    platform, version, shard = "", "", 0
    said = {}
    if "platform" in data:
        platform, said["platform"] = values.platform(data["platform"])
    if "version" in data:
        version, said["version"] = values.version(data["version"])
    if "shard" in data:
        shard, said["shard"] = values.shard(data["shard"])
    for rule, note in said.items():
        if note:
            notes.add("warning", rule, note, pack, query)
    return platform, version, shard


def _discovery(data: Mapping[str, Any], pack: str, notes: Notes) -> tuple[str, ...]:
    found = data.get("discovery", [])
    if not isinstance(found, list):
        message = "discovery is not a list and decides nothing; write a list"
        notes.add("warning", "discovery-shape", message, pack)
        return ()
    if any(not isinstance(sql, str) for sql in found):
        message = "discovery has an item that is not text; it decides nothing"
        notes.add("warning", "discovery-shape", message, pack)
    queries = tuple(sql for sql in found if isinstance(sql, str))
    if "" in queries:
        message = "discovery has an empty query; the pack never runs"
        notes.add("error", "discovery", message, pack)
    return queries


def _text(data: Mapping[str, Any], key: str) -> str:
    value = data.get(key)
    return value if isinstance(value, str) else ""


def decorators(data: Any, notes: Notes) -> Decorators:
    """A config's ``decorators``; what osquery would not ask is left out and reported."""
    if not isinstance(data, dict):
        notes.add("error", "decorators", "decorators is not an object; no decoration is added")
        return Decorators()
    notes.unknown(data, _DECORATOR_KEYS, "", "")
    intervals: dict[int, tuple[str, ...]] = {}
    by_interval = data.get("interval", {})
    if not isinstance(by_interval, dict):
        message = "decorators.interval is not an object of seconds; it is ignored"
        notes.add("error", "decorators", message)
        by_interval = {}
    for text, queries in by_interval.items():
        seconds = values.size(text)
        if seconds == 0 or seconds % _DECORATOR_STEP:
            message = f'decorators.interval "{text}": expected a multiple of 60; ignored'
            notes.add("error", "decorators", message)
        elif kept := _statements(queries, f"interval.{text}", notes):
            intervals[seconds] = intervals.get(seconds, ()) + kept
    return Decorators(
        _statements(data.get("load", []), "load", notes),
        _statements(data.get("always", []), "always", notes),
        intervals,
    )


def _statements(found: Any, place: str, notes: Notes) -> tuple[str, ...]:
    if not isinstance(found, list):
        message = f"decorators.{place} is not a list; it is ignored"
        notes.add("error", "decorators", message)
        return ()
    kept = tuple(sql for sql in found if isinstance(sql, str) and sql)
    if len(kept) < len(found):
        message = f"decorators.{place}: items that are no SQL text are ignored"
        notes.add("error", "decorators", message)
    return kept
