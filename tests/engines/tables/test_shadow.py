"""shadow tells the state of passwords and nothing of the passwords."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telegraf_osquery.engines.embedded_tables.shadow import TABLES
from tests.engines.tables.asked import rows, scan, write

AGES = "last_change, min, max, warning, inactive, expire, flag"


def _shadow(root: Path, line: str, columns: str) -> list[tuple[object, ...]]:
    write(root, "/etc/shadow", line + "\n")
    return rows(f"SELECT {columns} FROM shadow", root)


@pytest.mark.parametrize(
    ("numbers", "ages"),
    [
        ("19700:0:99999:7:30:20000:", (19700, 0, 99999, 7, 30, 20000, None)),
        ("1:2:3", (1, 2, 3, -1, -1, -1, None)),
        ("1:2:3:", (1, 2, 3, -1, -1, -1, None)),
        ("1:2:3:4:5:6:7", (1, 2, 3, 4, 5, 6, 7)),
        ("::::::", (-1, -1, -1, -1, -1, -1, None)),
        ("-1:-1:+5::::", (-1, -1, 5, -1, -1, -1, None)),
        ("4294967295:2147483648:0::::", (-1, -(2**31), 0, -1, -1, -1, None)),
    ],
)
def test_numbers_are_read_as_the_c_library_does(
    tmp_path: Path, numbers: str, ages: tuple[int | None, ...]
) -> None:
    """Missing ones are -1; the last four may be missing together; 32 bits each."""
    assert _shadow(tmp_path, f"a:*:{numbers}", AGES) == [ages]


@pytest.mark.parametrize(
    "line",
    ["a", "a:*", "a:*:", "a:*:1:2", "a:*:1:2:", "a:*:1:2:3:4", "a:*:x:2:3", "", "#a:*:::::::"],
)
def test_a_line_that_is_cut_short_does_not_count(tmp_path: Path, line: str) -> None:
    """Nor does one with something else than numbers, or a comment."""
    assert _shadow(tmp_path, line, "username") == []


@pytest.mark.parametrize(
    ("password", "status", "algorithm"),
    [
        ("", "empty", ""),
        ("!!", "not_set", ""),
        ("!", "locked", ""),
        ("*LK*", "locked", ""),
        ("x", "locked", ""),
        ("!$6$salt$hash", "locked", ""),
        ("$y$j9T$salt$hash", "active", "y"),
        ("$argon2id$v=19$salt$hash", "active", "argon2id"),
        ("$sha1$480000$salt$hash", "active", "sha1"),
        ("abJnggxhB/yWI", "active", ""),
        ("$5", "active", ""),
        ("$" + "s3cret" * 9 + "$", "active", ""),
    ],
)
def test_the_state_of_a_password(
    tmp_path: Path, password: str, status: str, algorithm: str
) -> None:
    """An algorithm is a short word between dollar signs."""
    found = _shadow(tmp_path, f"a:{password}:::::::", "password_status, hash_alg")
    assert found == [(status, algorithm)]


@settings(max_examples=200, deadline=None)
@given(st.text("$abAB01/.=,", min_size=24, max_size=80))
def test_no_part_of_a_hash_is_ever_in_a_row(
    tmp_path_factory: pytest.TempPathFactory, tail: str
) -> None:
    """Whatever stands in the field, at most 16 characters of its first word are told."""
    root = tmp_path_factory.getbasetemp()
    write(root, "/etc/shadow", f"user:$6$salt${tail}:1:2:3::::\n")
    (row,) = TABLES["shadow"].generate(scan(root))
    assert row == ("active", "6", 1, 2, 3, -1, -1, -1, None, "user")


def test_a_name_is_found_once(tmp_path: Path) -> None:
    """The first of two lines counts, as the C library has it."""
    write(tmp_path, "/etc/shadow", "b:*:::::::\na:*:1:::::: \na:*:2::::::\na:*:3::::::\n")
    found = rows("SELECT last_change FROM shadow WHERE username = 'a'", tmp_path)
    assert found == [(2,)]
