"""Only regular files are opened, and their text is clean."""

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telegraf_osquery.engines.embedded_tables.content import (
    clean,
    open_regular,
    original,
)
from tests.engines.tables.asked import scan, write


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=40).filter(lambda raw: b"\\" not in raw))
def test_a_cleaned_name_is_utf8_and_leads_back(raw: bytes) -> None:
    """Bytes that are no UTF-8 are written so that they can be read back."""
    name = os.fsdecode(raw)
    cleaned = clean(name)
    assert cleaned.encode().decode() == cleaned
    assert os.fsencode(original(cleaned)) == raw


def test_latin1_is_written_as_osquery_writes_it() -> None:
    """Four characters, capital hexadecimal digits."""
    assert clean(os.fsdecode(b"caf\xe9.txt")) == r"caf\xE9.txt"


def test_a_pipe_is_refused_without_waiting_for_its_writer(tmp_path: Path) -> None:
    """Opening it to look would wait, or wake a writer."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    for name in ("pipe", "link"):
        with pytest.raises(OSError, match="not a regular file") as caught:
            open_regular("", f"{tmp_path}/{name}")
        assert caught.value.errno == errno.EINVAL


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/tty", "/proc"])
def test_devices_and_folders_are_refused(path: str) -> None:
    """/dev/zero would never end."""
    with pytest.raises(OSError, match="not a regular file"):
        open_regular("", path)


def test_a_link_to_a_regular_file_is_read(tmp_path: Path) -> None:
    """An absolute one too, within the root."""
    write(tmp_path, "/srv/hosts", "text")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/hosts").symlink_to("/srv/hosts")
    assert scan(tmp_path).text("/etc/hosts") == "text"


def test_a_deleted_program_is_read_through_its_process(tmp_path: Path) -> None:
    """The links of /proc lead to files that have no name any more."""
    file = write(tmp_path, "/gone", "still here")
    with file.open("rb") as held:
        file.unlink()
        with open_regular("", f"/proc/self/fd/{held.fileno()}") as again:
            assert again.read() == b"still here"


def test_a_file_over_the_limit_is_refused_before_it_is_read(tmp_path: Path) -> None:
    """The message has both sizes."""
    write(tmp_path, "/big", b"12345")
    with pytest.raises(OSError, match="5 bytes, at most 4") as caught:
        open_regular("", f"{tmp_path}/big", 4)
    assert caught.value.errno == errno.EFBIG


@pytest.mark.parametrize("path", ["/none", "/fifo", "/folder", "/ring", "/a\0b"])
def test_what_cannot_be_read_is_no_text(tmp_path: Path, path: str) -> None:
    """A table without rows, not a fault, and nothing to wait for."""
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    (tmp_path / "ring").symlink_to("ring")
    assert scan(tmp_path).text(path) == ""
    assert scan(tmp_path).read(path) is None


def test_a_file_on_a_far_mount_is_not_looked_at(tmp_path: Path) -> None:
    """Neither by its own path nor through a link that leads there."""
    write(tmp_path, "/far/file", "text")
    (tmp_path / "link").symlink_to("/far/file")
    ask = scan(tmp_path)
    for path in ("/far/file", "/link"):
        assert ask.text(path) == "text"
        assert ask.text(path, {f"{tmp_path}/far"}) == ""
