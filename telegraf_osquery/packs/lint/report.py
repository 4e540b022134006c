"""Where findings are put together."""

from collections.abc import Iterable
from typing import NamedTuple

from telegraf_osquery.packs.lint.rules import by_id
from telegraf_osquery.packs.pack import Finding, Pack, ScheduledQuery


class Said(NamedTuple):
    """What one look at a query has found."""

    rule: str
    message: str


class Report:
    """Collects findings; each has the severity of its rule, and is said once."""

    def __init__(self) -> None:
        self._severities = {name: rule.severity for name, rule in by_id().items()}
        self._findings: dict[Finding, None] = {}

    def add(self, rule: str, message: str, pack: Pack, query: ScheduledQuery | None = None) -> None:
        """A finding about a query, or about a pack where there is none."""
        name = query.name if query else ""
        finding = Finding(self._severities[rule], pack.path, pack.name, name, message, rule)
        self._findings[finding] = None

    def about_file(self, rule: str, message: str, file: str) -> None:
        """A finding about a file."""
        self._findings[Finding(self._severities[rule], file, "", "", message, rule)] = None

    def take(self, findings: Iterable[Finding]) -> None:
        """Findings of the reader of packs."""
        self._findings.update(dict.fromkeys(findings))

    def findings(self) -> list[Finding]:
        """All of them, in the order they were found."""
        return list(self._findings)
