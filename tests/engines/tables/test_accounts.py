"""users, groups, user_groups read the account files as the C library does."""

import grp
import os
import pwd
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engines.tables.asked import Row, rows, write

_ID_TEXTS = st.sampled_from(
    ["0", "7", "07", "70", " 7", "+7", "4294967294", "9" * 12, "9" * 5000, "x", "", "-2"]
)
_FIELDS = st.tuples(
    st.sampled_from(["root", "a", "b7", "+nis", "-", "#c", " d", ""]), _ID_TEXTS, _ID_TEXTS
)
_LINES = st.lists(_FIELDS, max_size=8)
_ASKED = (0, 7, 70, -2, 4294967294, 4294967295)


@settings(max_examples=40, deadline=None)
@given(_LINES)
def test_a_constraint_finds_what_a_full_scan_finds(lines: list[tuple[str, str, str]]) -> None:
    """uid, username, gid: the short way never loses a row."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write(root, "/etc/passwd", "".join(f"{n}:x:{u}:{g}:d:/h:/s\n" for n, u, g in lines))
        write(root, "/etc/group", "".join(f"{n}:x:{g}:a,b7\n" for n, _, g in lines))
        users = rows("SELECT uid, username, gid FROM users", root)
        groups = rows("SELECT gid, groupname FROM groups", root)
        members = rows("SELECT uid, gid FROM user_groups", root)
        for number in _ASKED:
            assert _asked(root, "uid, username, gid", "users", "uid", number) == [
                row for row in users if row[0] == number
            ]
            assert _asked(root, "gid, groupname", "groups", "gid", number) == [
                row for row in groups if row[0] == number
            ]
            assert _asked(root, "uid, gid", "user_groups", "uid", number) == [
                row for row in members if row[0] == number
            ]
        named = rows("SELECT uid, username, gid FROM users WHERE username='b7'", root)
        assert named == [row for row in users if row[1] == "b7"]


def _asked(root: Path, columns: str, table: str, column: str, number: int) -> list[Row]:
    return rows(f"SELECT {columns} FROM {table} WHERE {column}={number}", root)


def test_the_shell_is_all_that_follows_the_sixth_colon(tmp_path: Path) -> None:
    """As glibc has it."""
    write(tmp_path, "/etc/passwd", "a:x:1:1:g:/h:/bin/sh:more\n")
    assert rows("SELECT shell FROM users", tmp_path) == [("/bin/sh:more",)]


def test_bytes_that_are_no_utf8_do_not_break_the_query(tmp_path: Path) -> None:
    """They are written out."""
    write(tmp_path, "/etc/passwd", b"a:x:1:1:caf\xe9:/h:/s\n")
    assert rows("SELECT description FROM users", tmp_path) == [(r"caf\xE9",)]


def test_missing_account_files_are_empty_tables(tmp_path: Path) -> None:
    """A minimal container has none."""
    for table in ("users", "groups", "user_groups"):
        assert rows(f"SELECT * FROM {table}", tmp_path) == []


def test_the_users_of_this_host_are_those_of_the_c_library() -> None:
    """Every row of /etc/passwd is one that getpwall knows, with all its fields."""
    known = {tuple(entry[:1]) + tuple(entry[2:]) for entry in pwd.getpwall()}
    found = rows("SELECT username, uid, gid, description, directory, shell FROM users")
    assert found
    assert {row for row in found if row[0][:1] not in {"+", "-"}} <= known


def test_the_groups_of_each_user_are_those_of_the_c_library() -> None:
    """Getgrouplist of every user on this host."""
    for name, uid, gid in rows("SELECT username, uid_signed, gid FROM users GROUP BY uid"):
        found = rows(f"SELECT gid FROM user_groups WHERE uid={uid}")
        first = next(user for user in pwd.getpwall() if user.pw_uid == uid % (1 << 32))
        if first.pw_name == name:
            assert {row[0] for row in found} == set(os.getgrouplist(name, gid))


def test_a_group_of_this_host_is_that_of_the_c_library() -> None:
    """Group names and ids."""
    known = {entry.gr_gid: entry.gr_name for entry in grp.getgrall()}
    assert all(known[gid] == name for gid, name in rows("SELECT gid, groupname FROM groups"))


@pytest.mark.parametrize("where", ["uid=0", "username='root'", "uid='0'"])
def test_the_name_service_is_asked_with_include_remote(where: str) -> None:
    """One user, the first, and the column says so."""
    sql = (
        f"SELECT username, directory, include_remote FROM users WHERE include_remote=1 AND {where}"
    )
    assert rows(sql) == [("root", pwd.getpwuid(0).pw_dir, 1)]


def test_the_name_service_gives_all_users() -> None:
    """Without another constraint."""
    sql = "SELECT username FROM users WHERE include_remote=1"
    assert [row[0] for row in rows(sql)] == [entry.pw_name for entry in pwd.getpwall()]


def test_nobody_is_found_under_an_unknown_uid() -> None:
    """Neither in the file nor by the name service."""
    assert rows("SELECT * FROM users WHERE uid=4242424 AND include_remote=1") == []
    assert rows("SELECT * FROM users WHERE uid=-2 AND include_remote=1") == []
