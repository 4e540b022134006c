"""apt_sources: where packages come from (osquery/tables/system/linux/apt_sources.cpp).

A source shows only if its Release file lies in /var/lib/apt/lists, for that is where most columns
come from. osquery reads as user nobody; here a list that is not readable by all is left out, since
the addresses in it may hold passwords. ``Enabled: yes`` counts as disabled, as there: only ``on``
and no such line do not.
"""

import os
import stat
from collections.abc import Container, Iterator

from telegraf_osquery.engines.embedded_tables.ask import Ask, Table
from telegraf_osquery.engines.embedded_tables.content import clean, pieces
from telegraf_osquery.engines.embedded_tables.walk import listing, mount_points

_LIST = "/etc/apt/sources.list"
_LISTS = "/etc/apt/sources.list.d"
_RELEASES = "/var/lib/apt/lists"
_SIGNATURE = "-----BEGIN PGP SIGNATURE-----"
_FIELDS = {
    "Codename": "release",
    "Version": "version",
    "Origin": "maintainer",
    "Components": "components",
    "Architectures": "architectures",
}

Source = tuple[str, str]
"""Address without a final slash, suite."""


def _apt_sources(ask: Ask) -> Iterator[tuple[str | int, ...]]:
    far = mount_points(ask)
    files = listing(ask, _LISTS, far)
    lists = [_LIST, *(path for path in files if path.endswith(".list"))]
    found = [(path, source) for path in lists for source in _one_line(_text(ask, path, far))]
    for path in files:
        if path.endswith(".sources"):
            found += [(path, source) for source in _stanzas(_text(ask, path, far))]
    releases = listing(ask, _RELEASES, far)
    for path, (address, suite) in found:
        release = _release(address, suite, releases)
        if release:
            told = _fields(ask.lines(release, far))
            name = f"{address.partition('://')[2]} {suite}"
            yield (
                name,
                clean(path),
                address,
                *(told.get(column, "") for column in _FIELDS.values()),
                0,
            )


def _text(ask: Ask, path: str, far: Container[str]) -> str:
    """A list of sources that everybody may read, as text."""
    try:
        with ask.open(path, far) as file:
            open_to_all = os.fstat(file.fileno()).st_mode & stat.S_IROTH
    except OSError:
        return ""
    return ask.text(path, far) if open_to_all else ""


def _one_line(text: str) -> Iterator[Source]:
    """``deb [options] address suite components``; comments and deb-src are passed over."""
    for line in text.split("\n"):
        words = line.partition("#")[0].partition("deb ")[2].split()
        if words and words[0].startswith("["):
            ends = (place for place, word in enumerate(words, 1) if "]" in word)
            words = words[next(ends, 1) :]
        if len(words) > 1 and "://" in words[0]:
            yield words[0].rstrip("/"), words[1]


def _stanzas(text: str) -> Iterator[Source]:
    """Stanzas of deb822: each address with each suite."""
    for stanza in text.split("\n\n"):
        fields = {"types": "deb", "enabled": "on"}
        for line in stanza.split("\n"):
            name, colon, value = line.partition("#")[0].partition(":")
            if colon and value.strip():
                fields[name.strip().lower()] = value.strip()
        if fields["enabled"] == "on" and "deb" in fields["types"].split():
            for address in fields.get("uris", "").split():
                if "://" in address:
                    for suite in fields.get("suites", "").split():
                        yield address.rstrip("/"), suite


def _release(address: str, suite: str, files: list[str]) -> str:
    """The Release file that apt keeps of a source, empty when there is none."""
    parts = pieces(suite, "/")
    parts = ["dists", suite] if len(parts) == 1 else parts
    start = "_".join((address.partition("://")[2], *parts)).replace("/", "_")
    for path in files:
        name = path.rpartition("/")[2]
        if name.startswith(f"{start}_") and name.endswith("Release"):
            return path
    return ""


def _fields(lines: Iterator[str]) -> dict[str, str]:
    found = {}
    for line in lines:
        if line.strip() == _SIGNATURE:
            break
        parts = pieces(line.strip(), ":")
        if len(parts) == 2 and parts[0] in _FIELDS:
            found[_FIELDS[parts[0]]] = parts[1]
    return found


TABLES = {
    "apt_sources": Table(
        ("name", "source", "base_uri", *_FIELDS.values(), "pid_with_namespace"), _apt_sources
    )
}
