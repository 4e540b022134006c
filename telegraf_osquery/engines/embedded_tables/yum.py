"""yum_sources: the repositories of yum and dnf (osquery/tables/system/posix/yum_sources.cpp).

osquery reads the files with a strict reader of INI: a line that is neither comment, section nor
``key=value`` (such as a second line of ``baseurl``), or a name that comes twice, and the whole file
gives no rows. So it is here. A section without keys does not count.
"""

from collections.abc import Container, Iterator

from telegraf_osquery.engines.embedded_tables.ask import Ask, Table
from telegraf_osquery.engines.embedded_tables.content import clean
from telegraf_osquery.engines.embedded_tables.walk import listing, mount_points

_CONFIG = "/etc/yum.conf"
_FOLDER = "/etc/yum.repos.d"
_MAIN = "main"
_FIELDS = ("name", "baseurl", "mirrorlist", "metalink", "enabled", "gpgcheck", "gpgkey")

Sections = dict[str, dict[str, str]]


def sections(text: str) -> Sections:
    """The sections of a file with their keys; nothing of one that the strict reader refuses."""
    found: Sections = {}
    section: dict[str, str] = {}
    for line in map(str.strip, text.split("\n")):
        if not line or line[0] in ";#":
            continue
        name, equals, value = line.partition("=")
        name = name.strip()
        if line[0] == "[":
            name = line[1:].partition("]")[0].strip()
            if "]" not in line or found.get(name):
                return {}
            section = found[name] = {}
        elif not equals or not name or name in section:
            return {}
        else:
            section[name] = value.strip()
    return {name: keys for name, keys in found.items() if keys}


def _yum_sources(ask: Ask) -> Iterator[tuple[str | int, ...]]:
    far = mount_points(ask)
    config = sections(ask.text(_CONFIG, far))
    yield from _rows(config, _CONFIG)
    folder = config.get(_MAIN, {}).get("reposdir", _FOLDER)
    yield from _below(ask, folder, far)


def _below(ask: Ask, folder: str, far: Container[str]) -> Iterator[tuple[str | int, ...]]:
    if folder.startswith("/"):
        for path in listing(ask, folder, far):
            if path.endswith(".repo"):
                yield from _rows(sections(ask.text(path, far)), clean(path))


def _rows(found: Sections, source: str) -> Iterator[tuple[str | int, ...]]:
    for section, keys in found.items():
        if section != _MAIN:
            name, *more = (keys.get(field, "") for field in _FIELDS)
            yield name, source, *more, 0


TABLES = {
    "yum_sources": Table((_FIELDS[0], "source", *_FIELDS[1:], "pid_with_namespace"), _yum_sources)
}
