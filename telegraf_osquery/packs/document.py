"""One file and what it draws in: a pack, or an osquery config with its packs and sidecars."""

import glob
import os
import stat
from collections.abc import Mapping
from typing import Any

import msgspec

from telegraf_osquery.config.settings import Settings
from telegraf_osquery.errors import CodecError, ConfigError, PackError
from telegraf_osquery.model.names import ALERT_PACK, MAIN_PACK
from telegraf_osquery.packs import dialect, parse, sidecar
from telegraf_osquery.packs.pack import Decorators, Finding, Options, Pack
from telegraf_osquery.packs.parse import Notes
from telegraf_osquery.packs.sidecar import Tables

SIZE_MAX = 8 << 20
"""Bytes of one file; a larger one is not a pack somebody wrote."""
MULTI = "*"
_CONFIG_KEYS = frozenset({"schedule", "packs", "decorators", "options"})
# osquery's other keys: they configure osquery itself.
_FOREIGN_KEYS = frozenset({
    "auto_table_construction", "events", "exclude_paths", "feature_vectors", "file_accesses",
    "file_paths", "file_paths_query", "kafka_topics", "logger", "prometheus_targets", "views",
    "yara",
})  # fmt: skip

Stamp = tuple[int, int, int] | None
"""mtime in ns, size, inode; None for a file that is not there."""


class Document(msgspec.Struct, kw_only=True, frozen=True):
    """What one file gave.

    Attributes:
        usable: the file itself could be read; else ``packs`` is empty and what it gave before
            holds.
        refused: why the names in it cannot be accepted; empty when they can.
        broken: packs named by the file that could not be read; what they were before holds.
        inputs: every file it depends on, also missing ones, with its stamp before it was read.
        listings: patterns it depends on, with the files they named.
    """

    path: str
    usable: bool = True
    refused: str = ""
    packs: tuple[Pack, ...] = ()
    broken: tuple[str, ...] = ()
    decorators: Decorators = Decorators()
    options: Options = {}
    findings: tuple[Finding, ...] = ()
    inputs: Mapping[str, Stamp] = {}
    listings: Mapping[str, tuple[str, ...]] = {}

    def stale(self) -> bool:
        """Whether any file it depends on is not as it was."""
        return any(stamp(path) != was for path, was in self.inputs.items()) or any(
            matches(pattern) != was for pattern, was in self.listings.items()
        )


def stamp(path: str) -> Stamp:
    """What changes when the file does."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):  # ValueError: a NUL in the path
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def matches(pattern: str) -> tuple[str, ...]:
    """The files a ``*`` pattern names, sorted; ``%`` is osquery's own ``*``."""
    return tuple(sorted(glob.glob(pattern.replace("%", "*"), recursive=True)))


def stem(path: str) -> str:
    """The name of the pack in a file: its name without folder and extension."""
    return os.path.splitext(os.path.basename(path))[0]


def load(path: str) -> Document:
    """Read a pack file or an osquery config; what is wrong with it is in ``findings``.

    A pack whose name is taken makes the whole document unusable and is in ``refused``.
    """
    return _Loader(path).load()


