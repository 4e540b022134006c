"""Paths that a policy keeps from whoever asks: what lies at or below one does not show.

Names are compared as they are asked for and as they really lie, links resolved, so no link, ``..``
or ``/proc/self/root`` leads past. What cannot be told apart by name still shows: a second hard link
to a file, a bind mount of a folder, and a link that somebody changes between this look and the one
of the table.
"""

import os
from collections.abc import Iterable, Iterator

from telegraf_osquery.engines.embedded_tables.rooted import resolve


class Denied:
    """The denied paths of one scan."""

    def __init__(self, root: str, paths: Iterable[str]) -> None:
        """``root`` is the root folder without a final slash, empty for this host."""
        self._root = root
        lexical = [_plain(path) for path in paths]
        self._paths = frozenset(lexical) | frozenset(map(self._lies, lexical))

    def __call__(self, path: str, *, look: bool = True) -> bool:
        """Whether this path of the host is denied; without ``look`` by its name alone."""
        plain = _plain(path)
        return self._below(plain) or (look and self._below(self._lies(plain)))

    def _below(self, path: str) -> bool:
        return any(parent in self._paths for parent in _and_above(path))

    def _lies(self, path: str) -> str:
        """Where the path leads on the host, links resolved; the path itself where it cannot."""
        try:
            if not self._root:
                return os.path.realpath(path)
            return resolve(self._root, path)[len(self._root) :]
        except (OSError, ValueError):
            return path


def _and_above(path: str) -> Iterator[str]:
    while path not in {"/", ""}:
        yield path
        path = os.path.dirname(path)
    yield "/"


def _plain(path: str) -> str:
    return "/" + os.path.normpath(path).lstrip("/")
