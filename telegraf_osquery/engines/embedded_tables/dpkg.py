"""deb_packages and deb_package_files: what dpkg knows, from its own files.

osquery asks libdpkg (osquery/tables/system/linux/deb_packages.cpp); the status file has the same
facts (dpkg-query(1), deb-control(5)). It is read line by line: a few MiB never stand in memory. The
journal ``updates/NNNN`` holds stanzas that an interrupted dpkg has not merged yet and wins over it.
"""

import os
import re
from collections.abc import Iterator
from io import BufferedReader

from telegraf_osquery.engines.embedded_tables.ask import Ask, Table
from telegraf_osquery.engines.embedded_tables.content import clean
from telegraf_osquery.engines.embedded_tables.rooted import resolve

_ADMINDIR = "/var/lib/dpkg"
_FIELDS = frozenset(
    {
        b"package",
        b"version",
        b"source",
        b"installed-size",
        b"architecture",
        b"status",
        b"maintainer",
        b"section",
        b"priority",
    }
)
_GONE = "not-installed"
_SIZE = re.compile("[0-9]{1,18}")

Stanza = dict[bytes, str]


def _stanzas(file: BufferedReader) -> Iterator[Stanza]:
    """The wanted fields of each paragraph; continuation lines belong to fields nobody asked for."""
    stanza: Stanza = {}
    for line in file:
        if line == b"\n":
            if stanza:
                yield stanza
                stanza = {}
        elif line[0] not in b" \t":
            name, _, value = line.partition(b":")
            name = name.lower()
            if name in _FIELDS:
                stanza[name] = clean(value.strip().decode("utf-8", "surrogateescape"))
    if stanza:
        yield stanza


def _key(stanza: Stanza) -> tuple[str, str]:
    return stanza.get(b"package", ""), stanza.get(b"architecture", "")


def _read(ask: Ask, path: str) -> Iterator[Stanza]:
    try:
        file = ask.open(path)
    except OSError:
        return
    with file:
        yield from _stanzas(file)


def _journal(ask: Ask, admindir: str) -> dict[tuple[str, str], Stanza]:
    folder = f"{admindir}/updates"
    try:
        names = sorted(filter(str.isdigit, os.listdir(resolve(ask.root, folder))))
    except OSError:
        return {}
    stanzas = (stanza for name in names for stanza in _read(ask, f"{folder}/{name}"))
    return {_key(stanza): stanza for stanza in stanzas}


def _packages(ask: Ask, admindir: str) -> Iterator[Stanza]:
    newer = _journal(ask, admindir)
    for stanza in _read(ask, f"{admindir}/status"):
        yield newer.pop(_key(stanza), stanza) if newer else stanza
    yield from newer.values()


def _deb_packages(ask: Ask) -> Iterator[tuple[str | int | None, ...]]:
    """Packages with at least their configuration files left, of the one database asked for."""
    admindir = ask.equal.get("admindir", _ADMINDIR)
    if not admindir.startswith("/"):
        return
    for stanza in _packages(ask, admindir):
        field = stanza.get
        status = " ".join(field(b"status", _GONE).split())
        if status.endswith(_GONE):
            continue
        version = field(b"version", "")
        size = field(b"installed-size", "")
        yield (
            field(b"package", ""),
            version,
            field(b"source", ""),
            int(size) if _SIZE.fullmatch(size) else None,
            field(b"architecture", ""),
            version.rpartition("-")[2] if "-" in version else "",
            status,
            field(b"maintainer", ""),
            field(b"section", ""),
            field(b"priority", "unknown"),
            admindir,
            0,
            "",
        )


def _deb_package_files(ask: Ask) -> Iterator[tuple[str, str, str]]:
    """The lines of ``info/NAME.list`` of each package.

    Packages whose list is named after their architecture too (``NAME:amd64.list``, the multiarch
    ones) do not show, as in osquery.
    """
    admindir = ask.equal.get("admindir", _ADMINDIR)
    wanted = ask.equal.get("package")
    if not admindir.startswith("/"):
        return
    for stanza in _packages(ask, admindir):
        name = stanza.get(b"package", "")
        installed = not stanza.get(b"status", _GONE).endswith(_GONE)
        if installed and wanted in {None, name} and "/" not in name:
            for path in ask.lines(f"{admindir}/info/{name}.list"):
                if path:
                    yield name, path, admindir


TABLES = {
    "deb_packages": Table(
        (
            *("name", "version", "source", "size", "arch", "revision", "status", "maintainer"),
            *("section", "priority", "admindir", "pid_with_namespace", "mount_namespace_id"),
        ),
        _deb_packages,
    ),
    "deb_package_files": Table(("package", "path", "admindir"), _deb_package_files),
}
