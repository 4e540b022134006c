"""hash: MD5, SHA-1 and SHA-256 of the files that ``path`` and ``directory`` ask for.

Only regular files, and links to them, are opened (see ``content``); a file over 50 MiB or one that
cannot be read is a row with empty digests, as in osquery
(osquery/tables/system/hash.cpp). Which files: ``where``.
"""

import os
from collections.abc import Iterator
from typing import Any

from telegraf_osquery.engines.embedded_tables.ask import Ask, Table
from telegraf_osquery.engines.embedded_tables.content import READ_MAX, open_regular
from telegraf_osquery.engines.embedded_tables.rooted import resolve
from telegraf_osquery.engines.embedded_tables.where import places
from telegraf_osquery.errors import QueryTimeout
from telegraf_osquery.schema.sql_functions.digests import DIGESTS, Maker, maker

_CHUNK = 1 << 18


def _hash(ask: Ask) -> Iterator[tuple[Any, ...]]:
    wanted = [name for name in DIGESTS if ask.wants(name)]
    makers = {name: maker(name) for name in wanted}
    buffer = memoryview(bytearray(_CHUNK))
    for place in places(ask):
        if place.far or place.path.endswith("/"):
            continue
        digests = _digests(ask, place.real, makers, buffer)
        if digests is not None:
            cells = (digests.get(name) for name in DIGESTS)
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
        ("path", "directory", *DIGESTS, "pid_with_namespace", "mount_namespace_id"),
        _hash,
        lacks="files that only root may read have empty digests",
    )
}
