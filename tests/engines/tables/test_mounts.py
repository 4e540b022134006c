"""Table mounts, and that no mount can stop a scan."""

import os
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telegraf_osquery.engines.embedded_tables import mounts
from telegraf_osquery.engines.embedded_tables.mounts import Mount
from tests.engines.tables.asking import an_ask, rows

SIZES = ("blocks_size", "blocks", "blocks_free", "blocks_available", "inodes", "inodes_free")


def _escape(text: bytes) -> bytes:
    """As the kernel's mangle() writes it."""
    return b"".join(b"\\%03o" % byte if byte in b" \t\n\\#" else bytes((byte,)) for byte in text)


@settings(max_examples=300, deadline=None)
@given(st.text().map(str.encode))
def test_unescaping_undoes_what_the_kernel_escapes(text: bytes) -> None:
    """Any name comes back, also one that itself looks escaped."""
    assert mounts.unescape(_escape(text)) == text.decode()


@pytest.mark.parametrize("word", ["\\", "\\9", "\\04", "\\08x", "\\777", "a\\b\\"])
def test_other_backslashes_stay(word: str) -> None:
    """What is no byte in octal is taken as it stands."""
    assert mounts.unescape(word.encode()) == word


def _mounts(*lines: str) -> list[Mount]:
    return [Mount(*[*line.split(), "rw"][:4]) for line in lines]


@pytest.mark.parametrize(
    ("lines", "far"),
    [
        (["/dev/sda1 / ext4", "proc /proc proc"], ()),
        (["srv:/a /mnt nfs4"], ("/mnt",)),
        (["x /m fuse.sshfs", "y /n fuseblk", "z /o 9p"], ("/m", "/n", "/o")),
        (["x /m brand-new-fs"], ("/m",)),
        (["srv:/root / nfs"], ()),
        (["systemd-1 /m autofs", "/dev/sdb /m xfs"], ()),
        (["tmpfs /m tmpfs", "srv:/a /m nfs"], ("/m",)),
        (["srv:/a /m nfs", "tmpfs /m tmpfs"], ()),
        (["srv:/a /m nfs", "overlay /o overlay lowerdir=/m/low:/x"], ("/m", "/o")),
        (["srv:/a /m nfs", "overlay /o overlay lowerdir=/x,upperdir=/y"], ("/m",)),
        (["srv:/a /m nfs", "/m/.private /home/u ecryptfs"], ("/m", "/home/u")),
    ],
)
def test_mounts_that_wait_for_others_are_known(lines: list[str], far: tuple[str, ...]) -> None:
    """Network, FUSE, unknown types and what stands on them; the top one of a folder counts."""
    assert mounts.far_points(_mounts(*lines)) == far


@pytest.mark.parametrize(
    ("path", "below"), [("/m", True), ("/m/a", True), ("/mm", False), ("/", False)]
)
def test_below_means_whole_names(path: str, below: bool) -> None:
    """A name that only begins alike lies elsewhere."""
    assert mounts.is_below(path, ["/m"]) is below


def _tree(root: Path, text: str) -> Path:
    (root / "proc").mkdir()
    (root / "proc" / "mounts").write_text(text)
    return root


def test_escapes_are_undone_in_all_columns(tmp_path: Path) -> None:
    r"""A blank in a mount point is \040 in the file and a blank in the row."""
    root = _tree(tmp_path, "//nas/my\\040share /mnt/my\\040\\134disk cifs rw,user=a\\040b 0 0\n")
    (row,) = rows("mounts", root)
    assert row["device"] == row["device_alias"] == "//nas/my share"
    assert (row["path"], row["flags"]) == ("/mnt/my \\disk", "rw,user=a b")


def test_a_name_that_is_not_utf8_is_text_and_has_sizes(tmp_path: Path) -> None:
    r"""Its odd bytes stand as \xHH, as in the table file; the file system is asked all the same."""
    os.mkdir(os.fsencode(tmp_path) + b"/caf\xe9")
    _tree(tmp_path, "")
    (tmp_path / "proc" / "mounts").write_bytes(b"tmpfs /caf\xe9 tmpfs rw 0 0\n")
    (row,) = rows("mounts", tmp_path)
    assert row["path"] == "/caf\\xE9"
    assert row["blocks_size"] == os.statvfs(tmp_path).f_bsize


def test_an_empty_device_does_not_shift_the_columns(tmp_path: Path) -> None:
    """The kernel writes nothing before the first blank."""
    (row,) = rows("mounts", _tree(tmp_path, " /mnt tmpfs rw 0 0\n"))
    assert (row["device"], row["path"], row["type"]) == ("", "/mnt", "tmpfs")


