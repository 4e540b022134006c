"""Tables about users' own files: whose, from where, and what must not be read."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telegraf_osquery.engines.embedded_tables import homes
from telegraf_osquery.engines.embedded_tables.history import commands
from telegraf_osquery.engines.embedded_tables.ssh_keys import describe, factoring_strength
from tests.engines.tables.asked import rows, scan, write

_USERS = (
    "root:x:0:0::/root/:/bin/sh\nalice:x:1000:1000::/data/alice:/bin/sh\n"
    "twin:x:1000:1000::/data/twin:/bin/sh\nlost:x:1002:1002::relative:/bin/sh\n"
    "top:x:1003:1003::/:/bin/sh\nnone:x:1004:1004:::/bin/sh\n"
)
_TABLES = {
    "authorized_keys": (".ssh/authorized_keys", "ssh-rsa AAAA\n", "key_file"),
    "known_hosts": (".ssh/known_hosts", "example.org ssh-rsa AAAA\n", "key_file"),
    "ssh_configs": (".ssh/config", "Port 22\n", "ssh_config_file"),
    "shell_history": (".bash_history", "ls\n", "history_file"),
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path, "/etc/passwd", _USERS)
    return tmp_path


@pytest.mark.parametrize("table", sorted(_TABLES))
def test_every_user_of_a_uid_counts(root: Path, table: str) -> None:
    """Two names may share a uid; homes that are no absolute path have no files."""
    name, text, column = _TABLES[table]
    for home in ("/data/alice", "/data/twin", "/relative", ""):
        write(root, f"{home}/{name}", text)
    sql = f"SELECT uid, {column} FROM {table} WHERE uid = "
    paths = [f"/data/alice/{name}", f"/data/twin/{name}"]
    assert rows(f"{sql}1000", root) == [(1000, path) for path in paths]
    assert rows(f"{sql}1003", root) == [(1003, f"/{name}")]
    for uid in (1002, 1004, 4242):
        assert rows(f"{sql}{uid}", root) == []


@pytest.mark.parametrize("table", sorted(_TABLES))
def test_without_a_uid_it_is_this_user(root: Path, table: str) -> None:
    """Below a root folder that is root; a slash at the end of a home is not doubled."""
    name, text, column = _TABLES[table]
    write(root, f"/root/{name}", text)
    write(root, f"/data/alice/{name}", text)
    assert rows(f"SELECT uid, {column} FROM {table}", root) == [(0, f"/root/{name}")]


@pytest.mark.parametrize("table", sorted(_TABLES))
def test_what_is_no_regular_file_is_not_read(root: Path, table: str) -> None:
    """A pipe would be waited for, a device never ends."""
    name, _, _ = _TABLES[table]
    for uid, home in ((1000, "/data/alice"), (1003, "")):
        file = root / f"{home}/{name}".lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        if uid == 1000:
            os.mkfifo(file)
        else:
            file.symlink_to("/dev/zero")
        assert rows(f"SELECT * FROM {table} WHERE uid = {uid}", root) == []


def test_homes_on_network_filesystems_are_left_out(root: Path) -> None:
    """Also where a link leads there, and where looking would mount something."""
    write(root, "/proc/mounts", "s:/h /data nfs4 rw 0 0\nauto /net autofs rw 0 0\n")
    for name, text, _ in _TABLES.values():
        write(root, f"/data/alice/{name}", text)
    write(root, "/data/alice/.config/autostart/a.desktop", "Name=A\n")
    (root / "root").symlink_to("/data/alice")
    for table in _TABLES:
        assert rows(f"SELECT * FROM {table} WHERE uid IN (0, 1000)", root) == []
    assert rows("SELECT * FROM startup_items", root) == []
    write(root, "/proc/mounts", "/dev/sdb /data ext4 rw 0 0\n")
    for table in _TABLES:
        assert len(rows(f"SELECT * FROM {table} WHERE uid IN (0, 1000)", root)) == 2
    assert rows("SELECT name FROM startup_items", root) == [("A",), ("A",)]


def test_everyone_s_homes_are_told_once(root: Path) -> None:
    """Sorted; relative and empty ones are none."""
    assert homes.everyone(scan(root)) == ["", "/data/alice", "/data/twin", "/root"]


def test_a_line_without_end_is_cut(root: Path) -> None:
    """SQLite takes no value of any size."""
    write(root, "/root/.bash_history", b"x" * 3_000_000 + b"\nls\n")
    found = rows("SELECT length(command) FROM shell_history", root)
    assert found == [(1 << 20,), (2,)]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["#1", "#2", "x"], [(1, "#2"), (0, "x")]),
        (["#1"], []),
        (["#1 ", "#x"], [(0, "#1 "), (0, "#x")]),
        (["#" + "9" * 30, "x"], [(None, "x")]),
        ([":           1:0;x", ":  1:0;x"], [(0, ":           1:0;x"), (1, "x")]),
        ([": 123456789012:0;x"], [(0, ": 123456789012:0;x")]),
        ([": 1:0;x\r"], [(0, ": 1:0;x\r")]),
        (["#1", ": 2:0;x"], [(1, ": 2:0;x")]),
    ],
)
def test_times_in_a_history(lines: list[str], expected: list[tuple[int | None, str]]) -> None:
    """Those of bash stand before a line, those of zsh in it; what looks like one is a command."""
    assert list(commands(iter(lines))) == expected


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text("#:;0123456789ab \r", max_size=12)))
def test_a_history_loses_at_most_its_stamps(lines: list[str]) -> None:
    """Every line is a command, a part of one, or the time of the next."""
    found = list(commands(iter(lines)))
    stamps = len(lines) - len(found)
    assert 0 <= stamps <= (len(lines) + 1) // 2
    assert all(line.startswith("#") for line in _stamps(lines))
    assert len(_stamps(lines)) == stamps


def _stamps(lines: list[str]) -> list[str]:
    """The lines that are times, told without the table's own means."""
    found: list[str] = []
    waiting = False
    for line in lines:
        waiting = not waiting and line[:1] == "#" and line[1:].isdigit()
        found += [line] if waiting else []
    return found


@pytest.mark.parametrize(
    ("bits", "strength"),
    [
        (8, 0),
        (512, 56),
        (1024, 80),
        (2048, 112),
        (3072, 128),
        (4096, 152),
        (7680, 192),
        (15360, 256),
    ],
)
def test_the_strength_of_rsa_is_openssl_s(bits: int, strength: int) -> None:
    """Its table and its formula agree."""
    assert factoring_strength(bits) == strength


def _keys() -> Iterator[bytes]:
    yield b"-----BEGIN RSA PRIVATE KEY-----\nMAkCAQACAQUCAQM=\n-----END RSA PRIVATE KEY-----\n"
    yield b"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA==\n-----END PRIVATE KEY-----\n"
    yield b"-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmU\n"


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(list(_keys())), st.data())
def test_no_file_in_dot_ssh_is_a_fault(key: bytes, data: st.DataObject) -> None:
    """Bytes changed at random make another key or none."""
    mutated = bytearray(key)
    for _ in range(data.draw(st.integers(0, 6))):
        mutated[data.draw(st.integers(0, len(mutated) - 1))] = data.draw(st.integers(0, 255))
    found = describe(bytes(mutated))
    assert found is None or found.length >= -1


def test_a_key_file_of_blanks_is_no_work() -> None:
    """Looking for a key takes time in proportion to the file."""
    assert describe(b"-----BEGIN PRIVATE KEY-----\n" + b" \n" * 30_000) is None
    assert describe(b"-----BEGIN PRIVATE KEY-----\n" * 2_000) is None