class _Loader:
    """Reads one document and remembers what it touched."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.notes = Notes(path)
        self.packs: list[Pack] = []
        self.broken: list[str] = []
        self.inputs: dict[str, Stamp] = {}
        self.listings: dict[str, tuple[str, ...]] = {}

    def load(self) -> Document:
        decorators, options, usable, refused = Decorators(), Options(), True, ""
        try:
            data = self.read(self.path, self.notes)
            if is_pack(data):
                name = stem(self.path)
                _refuse_name(name, self.path)
                tables = self.sidecar(self.path, sidecar.PackSidecar).get("queries", {})
                self.pack(data, name, self.notes, tables)
            else:
                self.config(data)
                decorators = self.decorators(data)
                options = self.options(data)
        except (CodecError, ConfigError, OSError) as error:
            self.notes.add("error", _rule(error), _reason(error, self.path))
            usable = False
        except PackError as error:
            self.notes.add("error", "pack-name", _reason(error, self.path))
            usable, refused = False, str(error)
        return Document(
            path=self.path,
            usable=usable,
            refused=refused,
            packs=tuple(self.packs) if usable else (),
            broken=tuple(self.broken),
            decorators=decorators,
            options=options,
            findings=tuple(self.notes.findings),
            inputs=self.inputs,
            listings=self.listings,
        )

    def bytes(self, path: str) -> bytes:
        self.inputs.setdefault(path, stamp(path))
        found = os.stat(path)
        if not stat.S_ISREG(found.st_mode):
            raise CodecError("not a regular file")
        if found.st_size > SIZE_MAX:
            raise CodecError(f"{found.st_size} bytes long; a pack has at most {SIZE_MAX}")
        with open(path, "rb") as file:
            return file.read(SIZE_MAX)

    def read(self, path: str, notes: Notes, *, multi: bool = False) -> dict[str, Any]:
        reading = dialect.read(self.bytes(path), scalars_as_text=multi)
        for rule, message in reading.notes:
            notes.add("warning", rule, message)
        return reading.data

    def sidecar(self, document: str, kind: type[Settings]) -> dict[str, Any]:
        path = sidecar.path_of(document)
        self.inputs.setdefault(path, stamp(path))
        return sidecar.read(self.bytes(path), path, kind) if os.path.exists(path) else {}

    # --- packs ---

    def add_file(self, name: str, path: str, *, multi: bool = False) -> None:
        """A pack in a file of its own."""
        notes = Notes(path)
        try:
            data = self.read(path, notes, multi=multi)
            tables = self.sidecar(path, sidecar.PackSidecar).get("queries", {})
            self.pack(data, name, notes, tables)
        except (CodecError, ConfigError, OSError) as error:
            self.broken.append(name)
            notes.add("error", _rule(error), _reason(error, path), name)
        self.notes.findings += notes.findings

    def pack(self, data: Mapping[str, Any], name: str, notes: Notes, tables: Tables) -> None:
        queries = data.get("queries")
        known = queries if isinstance(queries, dict) else {}
        sidecar.check_names(sidecar.path_of(notes.file), "queries", tables, known)
        if not known and any(isinstance(v, dict) and "queries" in v for v in data.values()):
            message = "several packs in one file, which osquery does not read"
            notes.add("error", "several-packs", message, name)
        self.packs.append(parse.pack(data, name, notes, tables))

    # --- osquery configs ---

    def config(self, data: Mapping[str, Any]) -> None:
        self.notes.unknown(data, _CONFIG_KEYS | _FOREIGN_KEYS | {"queries"}, "", "")
        for key in sorted(_FOREIGN_KEYS & data.keys()):
            message = f'key "{key}" configures osquery itself; it has no effect here'
            self.notes.add("info", "foreign-key", message)
        if "queries" in data:
            message = "queries beside schedule or packs do not run; make them a pack"
            self.notes.add("error", "shape", message)
        if not data.keys() & {"schedule", "packs"}:
            message = "neither queries nor schedule nor packs; nothing of it runs"
            self.notes.add("warning", "nothing-runs", message)
        extra = self.sidecar(self.path, sidecar.ConfigSidecar)
        self.schedule(data, extra.get("schedule", {}))
        packs = data.get("packs", {})
        if not isinstance(packs, dict):
            self.notes.add("error", "shape", "packs is not an object; none of them runs")
            packs = {}
        tables = extra.get("packs", {})
        where = sidecar.path_of(self.path)
        inline = {name: value for name, value in packs.items() if isinstance(value, dict)}
        sidecar.check_names(where, "packs", tables, {**inline, **inline.get(MULTI, {})})
        for name, value in packs.items():
            self.entry(name, value, tables)

    def schedule(self, data: Mapping[str, Any], tables: Tables) -> None:
        if "schedule" not in data:
            return
        found = data["schedule"]
        known = found if isinstance(found, dict) else {}
        sidecar.check_names(sidecar.path_of(self.path), "schedule", tables, known)
        try:
            queries = parse.schedule(found, self.notes, tables)
        except ConfigError as error:
            self.broken.append(MAIN_PACK)
            self.notes.add("error", _rule(error), _reason(error, self.path), MAIN_PACK)
            return
        if isinstance(found, dict):
            self.packs.append(Pack(name=MAIN_PACK, path=self.path, queries=queries))

    def entry(self, name: str, value: Any, tables: Mapping[str, Any]) -> None:
        """One member of ``packs``."""
        if isinstance(value, dict) and name == MULTI:
            for inner, pack in value.items():
                if isinstance(pack, dict):
                    self.inline(inner, pack, tables)
                else:
                    self.notes.add("error", "shape", "expected an object; it is ignored", inner)
        elif isinstance(value, dict):
            self.inline(name, value, tables)
        elif isinstance(value, str) and name == MULTI:
            self.glob(value)
        elif isinstance(value, str):
            self.include(name, value)
        else:
            message = "expected an object or a path; it is ignored"
            self.notes.add("error", "shape", message, name)

    def inline(self, name: str, data: Mapping[str, Any], tables: Mapping[str, Any]) -> None:
        _refuse_name(name, self.path)
        try:
            self.pack(data, name, self.notes, tables.get(name, {}).get("queries", {}))
        except ConfigError as error:
            self.broken.append(name)
            self.notes.add("error", _rule(error), _reason(error, self.path), name)

    def include(self, name: str, path: str) -> None:
        _refuse_name(name, self.path)
        if os.path.isabs(path):
            self.add_file(name, path)
        else:
            message = f'"{path}" is not an absolute path; write an object, or a path from /'
            self.notes.add("error", "include", message, name)

    def glob(self, pattern: str) -> None:
        self.listings[pattern] = matches(pattern)
        if not self.listings[pattern]:
            message = f'no file fits the pattern "{pattern}"'
            self.notes.add("warning", "empty-pattern", message)
        for path in self.listings[pattern]:
            _refuse_name(stem(path), path)
            self.add_file(stem(path), path, multi=True)

    def decorators(self, data: Mapping[str, Any]) -> Decorators:
        found = data.get("decorators")
        return Decorators() if found is None else parse.decorators(found, self.notes)

    def options(self, data: Mapping[str, Any]) -> Options:
        found = data.get("options", {})
        if isinstance(found, dict):
            return dict(found)
        self.notes.add("error", "shape", "options is not an object; it is ignored")
        return {}


def is_pack(data: Mapping[str, Any]) -> bool:
    """Whether this is a pack file and not an osquery config.

    ``schedule`` or ``packs`` make it a config, else ``queries`` a pack. Several packs in one file
    are taken for a pack, as osquery takes them.
    """
    if data.keys() & {"schedule", "packs"}:
        return False
    if "queries" in data:
        return True
    nested = any(isinstance(value, dict) and "queries" in value for value in data.values())
    return bool(data) and not data.keys() & (_CONFIG_KEYS | _FOREIGN_KEYS) and nested


def _refuse_name(name: str, path: str) -> None:
    if name == MAIN_PACK:
        raise PackError(
            f'{path}: pack "{name}": this is the name of the schedule itself, which osquery '
            "would drop; rename the pack"
        )
    if name == ALERT_PACK:
        raise PackError(f'{path}: pack "{name}": the name is kept for alert rules; rename the pack')


def _rule(error: Exception) -> str:
    if isinstance(error, CodecError):
        return "json"
    return "additions" if isinstance(error, ConfigError) else "unreadable"


def _reason(error: Exception, path: str) -> str:
    if isinstance(error, CodecError) and error.line:
        return f"line {error.line}, column {error.column}: {error}"
    if isinstance(error, OSError):
        return f"cannot be read: {error.strerror or error}"
    return str(error).removeprefix(f"{path}: ")
