"""Every table and column of osquery, by platform and release.

The facts stand in ``tables.txt``, one line per table (its grammar: ``tools/schema_data.py``); a
line is parsed when its table is first asked for.
"""

import os
import re
from collections.abc import Iterator

import msgspec

from telegraf_osquery.schema.spec import ColumnSpec, TableSpec, alive

_TYPES = {
    "I": "INTEGER",
    "B": "BIGINT",
    "U": "UNSIGNED_BIGINT",
    "D": "DOUBLE",
    "O": "BLOB",
    "T": "TEXT",
    "?": "UNKNOWN",
}
_COLLATIONS = {"N": "NOCASE", "V": "VERSION", "P": "VERSION_DPKG", "R": "VERSION_RHEL"}
_PLATFORMS = {"l": "linux", "d": "darwin", "w": "windows"}
_MARK = re.compile(r"([<>~=])([^<>~=]+)")
_HEAD = re.compile(r"^(\w+) (\S*)", re.MULTILINE)


class Schema:
    """All tables, by name. One per process; made by ``load``."""

    def __init__(self, text: str) -> None:
        """Take the text of the data file; nothing is parsed yet."""
        self._text = "\n" + text
        self._parsed: dict[str, TableSpec] = {}

    def table(self, name: str) -> TableSpec | None:
        """The table of this name or alias, any case; gone tables have no columns."""
        name = name.lower()
        found = self._parsed.get(name)
        if found is None and name.isidentifier() and (line := self._line(name)):
            other = _marks(line.partition(" ")[0]).get("=")
            found = self.table(other) if other else _table(name, line)
            if found is not None:
                self._parsed[name] = found
        return found

    def names(self, platform: str | None = None, version: str | None = None) -> list[str]:
        """Names of the tables that exist there, sorted, without aliases that are views."""
        return [name for name, head in self._heads() if _exists(head, platform, version)]

    def aliases(self) -> dict[str, str]:
        """Second names that osquery offers as views, each with its table."""
        marked = ((name, _marks(head).get("=")) for name, head in self._heads())
        return {name: other for name, other in marked if other}

    def nearest(self, name: str) -> list[str]:
        """At most three names that look like this one, best first."""
        import difflib  # only where something went wrong

        known = [known for known, _ in self._heads()]
        return difflib.get_close_matches(name.lower(), known, 3, 0.7)

    def _heads(self) -> Iterator[tuple[str, str]]:
        return ((found[1], found[2]) for found in _HEAD.finditer(self._text))

    def _line(self, name: str) -> str:
        start = self._text.find(f"\n{name} ")
        if start < 0:
            return ""
        return self._text[start + len(name) + 2 : self._text.index("\n", start + 1)]


def load() -> Schema:
    """The schema that comes with this package."""
    path = os.path.join(os.path.dirname(__file__), "tables.txt")
    with open(path, encoding="ascii") as file:
        return Schema(file.read())


def _marks(code: str) -> dict[str, str]:
    return dict(_MARK.findall(code))


def _letters(code: str) -> str:
    found = _MARK.search(code)
    return code[: found.start()] if found else code


def _named(letters: str, names: dict[str, str]) -> tuple[str, ...]:
    return tuple(word for letter, word in names.items() if letter in letters)


def _exists(head: str, platform: str | None, version: str | None) -> bool:
    if platform and platform not in _named(_letters(head), _PLATFORMS):
        return False
    marks = _marks(head)
    if "=" in marks and "<" not in marks:
        return False
    return alive(marks.get(">", ""), marks.get("<", ""), version)


def _table(name: str, line: str) -> TableSpec:
    head, *texts = line.split(" ")
    marks = _marks(head)
    letters = _letters(head)
    columns = [_column(text) for text in texts]
    return TableSpec(
        name=name,
        platforms=_named(letters, _PLATFORMS),
        evented="E" in letters,
        cacheable="C" in letters,
        user_data="U" in letters,
        since=marks.get(">", ""),
        until=marks.get("<", ""),
        columns=(*columns, *_second_names(columns, texts)),
    )


def _column(text: str) -> ColumnSpec:
    name, _, code = text.partition(":")
    if not code:
        return ColumnSpec(name=name)
    letters = _letters(code)
    marks = _MARK.findall(code)
    ends = dict(marks)
    return ColumnSpec(
        name=name,
        type=next((word for letter, word in _TYPES.items() if letter in letters), "TEXT"),
        required="r" in letters,
        index="x" in letters,
        hidden="h" in letters,
        additional="a" in letters,
        optimized="o" in letters,
        collation=next((word for letter, word in _COLLATIONS.items() if letter in letters), ""),
        platforms=_named(letters, _PLATFORMS),
        since=ends.get(">", ""),
        until=ends.get("<", ""),
        history=tuple((tag[:-1], _TYPES[tag[-1]]) for mark, tag in marks if mark == "~"),
    )


def _second_names(columns: list[ColumnSpec], texts: list[str]) -> Iterator[ColumnSpec]:
    """Hidden aliases; osquery appends them sorted by the name of the column they repeat."""
    pairs = zip(columns, texts, strict=True)
    for column, text in sorted(pairs, key=lambda pair: pair[0].name):
        for mark, alias in _MARK.findall(text):
            if mark == "=":
                yield msgspec.structs.replace(
                    column, name=alias, hidden=True, alias_of=column.name, since="", until=""
                )
