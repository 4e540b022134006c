"""Opening a state file: owner, damaged file, throw-away copy, reader."""

import os
import stat
from pathlib import Path

import pytest

from telegraf_osquery.errors import ConfigError, StoreBusy, TryLaterError
from telegraf_osquery.store import database
from telegraf_osquery.store.open import ASIDE_MAX, open_reader, throw_away, try_open
from telegraf_osquery.store.schedule import Execution
from telegraf_osquery.store.state import State
from telegraf_osquery.telemetry.log import Log

RUN = ("web1", "osquery_a_b", "a", "b", 10**18, "digest")
RAN = Execution(10**18)


def names(path: str) -> set[str]:
    return {entry.name for entry in Path(path).parent.iterdir()}


class TestOwner:
    """The one process that writes."""

    @pytest.mark.parametrize("mask", [0, 0o777])
    def test_private_files(self, path: str, log: Log, mask: int) -> None:
        """The file, its log, its index and its lock are 0600 whatever the umask."""
        before = os.umask(mask)
        try:
            state = try_open(path, log)
            state.begin_run(*RUN)
        finally:
            os.umask(before)
        modes = {
            entry.name: stat.S_IMODE(entry.stat().st_mode) for entry in Path(path).parent.iterdir()
        }
        state.close()
        assert modes == dict.fromkeys(
            ("input-test.db", "input-test.db-wal", "input-test.db-shm", "input-test.lock"), 0o600
        )

    def test_second_owner(self, path: str, log: Log, state: State) -> None:
        """A second copy is refused at once, with the first one's pid, until the first has left."""
        with pytest.raises(StoreBusy, match=f"owned by process {os.getpid()}"):
            try_open(path, log)
        state.close()
        try_open(path, log).close()

    def test_durable_settings(self, state: State) -> None:
        """The connection syncs every commit and holds little memory."""
        asked = ("journal_mode", "synchronous", "mmap_size", "cache_size")
        found = [state._database.rows(f"PRAGMA {name}")[0][0] for name in asked]
        assert found == ["wal", 2, 0, -database.CACHE_KIB]

    def test_after_close(self, state: State) -> None:
        """A lane that comes back after the end is told so, and nothing breaks."""
        state.close()
        state.close()
        with pytest.raises(TryLaterError, match="closed"):
            state.begin_run(*RUN)

    def test_log_is_bounded(self, path: str, state: State) -> None:
        """Thousands of commits do not let the write-ahead log grow without end."""
        mark = state.begin_run(*RUN)
        for _ in range(1500):
            mark = state.commit_rows(mark, 1, 1)
        assert os.path.getsize(f"{path}-wal") < 3 << 20


class TestDamaged:
    """Files that are not sound."""

    def spoil(self, path: str, log: Log) -> None:
        try_open(path, log).close()
        with open(path, "r+b") as file:
            file.write(b"\xff" * 512)

    def test_set_aside(self, path: str, log: Log, lines: list[bytes]) -> None:
        """A file that is no database is kept under another name, said so, and begun anew."""
        self.spoil(path, log)
        state = try_open(path, log)
        assert state.begin_run(*RUN).run == 1
        state.close()
        assert Path(path).with_name("input-test.corrupt-1").read_bytes()[:512] == b"\xff" * 512
        assert len(lines) == 1
        assert lines[0].startswith(b"W! state file set aside as")
        assert b"file is not a database" in lines[0]

    def test_damage_inside(self, path: str, log: Log, lines: list[bytes]) -> None:
        """Damage behind a sound header is found at the start too."""
        state = try_open(path, log)
        for index in range(200):
            state.record_run("pack", f"query{index}" * 5, "skipped", RAN)
        state.close()
        with open(path, "r+b") as file:
            file.seek(6 * 4096)
            file.write(b"\x99" * 8192)
        state = try_open(path, log)
        assert state.last_runs() == {}
        state.close()
        assert b"damaged" in lines[0]

    def test_few_are_kept(self, path: str, log: Log) -> None:
        """A disk that damages file after file is not filled with them; the newest is kept."""
        for _ in range(ASIDE_MAX + 2):
            self.spoil(path, log)
            try_open(path, log).close()
        kept = {name for name in names(path) if ".corrupt-" in name}
        assert kept == {f"input-test.corrupt-{number}" for number in range(1, ASIDE_MAX + 1)}

    def test_found_at_work(self, path: str, log: Log) -> None:
        """Damage found while working is a reason to start again, not a crash without a name."""
        state = try_open(path, log)
        for index in range(300):
            state.record_run("pack", f"query{index}" * 9, "skipped", RAN)
        state.close()
        reader = open_reader(path)
        with open(path, "r+b") as file:
            file.seek(3 * 4096)
            file.write(b"\x99" * os.path.getsize(path))
        with pytest.raises(TryLaterError, match="damaged"):
            reader.last_runs()
        reader.close()


