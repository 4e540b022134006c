"""Versions of the state file."""

from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from telegraf_osquery.errors import ConfigError
from telegraf_osquery.store.migrations import APPLICATION_ID, STEPS, check, migrate
from telegraf_osquery.store.open import open_reader, throw_away, try_open
from telegraf_osquery.telemetry.log import Log

OLD = ("CREATE TABLE mark (name TEXT, base INTEGER); INSERT INTO mark VALUES ('a', 7)",)
NEW = (*OLD, "ALTER TABLE mark ADD COLUMN total INTEGER; UPDATE mark SET total = base + 1")


@pytest.fixture
def connection() -> Iterator[apsw.Connection]:
    with apsw.Connection(":memory:") as opened:
        yield opened
    opened.close()


def shape(connection: apsw.Connection) -> list[object]:
    return list(connection.execute("SELECT name, sql FROM sqlite_schema ORDER BY name"))


def test_empty_file(connection: apsw.Connection) -> None:
    """A file of version 0 has nothing in it and gets everything."""
    migrate(connection, "x.db")
    assert check(connection, "x.db") == len(STEPS)
    assert connection.pragma("application_id") == APPLICATION_ID


def test_older_file_keeps_its_rows(connection: apsw.Connection) -> None:
    """A file of an older version gets the missing steps only, with its rows in it."""
    migrate(connection, "x.db", OLD)
    connection.execute("UPDATE mark SET base = 8")
    migrate(connection, "x.db", NEW)
    assert connection.execute("SELECT * FROM mark").get == ("a", 8, 9)
    assert check(connection, "x.db", NEW) == 2


def test_every_old_version_reaches_the_same_tables(connection: apsw.Connection) -> None:
    """Wherever a file stopped, migrating it gives the tables of a new one."""
    migrate(connection, "new.db")
    for version in range(len(STEPS)):
        with apsw.Connection(":memory:") as old:
            if version:
                migrate(old, "old.db", STEPS[:version])
            migrate(old, "old.db")
            assert shape(old) == shape(connection)
        old.close()


def test_failed_step_changes_nothing(connection: apsw.Connection) -> None:
    """A step that fails leaves the file at the version it had."""
    migrate(connection, "x.db", OLD)
    before = shape(connection)
    with pytest.raises(apsw.SQLError):
        migrate(connection, "x.db", (*NEW, "no SQL"))
    assert shape(connection) == before
    assert check(connection, "x.db", OLD) == 1


def made(path: str, *statements: str) -> None:
    Path(path).parent.mkdir(mode=0o700, exist_ok=True)
    connection = apsw.Connection(path)
    for statement in statements:
        connection.execute(statement)
    connection.close()


class TestThroughTheDoors:
    """The three ways to open a file meet one of another version."""

    def test_hand_made_version_0(self, path: str, log: Log, lines: list[bytes]) -> None:
        """An empty SQLite file of version 0 is migrated when it is opened."""
        made(path, "VACUUM")
        state = try_open(path, log)
        assert state.marks() == []
        state.close()
        assert lines == []

    def test_newer_is_refused(self, path: str, log: Log) -> None:
        """A newer version is refused by owner and reader, both versions named, and kept."""
        newer = f"PRAGMA user_version = {len(STEPS) + 1}"
        made(path, f"PRAGMA application_id = {APPLICATION_ID}", newer)
        before = Path(path).read_bytes()
        message = f"found state version {len(STEPS) + 1}; expected at most {len(STEPS)}"
        for opened in (lambda: try_open(path, log), lambda: open_reader(path)):
            with pytest.raises(ConfigError, match=message):
                opened()
        assert Path(path).read_bytes()[100:] == before[100:]

    def test_foreign_database_is_refused(self, path: str, log: Log) -> None:
        """Another program's database is not touched."""
        made(path, "CREATE TABLE theirs (x)")
        with pytest.raises(ConfigError, match="another program's database"):
            try_open(path, log)

    def test_older_is_not_read(self, path: str) -> None:
        """A reader migrates nothing: it asks for the owner."""
        made(path, f"PRAGMA application_id = {APPLICATION_ID}")
        with pytest.raises(ConfigError, match="start its owner once"):
            open_reader(path)

    def test_refusal_gives_the_lock_back(self, path: str, log: Log) -> None:
        """After a refused file was moved away the same process can start anew."""
        made(path, "CREATE TABLE theirs (x)")
        with pytest.raises(ConfigError):
            try_open(path, log)
        Path(path).unlink()
        try_open(path, log).close()

    def test_trial_run_beside_a_newer_file(self, path: str, log: Log, lines: list[bytes]) -> None:
        """A throw-away copy of what cannot be read begins empty and says why."""
        made(path, "CREATE TABLE theirs (x)")
        state = throw_away(path, log)
        assert state.marks() == []
        state.close()
        assert b"another program's database" in lines[0]
