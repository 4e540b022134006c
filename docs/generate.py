"""Writes what can be known from the code into the documentation.

A page holds prose and parts between ``<!-- generated: NAME -->`` and ``<!-- end -->``; ``PARTS``
says who makes which. ``tests/docs`` fails when a part differs from what it would be now.
"""

import os
import re
import sys
from collections.abc import Callable, Iterator

from docs import (
    commands_page,
    exits_page,
    lint_page,
    measurements_page,
    packs_page,
    settings_page,
    tables_page,
)

ROOT = os.path.dirname(os.path.abspath(__file__))
PARTS: dict[str, Callable[[], str]] = {
    "additions": packs_page.additions,
    "starters": packs_page.starters,
    "commands": commands_page.commands,
    "exits": exits_page.exits,
    "lint_rules": lint_page.rules,
    "limited": tables_page.limited,
    "tables": tables_page.tables,
    "settings": settings_page.settings,
    "run": measurements_page.run,
    "self": measurements_page.own,
    "starter_measurements": measurements_page.starters,
}
_PART = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def pages() -> Iterator[str]:
    """Every page of the documentation."""
    for folder, _, names in sorted(os.walk(ROOT)):
        yield from (os.path.join(folder, name) for name in sorted(names) if name.endswith(".md"))


def parts(text: str) -> list[str]:
    """The names of the generated parts of a page."""
    return [found[2] for found in _PART.finditer(text)]


def rendered(text: str) -> str:
    """The page with its generated parts as they should be now."""
    return _PART.sub(lambda found: f"{found[1]}{PARTS[found[2]]().strip()}\n{found[3]}", text)


def main() -> int:
    """Write every page anew; says which changed."""
    for path in pages():
        with open(path, encoding="utf-8") as file:
            before = file.read()
        after = rendered(before)
        if after != before:
            with open(path, "w", encoding="utf-8") as file:
                file.write(after)
            sys.stdout.write(f"{os.path.relpath(path)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
