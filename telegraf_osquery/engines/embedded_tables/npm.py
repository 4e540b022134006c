"""npm_packages: what npm has installed (osquery/tables/system/npm_packages.cpp).

A package is a folder in ``node_modules`` (or in a scope ``@name`` there) with a package.json; its
own ``node_modules`` are looked into as deep as ``max_depth`` says (100). A package.json that is no
JSON object gives a row of empty texts.
"""

import os
from collections.abc import Container, Iterator
from typing import Any

import msgspec

from telegraf_osquery.engines.embedded_tables.ask import Ask, Table
from telegraf_osquery.engines.embedded_tables.content import clean
from telegraf_osquery.engines.embedded_tables.homes import LACKS
from telegraf_osquery.engines.embedded_tables.rooted import resolve
from telegraf_osquery.engines.embedded_tables.walk import listing, mount_points

_SYSTEM = ("/usr/lib", "/usr/local/lib")
_HOMES = "/home"
_OWN = ".npm-global/lib"
_NVM = ".nvm/versions/node"
_DEPTH_MAX = 100
_MODULES = "node_modules"


def _npm_packages(ask: Ask) -> Iterator[tuple[Any, ...]]:
    far = mount_points(ask)
    deepest = ask.equal.get("max_depth", _DEPTH_MAX)
    for site in _sites(ask, far):
        for folder, depth in _packages(ask, site.rstrip("/"), far, deepest):
            path = f"{folder}/package.json"
            described = _description(ask.read(path, far))
            yield (*described, clean(path), clean(site), depth, deepest, 0, "")


def _sites(ask: Ask, far: Container[str]) -> Iterator[str]:
    """Folders that may hold ``node_modules``; those that nobody named end in a slash."""
    if "directory" in ask.equal:
        yield ask.equal["directory"]
        return
    yield from (f"{site}/" for site in _SYSTEM)
    for home in listing(ask, _HOMES, far, folders=True):
        yield f"{home}/{_OWN}/"
        for version in listing(ask, f"{home}/{_NVM}", far, folders=True):
            yield f"{version}/lib/"


def _packages(ask: Ask, site: str, far: Container[str], deepest: int) -> Iterator[tuple[str, int]]:
    """Folders with a package.json, and how many others they lie in."""
    seen: set[tuple[int, int]] = set()
    stack = [(site, 0)] if site.startswith("/") else []
    while stack:
        folder, depth = stack.pop()
        if not _new(ask, folder, far, seen):
            continue
        modules = listing(ask, f"{folder}/{_MODULES}", far, folders=True)
        scopes = [path for path in modules if path.startswith("@", path.rfind("/") + 1)]
        modules += [p for scope in scopes for p in listing(ask, scope, far, folders=True)]
        for path in modules:
            if _exists(ask, f"{path}/package.json", far):
                yield path, depth
                if depth < deepest or deepest == -1:
                    stack.append((path, depth + 1))


def _new(ask: Ask, folder: str, far: Container[str], seen: set[tuple[int, int]]) -> bool:
    """Whether this folder has not been looked into before."""
    try:
        info = os.stat(resolve(ask.root, folder, remote=far))
    except OSError:
        return False
    key = (info.st_dev, info.st_ino)
    new = key not in seen
    seen.add(key)
    return new


def _exists(ask: Ask, path: str, far: Container[str]) -> bool:
    try:
        return os.path.lexists(resolve(ask.root, path, last=False, remote=far))
    except OSError:
        return False


def _description(data: bytes | None) -> tuple[str, ...]:
    """Name, version, description, author, licence, homepage; what is not a text is empty."""
    try:
        found = msgspec.json.decode(data or b"")
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        found = {}
    fields = found if isinstance(found, dict) else {}
    author, licence = fields.get("author"), fields.get("license")
    fields["author"] = author.get("name") if isinstance(author, dict) else author
    fields["license"] = licence.get("url") if isinstance(licence, dict) else licence
    names = ("name", "version", "description", "author", "license", "homepage")
    values = map(fields.get, names)
    return tuple(value if isinstance(value, str) else "" for value in values)


TABLES = {
    "npm_packages": Table(
        (
            *("name", "version", "description", "author", "license", "homepage", "path"),
            *("directory", "depth", "max_depth", "pid_with_namespace", "mount_namespace_id"),
        ),
        _npm_packages,
        lacks=LACKS,
    )
}
