"""Which files a query on ``file`` or ``hash`` asks for, by ``path`` and ``directory``.

The rules are osquery's (osquery/filesystem/filesystem.cpp, checked against recordings): ``=`` knows
no wildcards. In LIKE, ``%`` stands for any name of one level, never for a hidden one; ``%%`` as the
end of a pattern goes on below, there with hidden names and through links to folders, but into each
folder once. Case counts. A folder that a pattern finds ends in ``/``. All else in a pattern is
literal, ``_`` too: SQLite checks every row against the pattern again. Relative paths find nothing.
"""

import errno
import os
import re
import stat
from collections.abc import Iterator

import msgspec

from telegraf_osquery.engines.embedded_tables import walk
from telegraf_osquery.engines.embedded_tables.ask import Ask
from telegraf_osquery.engines.embedded_tables.content import clean, original
from telegraf_osquery.engines.embedded_tables.denied import Denied
from telegraf_osquery.engines.embedded_tables.rooted import resolve

_DEPTH_MAX = 64  # osquery's kMaxRecursiveGlobs


class Place(msgspec.Struct, frozen=True):
    """One file that is asked for.

    Attributes:
        path, directory: as the row shows them.
        filename: the last part, ``.`` for a path that ends in ``/``.
        real: where to look, as this process sees it; a link as the last part is not followed yet.
        far: a mount point of a network filesystem, not to be looked at.
    """

    path: str
    directory: str
    filename: str
    real: str
    far: bool = False


def split(path: str) -> tuple[str, str]:
    """Directory and filename as osquery shows them."""
    head, _, name = path.rpartition("/")
    folder = head.rstrip("/")
    if name:
        return folder or "/", name
    return (folder, ".") if folder else ("", "/")


def places(ask: Ask) -> Iterator[Place]:
    """What the constraints ask for; both columns constrained gives a file once for each.

    What the policy denies is left out.
    """
    if not ask.denied:
        return _places(ask)
    denied = Denied(ask.root, ask.denied)
    # The folder part may be a link, and so may what a found path leads to.
    return (
        place
        for place in _places(ask)
        if not denied(place.path, look=not place.far)
        and (place.far or not denied(place.real[len(ask.root) :]))
    )


def _places(ask: Ask) -> Iterator[Place]:
    path, directory = ask.equal.get("path", ""), ask.equal.get("directory", "")
    if path.startswith("/"):
        yield _named(ask, path)
    if "path" in ask.like:
        for place in _Finder(ask).find(ask.like["path"]):
            if place.path != path:
                yield place
    if directory.startswith("/"):
        yield from _Finder(ask).inside(directory, _real(ask, directory, last=True))
    if "directory" in ask.like:
        for place in _Finder(ask).find(ask.like["directory"]):
            if place.path.endswith("/") and place.path != directory and not place.far:
                yield from _Finder(ask).inside(place.path, place.real)


def _named(ask: Ask, path: str) -> Place:
    directory, filename = split(path)
    return Place(path, directory, filename, _real(ask, path, last=path.endswith("/")))


def _real(ask: Ask, path: str, *, last: bool) -> str:
    r"""Where a named path lies; one with ``\xHH`` may be ours for bytes that are no UTF-8."""
    slash = "/" if path.endswith("/") else ""
    try:
        real = resolve(ask.root, path, last=last)
        if original(path) != path and not os.path.lexists(real):
            real = resolve(ask.root, original(path), last=last)
    except OSError:
        return ask.root + path
    return real.rstrip("/") + slash or "/"


class _Entry(msgspec.Struct, frozen=True):
    """A name in a folder, and what is known of it without asking a server far away.

    Attributes:
        path: where it lies.
        target: the folder itself where ``path`` is a link to one, else ``path``.
        folder: whether it is a folder, or a link to one.
        far: a mount point of a network filesystem, or a link that leads there.
    """

    name: str
    path: str
    target: str
    folder: bool
    far: bool


