"""On which line of a file a key stands: a quick reader that never fails."""

import json
import re

Path = tuple[str, ...]
_TOKEN = re.compile(r'"((?:[^"\\]|\\.)*)"(\s*:)?|([{}\[\]])|\n', re.DOTALL)


def lines(text: str) -> dict[Path, int]:
    """Path of keys → 1-based line of the last key; of equal keys the first counts."""
    found: dict[Path, int] = {}
    stack: list[Path] = []
    path: Path = ()
    line = 1
    for token in _TOKEN.finditer(_without_comments(text)):
        key, colon, bracket = token.groups()
        if colon:
            path = (*(stack[-1] if stack else ()), _text(key))
            found.setdefault(path, line)
        elif bracket in {"{", "["}:
            stack.append(path if stack else ())
        elif bracket and stack:
            path = stack.pop()
        line += token[0].count("\n")
    return found


def of_query(found: dict[Path, int], pack: str, query: str) -> int:
    """The line of a query, else that of its pack, else 0."""
    packs = (("packs", pack), ("packs", "*", pack), ())
    places = [(*place, "queries", query) for place in packs] + [("schedule", query)]
    return next((found[place] for place in (*places, *packs) if place in found), 0)


def _without_comments(text: str) -> str:
    """Comment lines made empty; a line that a backslash continues is none."""
    kept = []
    continued = False
    for line in text.split("\n"):
        comment = not continued and line.lstrip().startswith(("#", "//"))
        kept.append("" if comment else line)
        continued = line.endswith("\\")
    return "\n".join(kept)


def _text(inside: str) -> str:
    try:
        return str(json.loads(f'"{inside}"'))
    except ValueError:
        return inside
