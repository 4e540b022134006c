"""Everything that is said about one scheduled query, one discovery query, one decorator."""

from collections.abc import Iterator

from telegraf_osquery.packs.lint import columns, scanned, texts
from telegraf_osquery.packs.lint.report import Report, Said
from telegraf_osquery.packs.lint.statements import Judged, judge
from telegraf_osquery.packs.lint.target import Judges, Target, oldest, platforms, runs
from telegraf_osquery.packs.pack import Pack, ScheduledQuery
from telegraf_osquery.schema.analyze import Analysis


def look(
    pack: Pack, query: ScheduledQuery, target: Target, judges: Judges, report: Report
) -> Analysis | None:
    """Report on a query; what it does where it first can be answered, None when nowhere."""
    names = platforms(target, pack, query)
    if not names or not query.sql.strip() or not runs(target, pack, query):
        return None
    judged = judge(judges, query.sql, names, target.version)
    for rule, message in _fates(judged, names):
        report.add(rule, message, pack, query)
    if not judged.good:
        return None
    platform, analysis = next(iter(judged.good.items()))
    scans = judges.scans(platform, target.version).of(judged.sql)
    for rule, message in (
        *_older(pack, query, target, judges, judged),
        *_engine(target, analysis, judges),
        *_events(query, analysis, judges),
        *scanned.look(query, scans, judges.schema, platform),
        *texts.look(analysis, judges.schema, differential=not query.snapshot),
        *columns.look(query, analysis),
    ):
        report.add(rule, message, pack, query)
    return analysis


def discovery(pack: Pack, target: Target, judges: Judges, report: Report) -> None:
    """Report on a pack's discovery queries."""
    names = platforms(target, pack)
    for sql in pack.discovery:
        if not names or not sql:
            continue
        judged = judge(judges, sql, names, target.version)
        if not judged.good:
            fault = next(iter(judged.bad.values()))
            message = f"discovery query fails, so the pack never runs: {fault.message}"
            report.add("discovery", message, pack)
            continue
        missing = [
            scan.table
            for scan in judges.scans(next(iter(judged.good)), target.version).of(judged.sql)
            if scan.missing
        ]
        if missing:
            message = f"discovery query reads {missing[0]} without its required column in WHERE"
            report.add("discovery", f"{message}, so the pack never runs; constrain it", pack)
        for name, fault in judged.bad.items():
            message = f"discovery query fails on {name}: {fault.message}; restrict the platform"
            report.add("discovery-fails", message, pack)


def decorator(file: str, sql: str, target: Target, judges: Judges, report: Report) -> None:
    """Report on a decorator."""
    names = platforms(target)
    judged = judge(judges, sql, names, target.version)
    if names and not judged.good:
        fault = next(iter(judged.bad.values()))
        report.about_file("decorator-fails", f"decorator fails: {fault.message}", file)


def _fates(judged: Judged, names: tuple[str, ...]) -> Iterator[Said]:
    """Where the statement cannot be answered, and why."""
    for word in judged.quoted:
        single = word.replace("'", "''")
        message = f'"{word}" is no column, so it is taken for text'
        yield Said("double-quotes", f"{message}; correct it or write '{single}'")
    if not judged.good:
        fault = judged.bad[names[0]]
        yield Said(fault.rule, fault.message)
        return
    good = ", ".join(judged.good)
    for name, fault in judged.bad.items():
        reason = fault.message.removeprefix("SQL: ")
        yield Said("not-on-platform", f'on {name}: {reason}; write "platform": "{good}"')


def _older(
    pack: Pack, query: ScheduledQuery, target: Target, judges: Judges, judged: Judged
) -> Iterator[Said]:
    lowest = oldest(target, pack, query)
    if lowest is None:
        return
    old = judge(judges, judged.sql, tuple(judged.good), lowest)
    for fault in {fault.message: fault for fault in old.bad.values()}.values():
        yield Said(
            "newer-than-version",
            f'version "{lowest}" lets in releases without it: '
            f"{fault.message.removeprefix('SQL: ')}; raise version",
        )


def _engine(target: Target, analysis: Analysis, judges: Judges) -> Iterator[Said]:
    if target.engine != "embedded":
        return
    for name in sorted(analysis.tables - target.embedded):
        spec = judges.schema.table(name)
        if spec and spec.evented:
            message = f"table {name} holds events, which the embedded engine does not have"
            yield Said("evented-embedded", f"{message}; osquery has it")
        else:
            yield Said(
                "not-embedded", f"table {name} is not in the embedded engine; osquery has it"
            )


def _events(query: ScheduledQuery, analysis: Analysis, judges: Judges) -> Iterator[Said]:
    events = [
        name
        for name in sorted(analysis.tables)
        if (spec := judges.schema.table(name)) and spec.evented
    ]
    if events and query.snapshot:
        yield Said(
            "evented-snapshot",
            f"snapshot of the event table {events[0]} holds only what is new since the last run; "
            "drop snapshot",
        )
    if len(events) > 1:
        yield Said(
            "evented-join",
            f"event tables {' and '.join(events)} in one query: each gives what is new for itself, "
            "so matching rows are missed; query them apart",
        )
