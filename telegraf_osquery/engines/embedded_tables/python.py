"""python_packages: what pip and distributions have installed (osquery/tables/system).

A package is a folder that ends in ``.dist-info`` or ``.egg-info``, at any depth below a folder of
packages; without its file of metadata it is a row of empty texts. System-wide packages have uid 0;
a user's own are those below ``.local`` and ``.pyenv`` in the home.
"""

from collections.abc import Container, Iterator
from typing import Any

from telegraf_osquery.engines.embedded_tables.ask import Ask, Table
from telegraf_osquery.engines.embedded_tables.content import clean, pieces
from telegraf_osquery.engines.embedded_tables.homes import LACKS, asked
from telegraf_osquery.engines.embedded_tables.walk import folders_below, listing, mount_points

_SYSTEM = {
    "/usr/local/lib": ("dist-packages", "site-packages"),
    "/usr/local/lib64": ("site-packages",),
    "/usr/lib": ("dist-packages", "site-packages"),
}
_PYENV = ".pyenv/versions"
_LOCAL = ".local/lib"
_METADATA = {".dist-info": "METADATA", ".egg-info": "PKG-INFO"}
_FIELDS = {"Name": 0, "Version": 1, "Summary": 2, "Author": 3, "License": 4}


def _python_packages(ask: Ask) -> Iterator[tuple[Any, ...]]:
    far = mount_points(ask)
    seen: set[str] = set()
    for uid, site in _sites(ask, far):
        if site not in seen:
            seen.add(site)
            for path in _packages(ask, site, far):
                name, *more = _metadata(ask, path, far)
                yield name, uid, *more, clean(path), clean(site), 0


def _sites(ask: Ask, far: Container[str]) -> Iterator[tuple[int, str]]:
    """Folders of packages; those that were found and not named end in a slash."""
    if "directory" in ask.equal:
        yield 0, ask.equal["directory"]
        return
    for lib, names in sorted(_SYSTEM.items()):
        for python in _pythons(ask, lib, far):
            wanted = {f"{python}/{name}" for name in names}
            yield from (
                (0, f"{p}/") for p in listing(ask, python, far, folders=True) if p in wanted
            )
    for home in asked(ask):
        versions = listing(ask, f"{home.path}/{_PYENV}", far, folders=True)
        own = [p for version in versions for p in _pythons(ask, f"{version}/lib", far)]
        yield from ((home.uid, f"{python}/site-packages/") for python in own)
        yield from ((home.uid, f"{p}/") for p in _pythons(ask, f"{home.path}/{_LOCAL}", far))


def _pythons(ask: Ask, lib: str, far: Container[str]) -> list[str]:
    found = listing(ask, lib, far, folders=True)
    return [path for path in found if path.startswith("python", path.rfind("/") + 1)]


def _packages(ask: Ask, site: str, far: Container[str]) -> Iterator[str]:
    """Folders of metadata below a folder of packages."""
    if site.startswith("/"):
        found = folders_below(ask, site, far)
        yield from (path for path in found if path.endswith(tuple(_METADATA)))


def _metadata(ask: Ask, path: str, far: Container[str]) -> list[str]:
    """Name, version, summary, author, licence; a value with a colon in it is not seen."""
    suffix = path[path.rfind(".") :]
    found = [""] * len(_FIELDS)
    for line in ask.lines(f"{path}/{_METADATA[suffix]}", far):
        parts = pieces(line.strip(), ":")
        if len(parts) == 2 and parts[0] in _FIELDS:
            found[_FIELDS[parts[0]]] = parts[1]
            if parts[0] == "License":
                break
    return found


TABLES = {
    "python_packages": Table(
        (
            *("name", "uid", "version", "summary", "author", "license", "path", "directory"),
            "pid_with_namespace",
        ),
        _python_packages,
        lacks=LACKS,
    )
}
