"""The rules that a pack is judged by.

A rule has one severity: ``error``: something does not run, or cannot be stored; ``warning``: it
runs otherwise than its author meant, or costs more than it gives; ``info``: it has no effect here.
What the reader of packs finds (``parse``, ``document``, ``dialect``) are rules like all others.
"""

import msgspec

from telegraf_osquery.packs.pack import Severity


class Rule(msgspec.Struct, frozen=True):
    """One rule.

    Attributes:
        id: in findings, ``--format json`` and the documentation; never changes.
        about: what it finds and why that matters, in one line.
        cure: what to do.
    """

    id: str
    severity: Severity
    about: str
    cure: str


def _error(name: str, about: str, cure: str) -> Rule:
    return Rule(name, "error", about, cure)


def _warning(name: str, about: str, cure: str) -> Rule:
    return Rule(name, "warning", about, cure)


def _info(name: str, about: str, cure: str) -> Rule:
    return Rule(name, "info", about, cure)


RULES = (
    _error(
        "json",
        "The text is not the JSON that osquery reads: a trailing comma, a comment after a "
        "value, CRLF after a line that a backslash continues",
        "correct the place that is named",
    ),
    _error(
        "unreadable",
        "The file cannot be read",
        "correct its path or rights",
    ),
    _error(
        "additions",
        "Our own keys (the sidecar, or telegraf_osquery) have an unknown name, a wrong type, "
        "or name a query that is not there",
        "correct the key that is named",
    ),
    _error(
        "pack-name",
        "A pack named main replaces the schedule itself; alert is kept for alert rules",
        "rename the pack",
    ),
    _error(
        "several-packs",
        "One file holds several packs, which osquery does not read",
        "one file per pack",
    ),
    _error(
        "shape",
        "A value has the wrong JSON type, and osquery passes over it in silence",
        "write the type that is named",
    ),
    _error(
        "include",
        "The path of an included pack is not absolute",
        "write the whole path, or the pack itself",
    ),
    _error(
        "no-query",
        "A query without SQL never runs",
        "write its SQL under the key query",
    ),
    _error(
        "interval",
        "osquery skips a query whose interval is not a whole number of seconds from 1 to "
        "604800; 60.0 is refused too",
        "write a whole number",
    ),
    _error(
        "decorators",
        "A decorator that osquery does not ask: a wrong shape, or an interval that is no "
        "multiple of 60",
        "write lists of SQL, and multiples of 60",
    ),
    _error(
        "discovery",
        "A discovery query that fails on every platform: the pack never runs",
        "correct the SQL",
    ),
    _error(
        "sql",
        "SQLite cannot read the statement",
        "correct the place that is named",
    ),
    _error(
        "refused",
        "The statement is no single SELECT, or uses what may not be used",
        "write one SELECT without it",
    ),
    _error(
        "unknown-table",
        "No release and platform asked for has this table",
        "use the nearest name, or drop the query",
    ),
    _error(
        "unknown-column",
        "The table has no such column",
        "use the nearest name",
    ),
    _error(
        "unknown-function",
        "Neither SQLite nor osquery has this function",
        "use the nearest name",
    ),
    _error(
        "newer-than-version",
        "A table or column came after the release that the pack's own version lets in",
        "raise version in the pack",
    ),
    _error(
        "not-embedded",
        "The embedded engine does not have this table",
        "use osquery, or drop the query",
    ),
    _error(
        "evented-embedded",
        "The embedded engine has no event tables",
        "use osquery, or drop the query",
    ),
    _error(
        "required-column",
        "The table is read without a required column in WHERE: osquery refuses the query",
        "constrain it by =, IN or LIKE",
    ),
    _error(
        "path-pattern",
        "A path that finds nothing: %% before the end, * for a wildcard, a relative path, a "
        "wildcard after =",
        "write LIKE with % for one level, or %% at the end",
    ),
    _error(
        "duplicate-column",
        "Two result columns have one name: only the last one stays",
        "give one an alias",
    ),
    _error(
        "declared-type",
        "A declared type loses what the column holds: a fraction, or numbers as text",
        "declare the type that is named, or CAST in the SQL",
    ),
    _error(
        "addition-column",
        "The sidecar names a column that the query does not return",
        "correct the name",
    ),
    _error(
        "measurement-taken",
        "Two queries give one measurement, or one of the agent's own",
        "rename one of them",
    ),
    _error(
        "field-type",
        "One field of one measurement has two types: a time series database rejects one of them",
        "rename a query, or declare one type",
    ),
    _warning(
        "double-quotes",
        "Text in double quotes: SQL means a column by it; osquery and this agent take it for text "
        "where there is none, so a slip in a column's name goes unnoticed",
        "correct the name, or write single quotes",
    ),
    _warning(
        "duplicate-key",
        "A key is given twice in one object; osquery takes the first",
        "remove one",
    ),
    _warning(
        "not-utf8",
        "Bytes that are not UTF-8 become U+FFFD",
        "save the file as UTF-8",
    ),
    _warning(
        "misplaced-key",
        "The key has no effect inside a pack",
        "move it to the configuration",
    ),
    _warning(
        "misspelt-key",
        "osquery passes over a key it does not know, such as remove for removed",
        "correct the name",
    ),
    _warning(
        "nothing-runs",
        "The file or pack has no queries",
        "write queries, or remove it",
    ),
    _warning(
        "empty-pattern",
        "No file fits the pattern of packs",
        "correct the pattern",
    ),
    _warning(
        "blank-query",
        "A query without a statement gives no rows",
        "write its SQL",
    ),
    _warning(
        "interval-text",
        'An interval such as "60s" is read as its leading number',
        "write the number",
    ),
    _warning(
        "interval-missing",
        "Without an interval a query runs once per hour",
        "write the interval that is meant",
    ),
    _warning(
        "interval-short",
        "The table is expensive: walking folders, hashing, reading package databases",
        "run it less often, or constrain it more",
    ),
    _warning(
        "flag",
        "snapshot, removed or denylist has a value that osquery reads otherwise than it "
        'looks, such as "yes" for false',
        "write true or false",
    ),
    _warning(
        "platform",
        "The platform fits no system, or is no text",
        "write linux, darwin, windows, posix or all",
    ),
    _warning(
        "platform-by-accident",
        "osquery looks for words inside the text: notlinux runs on Linux, debian means "
        "nothing, ubuntu is any Linux",
        "write linux, darwin, windows, posix or all",
    ),
    _warning(
        "version",
        "A version part that is no number or too large for osquery, which then drops the "
        "whole pack",
        "write numbers with dots",
    ),
    _warning(
        "shard",
        "A shard that restricts nothing, such as a fraction",
        "write whole percent from 1 to 99",
    ),
    _warning(
        "discovery-shape",
        "discovery is no list of SQL texts and decides nothing",
        "write a list",
    ),
    _warning(
        "discovery-fails",
        "A discovery query fails on one of the platforms, with a warning in the log each hour",
        "restrict the pack's platform",
    ),
    _warning(
        "decorator-fails",
        "A decorator's SQL fails on every platform; osquery says nothing",
        "correct the SQL",
    ),
    _warning(
        "not-on-platform",
        "The query runs on some of the platforms that the pack is for",
        "restrict the query's platform",
    ),
    _warning(
        "evented-snapshot",
        "A snapshot of an event table holds only the events since the last run, as a "
        "difference does",
        "drop snapshot",
    ),
    _warning(
        "evented-join",
        "Each event table gives what is new for itself: rows that belong together may come in"
        " different runs",
        "query them apart, join where they are stored",
    ),
    _warning(
        "own-user",
        "The table shows the current user's data unless it is joined with users",
        "JOIN users USING (uid)",
    ),
    _warning(
        "untyped-column",
        "No rule gives the type of a computed column; it is stored as text",
        "declare its type, or CAST it",
    ),
    _warning(
        "unbounded-tag",
        "A tag with many values (pid, path, address) makes as many series",
        "leave it a field",
    ),
    _warning(
        "volatile-star",
        "SELECT * of a table with counters: every run differs in every row",
        "name the columns, or set snapshot",
    ),
    _warning(
        "volatile-column",
        "The column changes at every run, and with it the whole row counts as changed",
        "set snapshot, drop it, or list it under ignore",
    ),
    _warning(
        "version-as-text",
        'Versions compared as text: "1.10" is below "1.9"',
        "use version_compare, or COLLATE VERSION",
    ),
    _warning(
        "limit-without-order",
        "LIMIT without ORDER BY: which rows come is chance, and differences follow chance",
        "write ORDER BY",
    ),
    _warning(
        "natural-join",
        "NATURAL JOIN joins over all columns of equal name, which differ by release and platform",
        "write ON or USING",
    ),
    _info(
        "foreign-key",
        "The key configures osquery itself; it has no effect here",
        "nothing",
    ),
    _info(
        "unknown-key",
        "osquery passes over a key it does not know",
        "remove it, or leave it as a remark",
    ),
    _info(
        "old-key",
        "The old name of a key",
        "write the new name",
    ),
)
"""All rules, by severity."""


def by_id() -> dict[str, Rule]:
    """The rules by their ids."""
    return {rule.id: rule for rule in RULES}
