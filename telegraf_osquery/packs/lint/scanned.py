"""What is seen in the way a statement scans its tables."""

from collections.abc import Iterator, Sequence

from telegraf_osquery.packs.lint.facts import BY_PATH, EXPENSIVE, HASH_FOLDER, HASH_WALK, WALK
from telegraf_osquery.packs.lint.report import Said
from telegraf_osquery.packs.pack import ScheduledQuery
from telegraf_osquery.schema.scans import Pushed, TableScan
from telegraf_osquery.schema.tables import Schema

_PATHS = ("path", "directory")


def look(
    query: ScheduledQuery, scans: Sequence[TableScan], schema: Schema, platform: str
) -> Iterator[Said]:
    """The findings in the scans of a query."""
    for scan in scans:
        spec = schema.table(scan.table)
        if spec is None:
            continue
        needed = [column.name for column in spec.columns if column.required]
        if scan.missing:
            names = " or ".join(needed)
            yield Said(
                "required-column",
                f"table {scan.table} is read without {names} in WHERE; constrain it by =, IN or "
                "LIKE",
            )
        if spec.user_data and not scan.constrains("uid") and spec.column("uid"):
            yield Said(
                "own-user",
                f"table {scan.table} shows only the user who asks; expected all users: "
                f"JOIN users USING (uid)",
            )
        if scan.table in BY_PATH and platform != "windows":
            for pushed in scan.pushed:
                yield from _pattern(scan.table, pushed)
        yield from _interval(query, scan)


def _pattern(table: str, pushed: Pushed) -> Iterator[Said]:
    text = pushed.value
    if text is None or pushed.column not in _PATHS:
        return
    where = f"{table}.{pushed.column} {pushed.sign} '{text}'"
    if not text.startswith("/"):
        fault = "finds nothing: the path is relative; write it from /"
    elif "%%" in text[:-2]:
        fault = "finds nothing as meant: %% goes below folders only at the end; write % before it"
    elif pushed.sign == "=" and "%" in text:
        fault = "finds nothing: % is a wildcard only after LIKE; write LIKE"
    elif "*" in text and "%" not in text:
        fault = "finds nothing: * is no wildcard here; write LIKE with %"
    else:
        return
    yield Said("path-pattern", f"{where} {fault}")


def _interval(query: ScheduledQuery, scan: TableScan) -> Iterator[Said]:
    fair, what = EXPENSIVE.get(scan.table, 0), "reads much"
    if scan.table in {"file", "hash"}:
        fair, what = _of_files(scan)
    elif scan.table in BY_PATH and scan.constrains("path"):
        return
    if query.interval < fair and not scan.constrains("pid"):
        yield Said(
            "interval-short",
            f"interval {query.interval}: table {scan.table} {what}; expected {fair} seconds or "
            "more, or a narrower constraint",
        )


def _of_files(scan: TableScan) -> tuple[int, str]:
    """The fair interval of a scan of ``file`` or ``hash``, and what it does."""
    likes = [one for one in scan.pushed if one.column in _PATHS and one.sign == "LIKE"]
    whole = any((one.value or "").endswith("%%") for one in likes)
    if scan.table == "file":
        return (WALK, "walks through a tree of folders") if whole else (0, "")
    if whole:
        return HASH_WALK, "reads every file of a tree of folders"
    if likes or scan.constrains("directory"):
        return HASH_FOLDER, "reads every file of a folder"
    return 0, ""
