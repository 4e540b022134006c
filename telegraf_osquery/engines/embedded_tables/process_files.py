"""Tables ``process_open_files`` and ``process_envs``: what a process has open and was given."""

from collections.abc import Iterator
from typing import Any

from telegraf_osquery.engines.embedded_tables import procfs
from telegraf_osquery.engines.embedded_tables.ask import Ask, Table
from telegraf_osquery.engines.embedded_tables.content import clean

_NO_FILES = ("socket:", "pipe:", "anon_inode:")


def _open_files(ask: Ask) -> Iterator[tuple[Any, ...]]:
    """The links in /proc/<pid>/fd; the mark " (deleted)" stays, as in osquery."""
    for pid in procfs.pids(ask):
        folder = ask.path(f"/proc/{pid}/fd")
        for name in procfs.names(folder):
            path = procfs.link(f"{folder}/{name}")
            if path and name.isdigit() and not path.startswith(_NO_FILES):
                yield int(pid), int(name), clean(path)


def split_environ(data: bytes) -> Iterator[tuple[str, str]]:
    """The variables as osquery lists them.

    An entry without ``=`` is key and value in one. An empty entry ends the list, and so does one
    with bytes that are not ASCII. (osquery shows leftover memory after an environment whose last
    entry lacks its NUL; this does not.)
    """
    for entry in data.split(b"\0"):
        if not entry or not entry.isascii():
            return
        key, equals, value = entry.decode("ascii").partition("=")
        yield key, value if equals else key


def _envs(ask: Ask) -> Iterator[tuple[Any, ...]]:
    for pid in procfs.pids(ask):
        try:
            data = procfs.read_table(ask.path(f"/proc/{pid}/environ"))
        except OSError:
            continue
        for key, value in split_environ(data):
            yield int(pid), key, value


_LACKS = "processes of other users"

TABLES: dict[str, Table] = {
    "process_open_files": Table(("pid", "fd", "path"), _open_files, lacks=_LACKS),
    "process_envs": Table(("pid", "key", "value"), _envs, lacks=_LACKS),
}