def test_sizes_are_those_of_statvfs(tmp_path: Path) -> None:
    """Local file systems are asked; the others, and what lies below them, have no sizes."""
    for folder in ("local", "far/inner", "auto"):
        (tmp_path / folder).mkdir(parents=True)
    text = (
        "a /local ext4 rw 0 0\nb /far nfs4 rw 0 0\nc /far/inner tmpfs rw 0 0\nd /auto autofs rw\n"
    )
    near, *others = rows("mounts", _tree(tmp_path, text))
    expected = os.statvfs(tmp_path)
    assert (near["blocks_size"], near["blocks"]) == (expected.f_bsize, expected.f_blocks)
    assert near["inodes"] == expected.f_files
    assert [row["path"] for row in others] == ["/far", "/far/inner", "/auto"]
    assert {row[name] for row in others for name in SIZES} == {None}


def test_a_device_is_resolved_through_its_links(tmp_path: Path) -> None:
    """/dev/mapper/x is /dev/dm-0; a loop of links and a missing device stay as they are."""
    (tmp_path / "dev" / "mapper").mkdir(parents=True)
    (tmp_path / "dev" / "dm-0").touch()
    (tmp_path / "dev" / "mapper" / "x").symlink_to("../dm-0")
    (tmp_path / "dev" / "abs").symlink_to("/dev/mapper/x")
    (tmp_path / "dev" / "loop").symlink_to("loop")
    devices = ["/dev/mapper/x", "/dev/abs", "/dev/loop", "/dev/none", "proc", "tmpfs"]
    text = "".join(f"{device} /m{number} ext4 rw 0 0\n" for number, device in enumerate(devices))
    found = rows("mounts", _tree(tmp_path, text), used=("device", "device_alias"))
    aliases = [row["device_alias"] for row in found]
    assert aliases == ["/dev/dm-0", "/dev/dm-0", "/dev/loop", "/dev/none", "/proc", "tmpfs"]


def test_a_device_is_not_followed_into_a_far_mount(tmp_path: Path) -> None:
    """Looking at a name there could wait for ever."""
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "image").touch()
    (tmp_path / "link").symlink_to("/far/image")
    text = "srv:/x /far nfs rw 0 0\n/link /m ext4 rw 0 0\n/far/../proc /n ext4 rw 0 0\n"
    found = rows("mounts", _tree(tmp_path, text), used=("device_alias",))
    assert [row["device_alias"] for row in found] == ["srv:/x", "/link", "/far/../proc"]


def test_the_root_of_this_host_is_there() -> None:
    """It has sizes, whatever its type."""
    root = [row for row in rows("mounts") if row["path"] == "/"][-1]
    assert root["blocks_size"] == os.statvfs("/").f_bsize


def test_a_dead_fuse_mount_does_not_stop_the_scan(dead: Path) -> None:
    """Statvfs on it hangs, the table does not: it lists the mount without sizes."""
    found: list[dict[str, Any]] = []
    scan = threading.Thread(target=lambda: found.extend(rows("mounts")), daemon=True)
    with subprocess.Popen(["stat", "-f", dead], stderr=subprocess.DEVNULL) as control:
        scan.start()
        scan.join(10)
        assert not scan.is_alive()
        with pytest.raises(subprocess.TimeoutExpired):  # else this test proves nothing
            control.wait(0.5)
        control.kill()
    (row,) = (row for row in found if row["path"] == str(dead))
    assert (row["type"], row["device"], row["device_alias"]) == ("fuse.dead", "dead", "dead")
    assert {row[name] for name in SIZES} == {None}
    assert mounts.far_points(mounts.read_mounts(an_ask())).count(str(dead)) == 1


def test_a_program_on_a_dead_mount_is_not_looked_for(dead: Path, tmp_path: Path) -> None:
    """processes.on_disk of a deleted program there is 0 without a look at the mount."""
    folder = tmp_path / "root" / "proc" / "5"
    folder.mkdir(parents=True)
    (folder / "stat").write_text("5 (x) S 1 2 3 0 -1 0 1 2 1 2 3 4 5 6 20 0 1 0 10 1 3\n")
    (folder / "exe").symlink_to(f"{dead}/program (deleted)")
    escaped = str(dead).replace(" ", "\\040")
    (tmp_path / "root" / "proc" / "mounts").write_text(f"dead {escaped} fuse.dead rw 0 0\n")
    (tmp_path / "root" / str(dead.parent)[1:]).mkdir(parents=True)
    (tmp_path / "root" / str(dead)[1:]).symlink_to(dead)
    found: list[dict[str, Any]] = []
    used = ("path", "on_disk")
    scan = threading.Thread(
        target=lambda: found.extend(rows("processes", tmp_path / "root", used)), daemon=True
    )
    scan.start()
    scan.join(10)
    assert not scan.is_alive()
    assert [(row["path"], row["on_disk"]) for row in found] == [(f"{dead}/program", 0)]
