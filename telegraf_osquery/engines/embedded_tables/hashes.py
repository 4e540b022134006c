"""hash: MD5, SHA-1 and SHA-256 of the files that ``path`` and ``directory`` ask for.

Only regular files, and links to them, are opened (see ``content``); a file over 50 MiB or one that
cannot be read is a row with empty digests, as in osquery
(osquery/tables/system/hash.cpp). Which files: ``where``.

The digests are CPython's own C modules: they load in 0.1 MiB and hash at 650 (MD5), 250-300 (SHA-1)
and 300-400 MB/s (SHA-256), measured; hashlib's OpenSSL reaches 720, 1 790 and 1 690 MB/s with the
CPU's SHA instructions, but costs 3.7 MiB in every agent that ever hashed one file. Builds without
these modules (some distributions) fall back to hashlib.
"""

import os
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any, Protocol

from telegraf_osquery.engines.embedded_tables.ask import Ask, Table
from telegraf_osquery.engines.embedded_tables.content import READ_MAX, open_regular
from telegraf_osquery.engines.embedded_tables.rooted import resolve
from telegraf_osquery.engines.embedded_tables.where import places
from telegraf_osquery.errors import QueryTimeout

_CHUNK = 1 << 18
_MODULES = {"md5": ("_md5",), "sha1": ("_sha1",), "sha256": ("_sha2", "_sha256")}
_DIGESTS = tuple(_MODULES)


class _Digest(Protocol):
    def update(self, data: memoryview, /) -> None: ...

    def hexdigest(self) -> str: ...


Maker = Callable[[], _Digest]


def maker(name: str) -> Maker:
    """The maker of digests of this kind (md5, sha1, sha256)."""
    for module in _MODULES[name]:
        try:
            found: Maker = getattr(import_module(module), name)
        except ImportError:
            continue
        return found
    import hashlib  # this build of Python has no digests of its own

    return lambda: hashlib.new(name, usedforsecurity=False)


def _hash(ask: Ask) -> Iterator[tuple[Any, ...]]:
    wanted = [name for name in _DIGESTS if ask.wants(name)]
    makers = {name: maker(name) for name in wanted}
    buffer = memoryview(bytearray(_CHUNK))
    for place in places(ask):
        if place.far or place.path.endswith("/"):
            continue
        digests = _digests(ask, place.real, makers, buffer)
        if digests is not None:
            cells = (digests.get(name) for name in _DIGESTS)
            yield place.path, place.directory, *cells, 0, ""


def _digests(
    ask: Ask, real: str, makers: dict[str, Maker], buffer: memoryview
) -> dict[str, str] | None:
    """Hexadecimal digests by name, empty ones for a file that is not read, None for no file."""
    digests = {name: make() for name, make in makers.items()}
    try:
        with open_regular(ask.root, real) as file:
            room = READ_MAX
            while digests and (size := file.readinto(buffer)):
                room -= size
                if room < 0:  # it grew while it was read
                    return dict.fromkeys(makers, "")
                for digest in digests.values():
                    digest.update(buffer[:size])
                if ask.deadline.expired():
                    raise QueryTimeout(f"the deadline passed while {real} was hashed")
    except OSError:
        return dict.fromkeys(makers, "") if _is_file(ask.root, real) else None
    return {name: digest.hexdigest() for name, digest in digests.items()}


def _is_file(root: str, real: str) -> bool:
    try:
        return os.path.isfile(resolve(root, real[len(root) :]))
    except OSError:
        return False


TABLES = {
    "hash": Table(
        ("path", "directory", *_DIGESTS, "pid_with_namespace", "mount_namespace_id"),
        _hash,
        lacks="files that only root may read have empty digests",
    )
}