class TestTrouble:
    """Disks and folders that refuse."""

    def test_no_room(self, path: str, log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
        """A full disk is an error to try again later; what was committed stays."""
        monkeypatch.setattr(database, "BYTES_MAX", 16 * 4096)
        state = try_open(path, log)
        mark = state.begin_run(*RUN)
        values = state.state("x")
        values.set(b"big", bytes(100 * 4096))
        with pytest.raises(TryLaterError, match="no room"):
            state.commit(values)
        assert state.commit_rows(mark, 1, 1).rows == 1
        state.close()

    def test_read_only(self, path: str, state: State) -> None:
        """Writing where only reading is allowed is a setting to correct."""
        mark = state.begin_run(*RUN)
        intruder = State(open_reader(path)._database)
        with pytest.raises(ConfigError, match="cannot be written"):
            intruder.end_run(mark, "ok")
        intruder.close()

    def test_a_folder_in_its_place(self, path: str, log: Log) -> None:
        """A folder where the file should be is named."""
        Path(path).mkdir(parents=True)
        Path(path).parent.chmod(0o700)
        with pytest.raises(ConfigError, match="cannot be opened"):
            try_open(path, log)


class TestThrowAway:
    """The copy for a trial run."""

    def test_copy(self, path: str, log: Log, state: State) -> None:
        """The copy knows what the owner has committed; what it does leaves no trace."""
        mark = state.begin_run(*RUN)
        copy = throw_away(path, log)
        assert copy.open_runs() == [mark]
        copy.end_run(mark, "partial")
        copy.begin_run(*RUN)
        before = names(path)
        copy.close()
        assert names(path) == before
        assert state.open_runs() == [mark]

    def test_without_original(self, path: str, log: Log, lines: list[bytes]) -> None:
        """Without a saved state the copy begins empty, and no folder is made."""
        copy = throw_away(path, log)
        assert copy.begin_run(*RUN).run == 1
        copy.close()
        assert not os.path.exists(os.path.dirname(path))
        assert lines == []

    def test_damaged_original(self, path: str, log: Log, lines: list[bytes]) -> None:
        """A trial run does not touch a damaged file; the next real start will."""
        TestDamaged().spoil(path, log)
        throw_away(path, log).close()
        assert names(path) == {"input-test.db", "input-test.lock"}
        assert lines[0].startswith(b"I! trial run begins without the saved state")


class TestReader:
    """A second process that only reads."""

    def test_beside_the_owner(self, path: str, state: State) -> None:
        """A reader sees each commit while the owner goes on working."""
        reader = open_reader(path)
        mark = state.begin_run(*RUN)
        assert reader.open_runs() == [mark]
        done = state.finish(mark, "empty", RAN)
        assert reader.open_runs() == []
        assert reader.marks() == [done]
        assert reader.last_runs()["a", "b"].outcome == "empty"
        reader.close()

    def test_without_owner(self, path: str, state: State) -> None:
        """The file can be read while its process is not running."""
        state.begin_run(*RUN)
        state.close()
        reader = open_reader(path)
        assert len(reader.open_runs()) == 1
        reader.close()

    def test_missing(self, path: str) -> None:
        """A file that is not there is not made."""
        with pytest.raises(ConfigError, match="no such state file"):
            open_reader(path)
        assert not os.path.exists(path)
