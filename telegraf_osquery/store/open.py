"""Opening a state file: as its owner, as a throw-away copy, as a reader."""

import itertools
import os

import apsw

from telegraf_osquery.errors import ConfigError, StoreBusy, StoreDamaged, TryLaterError
from telegraf_osquery.store.database import Database, connect, meaning
from telegraf_osquery.store.lock import FileLock
from telegraf_osquery.store.migrations import STEPS, check, migrate
from telegraf_osquery.store.place import create, prepare
from telegraf_osquery.store.state import Reader, State
from telegraf_osquery.telemetry.log import Log, quote

ASIDE_MAX = 3
"""Damaged files kept for a look; the oldest goes when there would be more."""


def try_open(path: str, log: Log, *, vfs: str | None = None) -> State:
    """Become the owner of the state file, making it where it is missing. Never waits for an owner.

    A damaged file is set aside with a warning, and a new one begun: bases then follow the clock
    alone and totals begin at 0, under a new instance UUID.

    Raises:
        StoreBusy: another process owns it; the caller decides how long to try.
        ConfigError: folder or file cannot be used, or the file is of a newer version.
        TryLaterError: no room, or the disk fails.
    """
    prepare(os.path.dirname(path))
    lock = FileLock(f"{_stem(path)}.lock")
    if not lock.try_acquire():
        raise StoreBusy(
            f"{path}: owned by process {lock.owner()}; expected one process per name; stop the "
            f"other or give this one another name"
        )
    try:
        return State(_sound(path, log, vfs), lock.release)
    except (ConfigError, TryLaterError):
        lock.release()
        raise


def throw_away(path: str, log: Log) -> State:
    """A private copy of the state file, gone when it is closed; the original is only read.

    Where the original cannot be read, the copy begins empty: a trial run as another user still
    shows what it is meant to show.
    """
    with meaning("throw-away state"):
        connection = connect("")
        try:
            _copy(path, connection)
        except (TryLaterError, ConfigError) as error:
            log.info("trial run begins without the saved state: %s", quote(error))
            connection.close()
            connection = connect("")
        migrate(connection, path)
    return State(Database(connection, f"{path} (throw-away copy)"))


def open_reader(path: str) -> Reader:
    """Read a state file beside its owner.

    Raises:
        ConfigError: missing, not readable, or of another version.
        TryLaterError: it cannot be read now.
    """
    return Reader(Database(_reading(path), path))


def _sound(path: str, log: Log, vfs: str | None) -> Database:
    try:
        return _open(path, vfs)
    except StoreDamaged as error:
        aside = _set_aside(path)
        log.warn("state file set aside as %s, a new one begins: %s", quote(aside), quote(error))
        return _open(path, vfs)


def _open(path: str, vfs: str | None) -> Database:
    # SQLite gives -wal and -shm the mode of the database file.
    os.close(create(path))
    with meaning(path):
        connection = connect(path, vfs=vfs)
        try:
            found = connection.execute("PRAGMA quick_check(1)").get
            if found != "ok":
                raise apsw.CorruptError(found)
            migrate(connection, path)
        except (apsw.Error, ConfigError):
            connection.close()
            raise
    return Database(connection, path)


def _reading(path: str) -> apsw.Connection:
    if not os.path.exists(path):
        raise ConfigError(f"{path}: no such state file; expected one; has the process run yet?")
    with meaning(path):
        connection = connect(path, read_only=True)
        try:
            version = check(connection, path)
        except (apsw.Error, ConfigError):
            connection.close()
            raise
    if version < len(STEPS):
        connection.close()
        raise ConfigError(
            f"{path}: found state version {version}; expected {len(STEPS)}; start its owner once"
        )
    return connection


def _copy(path: str, into: apsw.Connection) -> None:
    if not os.path.exists(path):
        return
    source = _reading(path)
    try:
        with meaning(path), into.backup("main", source, "main") as backup:
            backup.step()
    finally:
        source.close()


def _set_aside(path: str) -> str:
    stem = _stem(path)
    names = [f"{stem}.corrupt-{number}" for number in range(1, ASIDE_MAX + 1)]
    aside = next((name for name in names if not os.path.exists(name)), "")
    if not aside:
        _move(names[0], "")
        for older, newer in itertools.pairwise(names):
            _move(newer, older)
        aside = names[-1]
    _move(path, aside)
    return aside


def _move(path: str, to: str) -> None:
    """Rename, or remove where ``to`` is empty, the file and its log."""
    for suffix in ("", "-wal", "-shm"):
        if not os.path.lexists(path + suffix):
            continue
        if to and suffix != "-shm":
            os.replace(path + suffix, to + suffix)
        else:
            os.remove(path + suffix)


def _stem(path: str) -> str:
    return path.removesuffix(".db")
