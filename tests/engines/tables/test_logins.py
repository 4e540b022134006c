"""last and logged_in_users read both layouts of utmp records."""

import struct
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telegraf_osquery.engines.embedded_tables.logins import layout
from tests.engines.tables.asked import rows, write

_SHORT = struct.Struct("<hxxi32s4s32s256s2hi2I4i20x")
_LONG = struct.Struct("<hxxi32s4s32s256s2h3q4i20x4x")
_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6)
_RECORDS = st.lists(
    st.tuples(st.integers(1, 9), st.integers(2, 1 << 22), _TEXT, _TEXT, st.integers(1, 1 << 31)),
    min_size=1,
    max_size=12,
)


def _pack(record: struct.Struct, kind: int, pid: int, tty: str, user: str, when: int) -> bytes:
    texts = (tty.encode(), b"ts/0", user.encode(), b"h.example.org")
    return record.pack(kind, pid, *texts, 0, 0, 0, when, 999_999, *(16_909_060,) * 4)


def test_the_sizes_are_those_of_glibc() -> None:
    """384 bytes with 32-bit times, 400 with 64-bit ones."""
    assert (_SHORT.size, _LONG.size) == (384, 400)


@pytest.mark.parametrize("record", [_SHORT, _LONG], ids=["384", "400"])
@settings(max_examples=40, deadline=None)
@given(found=_RECORDS)
def test_what_was_written_is_read(
    record: struct.Struct, found: list[tuple[int, int, str, str, int]]
) -> None:
    """The file itself tells which layout it has."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write(root, "/var/log/wtmp", b"".join(_pack(record, *one) for one in found))
        assert rows("SELECT type, pid, tty, username, time, host FROM last", root) == [
            (*one, "h.example.org") for one in found if one[0] in {7, 8}
        ]


@pytest.mark.parametrize("record", [_SHORT, _LONG], ids=["384", "400"])
def test_a_long_file_is_read_piece_by_piece_to_its_end(
    tmp_path: Path, record: struct.Struct
) -> None:
    """More records than one read holds; a record that is cut off is left out."""
    whole = b"".join(_pack(record, 7, pid, "pts/0", "alice", 5) for pid in range(2, 1002))
    write(tmp_path, "/var/log/wtmp", whole + whole[: record.size - 1])
    assert rows("SELECT count(*), min(pid), max(pid), sum(pid) FROM last", tmp_path) == [
        (1000, 2, 1001, sum(range(2, 1002)))
    ]


def test_records_of_init_are_left_out_and_new_types_are_unknown(tmp_path: Path) -> None:
    """As osquery does."""
    records = ((6, 1, "~", "a", 1), (6, 2, "~", "b", 1), (12, 3, "~", "c", 1), (-1, 4, "~", "d", 1))
    write(tmp_path, "/var/run/utmp", b"".join(_pack(_SHORT, *one) for one in records))
    found = rows("SELECT type, user FROM logged_in_users", tmp_path)
    assert found == [("login", "b"), ("unknown", "c"), ("unknown", "d")]


def test_an_empty_file_has_no_rows(tmp_path: Path) -> None:
    """So has one that is shorter than a record."""
    for text in ("", "short"):
        write(tmp_path, "/var/log/wtmp", text)
        assert rows("SELECT * FROM last", tmp_path) == []
    assert layout(b"").size == 384
