"""The generated parts of ``docs/reference/packs.md``: our additions and the starter packs."""

import re
import sys

from telegraf_osquery.config.fields import Field, describe, fields_of
from telegraf_osquery.packs.library import Library, starter_names
from telegraf_osquery.packs.pack import Additions, Budget, ScheduledQuery

PAGE = "docs/reference/packs.md"
_PART = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def additions() -> str:
    """One row per key of a query's additions."""
    rows = [_row(field.name, field) for field in fields_of(Additions) if field.name != "budget"]
    rows += [_row(f"budget.{field.name}", field) for field in fields_of(Budget)]
    return "\n".join(["| key | value | meaning |", "|---|---|---|", *rows])


def _row(name: str, field: Field) -> str:
    return f"| `{name}` | {describe(field.type)} | {field.description} |"


def starters() -> str:
    """One table per starter pack."""
    library = Library(starter_names())
    library.load()
    parts = []
    for pack in library.packs:
        parts += [f"### {pack.name}", "", pack.description + ".", ""]
        parts += ["| query | every | kind | tags | what |", "|---|---|---|---|---|"]
        parts += [_query(query) for query in pack.queries] + [""]
    return "\n".join(parts).rstrip()


def _query(query: ScheduledQuery) -> str:
    kind = "snapshot" if query.snapshot else "differential"
    tags = ", ".join(f"`{tag}`" for tag in query.additions.tags)
    return f"| `{query.name}` | {query.interval} s | {kind} | {tags} | {query.description} |"


def rendered(text: str) -> str:
    """The page with its generated parts as they should be now."""
    made = {"additions": additions, "starters": starters}
    return _PART.sub(lambda found: f"{found[1]}{made[found[2]]()}\n{found[3]}", text)


def main() -> None:
    """Write the page anew."""
    with open(PAGE, encoding="utf-8") as file:
        text = rendered(file.read())
    with open(PAGE, "w", encoding="utf-8") as file:
        file.write(text)


if __name__ == "__main__":
    sys.exit(main())
