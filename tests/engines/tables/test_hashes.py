"""hash gives the right digests of the right files."""

import hashlib
import os
from pathlib import Path

import pytest

from telegraf_osquery.engines.embedded_tables import hashes
from telegraf_osquery.errors import QueryTimeout
from tests.engines.tables.asked import rows, scan, write

_CHUNK = 1 << 18


@pytest.mark.parametrize("size", [0, 1, _CHUNK - 1, _CHUNK, _CHUNK + 1, 3 * _CHUNK + 7])
def test_the_digests_are_those_of_hashlib(tmp_path: Path, size: int) -> None:
    """At and around the size of a piece."""
    data = (b"0123456789abcdef" * (size // 16 + 1))[:size]
    write(tmp_path, "/f", data)
    expected = tuple(
        hashlib.new(name, data, usedforsecurity=False).hexdigest()
        for name in ("md5", "sha1", "sha256")
    )
    assert rows("SELECT md5, sha1, sha256 FROM hash WHERE path='/f'", tmp_path) == [expected]


def test_only_the_digests_asked_for_are_computed(tmp_path: Path) -> None:
    """The others are NULL, which nobody reads."""
    write(tmp_path, "/f", "")
    ask = scan(tmp_path, used="path sha1", equal={"path": "/f"})
    (found,) = hashes.TABLES["hash"].generate(ask)
    assert found[2:5] == (None, "da39a3ee5e6b4b0d3255bfef95601890afd80709", None)


def test_a_file_that_cannot_be_read_has_empty_digests() -> None:
    """/proc/self/mem opens and then refuses: a row, as for a file that is too large."""
    found = rows("SELECT md5, sha256, directory FROM hash WHERE path='/proc/self/mem'")
    assert found == [("", "", "/proc/self")]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_forbidden_file_has_empty_digests(tmp_path: Path) -> None:
    """It is there, it is regular."""
    write(tmp_path, "/f", "x").chmod(0)
    assert rows("SELECT md5 FROM hash WHERE path='/f'", tmp_path) == [("",)]


def test_a_file_of_proc_without_a_size_is_read_to_its_end() -> None:
    """Their size is 0 until they are read."""
    path = "/proc/sys/kernel/ostype"
    with open(path, "rb") as file:
        expected = hashlib.sha256(file.read()).hexdigest()
    assert rows(f"SELECT sha256 FROM hash WHERE path='{path}'") == [(expected,)]


def test_pipes_sockets_folders_and_dangling_links_give_no_row(tmp_path: Path) -> None:
    """And do not hang."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    (tmp_path / "gone").symlink_to("none")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "folder").mkdir()
    assert rows("SELECT * FROM hash WHERE path LIKE '/%' OR directory='/'", tmp_path) == []


def test_a_file_behind_a_link_that_leads_out_of_the_root_is_not_read(tmp_path: Path) -> None:
    """/etc/passwd of this host is not the examined one's."""
    (tmp_path / "link").symlink_to("/etc/passwd")
    assert rows("SELECT * FROM hash WHERE path='/link'", tmp_path) == []
    write(tmp_path, "/etc/passwd", "")
    found = rows("SELECT md5 FROM hash WHERE path='/link'", tmp_path)
    assert found == [("d41d8cd98f00b204e9800998ecf8427e",)]


def test_hashing_ends_at_the_deadline(tmp_path: Path) -> None:
    """Within a file."""
    write(tmp_path, "/f", "x")
    ask = scan(tmp_path, used="md5", equal={"path": "/f"}, seconds=0)
    with pytest.raises(QueryTimeout, match="was hashed"):
        list(hashes.TABLES["hash"].generate(ask))