class _Finder:
    """Finds what nobody named: the files that a LIKE pattern or a folder stands for.

    What stands before the first ``%`` is named by a person and looked at wherever it lies; from
    there on mount points of network filesystems are told by their names alone and not entered.
    """

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._far = walk.mount_points(ask)
        self._seen: set[tuple[int, int]] = set()

    def inside(self, directory: str, real: str) -> Iterator[Place]:
        """All that lies in one folder, hidden names too."""
        base = directory if directory.endswith("/") else directory + "/"
        for entry in self._list(self._start(real[len(self._ask.root) :])):
            name = clean(entry.name)
            yield Place(base + name, directory, name, entry.path, entry.far)

    def find(self, pattern: str) -> Iterator[Place]:
        """What a pattern stands for, in the order of the paths."""
        if not pattern.startswith("/"):
            return
        wild = pattern.find("%")
        cut = pattern.rfind("/", 0, wild if wild >= 0 else len(pattern))
        base = pattern[:cut]
        real = self._start(base or "/")
        if wild < 0:
            self._far = frozenset()
        yield from self._match(base, real, pattern[cut + 1 :].split("/"))

    def _start(self, folder: str) -> str:
        """The real path of a folder that a person named; from here on the rest is far."""
        try:
            root = self._ask.root
            real = resolve(root, folder, remote=frozenset() if self._far else None)
        except OSError:
            return self._ask.root + folder
        self._far = walk.outside(self._far, real)
        return real

    def _match(self, shown: str, real: str, parts: list[str]) -> Iterator[Place]:
        """Match ``parts`` in the folder ``real``, which the rows show as ``shown``."""
        part, *rest = parts
        for entry in self._fitting(real, part):
            here = f"{shown}/{clean(entry.name)}"
            if rest:
                if entry.folder and not entry.far:
                    yield from self._match(here, entry.target, rest)
                continue
            yield _place(here, entry)
            if part.endswith("%%") and entry.folder:
                yield from self._below(here, entry)

    def _fitting(self, real: str, part: str) -> Iterator[_Entry]:
        """The entries of a folder that one part of a pattern stands for."""
        if "%" not in part:
            yield from self._literal(real, part)
            return
        fits = re.compile(".*".join(map(re.escape, part.split("%"))), re.DOTALL).fullmatch
        for entry in self._list(real):
            if fits(entry.name) and (part.startswith(".") or not entry.name.startswith(".")):
                yield entry

    def _literal(self, real: str, part: str) -> Iterator[_Entry]:
        path = f"{real.rstrip('/')}/{part}"
        try:
            if not part:
                if stat.S_ISDIR(os.stat(real).st_mode):
                    yield _Entry("", real, real, folder=True, far=False)
            elif path in self._far:
                yield _Entry(part, path, path, folder=True, far=True)
            else:
                yield self._entry(part, path, stat.S_IFMT(os.lstat(path).st_mode))
        except OSError:
            return

    def _list(self, real: str) -> list[_Entry]:
        """The entries of a folder in the order of their paths; none when it cannot be listed."""
        try:
            listed = walk.entries(self._ask, real)
            found = [self._entry(entry.name, entry.path, _kind(entry)) for entry in listed]
        except OSError:
            return []
        found.sort(key=lambda entry: entry.name + "/" if entry.folder else entry.name)
        return found

    def _entry(self, name: str, path: str, kind: int) -> _Entry:
        if kind != stat.S_IFLNK:
            return _Entry(name, path, path, folder=kind == stat.S_IFDIR, far=path in self._far)
        root = self._ask.root
        try:
            target = resolve(root, path[len(root) :], remote=self._far or None)
            folder = stat.S_ISDIR(os.stat(target).st_mode)
        except OSError as error:
            return _Entry(name, path, path, folder=False, far=error.errno == errno.EXDEV)
        return _Entry(name, path, target if folder else path, folder=folder, far=False)

    def _below(self, shown: str, folder: _Entry) -> Iterator[Place]:
        """Everything under a folder, depth first."""
        stack = [(shown, iter(self._enter(folder)))]
        while stack:
            shown, entries = stack[-1]
            entry = next(entries, None)
            if entry is None:
                stack.pop()
                continue
            here = f"{shown}/{clean(entry.name)}"
            yield _place(here, entry)
            if entry.folder and len(stack) < _DEPTH_MAX:
                stack.append((here, iter(self._enter(entry))))

    def _enter(self, folder: _Entry) -> list[_Entry]:
        """List a folder, unless it was listed before or lies far away."""
        if folder.far:
            return []
        try:
            info = os.stat(folder.target)
        except OSError:
            return []
        key = (info.st_dev, info.st_ino)
        if key in self._seen:
            return []
        self._seen.add(key)
        return self._list(folder.target)


def _kind(entry: os.DirEntry[str]) -> int:
    """What a listing says of an entry without looking at it: folder, link or anything else."""
    if entry.is_symlink():
        return stat.S_IFLNK
    return stat.S_IFDIR if entry.is_dir(follow_symlinks=False) else 0


def _place(shown: str, entry: _Entry) -> Place:
    """A found file as a row shows it: folders end in ``/`` and are looked at, not links to them."""
    path = f"{shown}/" if entry.folder and not shown.endswith("/") else shown
    directory, filename = split(path)
    real = f"{entry.target.rstrip('/')}/" if entry.folder else entry.path
    return Place(path, directory, filename, real, entry.far)
