"""sudoers: the rules of sudo, word by word (osquery/tables/system/posix/sudoers.cpp).

A row is a line: its first word and the rest. Comments behind a rule stay; ``#1001`` is a comment
(sudo reads a uid there); files that are included follow their line.
"""

from collections.abc import Container, Iterator

from telegraf_osquery.engines.embedded_tables.ask import Ask, Table
from telegraf_osquery.engines.embedded_tables.content import clean
from telegraf_osquery.engines.embedded_tables.walk import listing, mount_points

_FILE = "/etc/sudoers"
_BLANKS = "\t\v "
_FILES = ("#include", "@include")
_FOLDERS = ("#includedir", "@includedir")
_DEPTH_MAX = 128  # sudoers(5)

Row = tuple[str, str, str]


def _sudoers(ask: Ask) -> Iterator[Row]:
    yield from _rules(ask, _FILE, mount_points(ask), 1)


def _rules(ask: Ask, path: str, far: Container[str], depth: int) -> Iterator[Row]:
    if depth > _DEPTH_MAX:
        return
    for header, rest in statements(ask.lines(path, far)):
        yield clean(path), header, rest
        target = rest if rest.startswith("/") else f"{path.rpartition('/')[0]}/{rest}"
        if header in _FILES:
            yield from _rules(ask, target, far, depth + 1)
        elif header in _FOLDERS:
            for found in listing(ask, target, far):
                name = found.rpartition("/")[2]
                if "." not in name and not name.endswith("~"):
                    yield from _rules(ask, found, far, depth + 1)


def statements(lines: Iterator[str]) -> Iterator[tuple[str, str]]:
    """First word and rest of each line that is no comment; a final backslash joins the next."""
    held: tuple[str, str] | None = None
    for line in (line.strip(_BLANKS) for line in lines):
        if not line:
            continue
        if held is not None:
            header, rest = held
            held = (header, rest[:-1] + line) if rest else (header[:-1], line)
        else:
            header, rest = _split(line)
            if line.startswith("#") and header not in _FILES + _FOLDERS:
                continue
            if header in _FILES + _FOLDERS:
                if rest:
                    yield header, rest
                continue
            held = header, rest
        if not line.endswith("\\"):
            yield held
            held = None
    if held is not None:
        yield held


def _split(line: str) -> tuple[str, str]:
    end = min((at for at in map(line.find, _BLANKS) if at >= 0), default=len(line))
    return line[:end], line[end:].strip(_BLANKS)


TABLES = {
    "sudoers": Table(
        ("source", "header", "rule_details"),
        _sudoers,
        lacks="all rows: /etc/sudoers is for root only",
    )
}
