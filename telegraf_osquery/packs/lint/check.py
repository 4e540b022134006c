"""Judges pack files: what the reader of packs finds, and what only shows beyond one key."""

import re
from collections.abc import Mapping, Sequence

import msgspec

from telegraf_osquery.packs import document, library
from telegraf_osquery.packs.document import Document
from telegraf_osquery.packs.lint import columns, places, queries, restrictions
from telegraf_osquery.packs.lint.report import Report
from telegraf_osquery.packs.lint.target import Judges, Target
from telegraf_osquery.packs.pack import Finding, Pack, ScheduledQuery
from telegraf_osquery.schema.tables import Schema

_LINE = re.compile(r"line (\d+)\b")
_SEVERITIES = ("error", "warning", "info")


class Linted(msgspec.Struct, frozen=True):
    """What was judged, and what was found, by file and line."""

    findings: tuple[Finding, ...]
    files: int
    queries: int

    def count(self, severity: str) -> int:
        """How many findings have this severity."""
        return sum(finding.severity == severity for finding in self.findings)


def lint(paths: Sequence[str], schema: Schema, target: Target) -> Linted:
    """Judge pack files, osquery configurations, folders of them, starter packs by name.

    Raises:
        PackError: one of ``paths`` is not there.
    """
    roots = [library.resolve(path) for path in paths]
    library.require(roots)
    files = list(library.files(roots))
    documents = [document.load(path) for path in files]
    judges = Judges(schema, target.policy)
    try:
        return _Lint(target, judges).all(documents)
    finally:
        judges.close()


class _Lint:
    def __init__(self, target: Target, judges: Judges) -> None:
        self.target = target
        self.judges = judges
        self.report = Report()
        self.fields: dict[tuple[str, str], tuple[str, Pack, ScheduledQuery]] = {}

    def all(self, documents: Sequence[Document]) -> Linted:
        for one in documents:
            self.report.take(one.findings)
            for kind in (one.decorators.load, one.decorators.always):
                self.decorators(one, kind)
            for timed in one.decorators.interval.values():
                self.decorators(one, timed)
            for pack in one.packs:
                self.pack(pack)
        for pack, query, reason in library.collisions(documents):
            message = f"its measurement is taken: this query{reason}"
            self.report.add("measurement-taken", message, pack, query)
        count = sum(len(pack.queries) for one in documents for pack in one.packs)
        return Linted(tuple(_placed(self.report.findings())), len(documents), count)

    def decorators(self, one: Document, statements: Sequence[str]) -> None:
        for sql in statements:
            queries.decorator(one.path, sql, self.target, self.judges, self.report)

    def pack(self, pack: Pack) -> None:
        for message in restrictions.platform(pack.platform):
            self.report.add("platform-by-accident", message, pack)
        queries.discovery(pack, self.target, self.judges, self.report)
        for query in pack.queries:
            for message in restrictions.platform(query.platform):
                self.report.add("platform-by-accident", message, pack, query)
            if not query.timed:
                message = "interval is missing; it runs every 3600 seconds: write an interval"
                self.report.add("interval-missing", message, pack, query)
            analysis = queries.look(pack, query, self.target, self.judges, self.report)
            if analysis:
                self.stored(pack, query, columns.types(query, analysis))

    def stored(self, pack: Pack, query: ScheduledQuery, types: Mapping[str, str]) -> None:
        """Hold the fields of a query against those that others write to the same measurement."""
        for name, kind in types.items():
            known = self.fields.setdefault((query.measurement, name), (kind, pack, query))
            if known[0] != kind:
                message = (
                    f"field {name} of {query.measurement} is {kind} here and {known[0]} in "
                    f"{known[1].path}; rename a query, or declare one type in both"
                )
                self.report.add("field-type", message, pack, query)


def _placed(findings: Sequence[Finding]) -> list[Finding]:
    """The findings with their lines, by file, line and severity."""
    known: dict[str, dict[places.Path, int]] = {}
    placed = []
    for finding in findings:
        if finding.file not in known:
            known[finding.file] = places.lines(_text(finding.file))
        found = _LINE.match(finding.message)
        line = int(found[1]) if found else 0
        if not line and (finding.pack or finding.query):
            line = places.of_query(known[finding.file], finding.pack, finding.query)
        placed.append(msgspec.structs.replace(finding, line=line))
    return sorted(placed, key=lambda one: (one.file, one.line, _SEVERITIES.index(one.severity)))


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(document.SIZE_MAX)
    except (OSError, ValueError):
        return ""
