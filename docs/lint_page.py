"""The rules of ``packs lint``, read from the list of rules."""

from docs.markdown import table
from telegraf_osquery.packs.lint.rules import RULES


def rules() -> str:
    """One row per rule."""
    return table(
        ("rule", "severity", "finds", "cure"),
        [(f"`{rule.id}`", rule.severity, rule.about, rule.cure) for rule in RULES],
    )
