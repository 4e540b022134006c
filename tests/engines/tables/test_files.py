"""file shows odd names and odd places as osquery does, and stays out of trouble."""

import os
from pathlib import Path

import pytest

from telegraf_osquery.engines.embedded_tables import files, where
from telegraf_osquery.engines.embedded_tables.walk import mount_points, outside
from telegraf_osquery.errors import QueryTimeout
from tests.engines.tables.asked import rows, scan, write

_NAMES = (
    "back\\slash",
    "del\x7f-c1\x85",
    "emoji-\N{SLIGHTLY SMILING FACE}",
    "esc\x1b[31mred",
    "new\nline",
    "quote\"and'apostrophe",
    "tab\there",
    "\u0438\u043c\u044f",
    "_%_",
    "[ab]",
)
_MOUNTS = r"""proc /proc proc rw 0 0
server:/x /srv/nfs nfs4 rw 0 0
host: /srv/with\040blank fuse.sshfs rw 0 0
/dev/sdb1 /srv/disk ext4 rw 0 0
auto /srv/auto autofs rw 0 0
auto /srv/here autofs rw 0 0
/dev/sda1 /srv/here xfs rw 0 0
x / 9p rw 0 0
broken
"""


def _paths(sql: str, root: Path) -> list[str]:
    return [row[0] for row in rows(sql, root)]


@pytest.mark.parametrize("name", _NAMES)
def test_an_odd_name_is_found_by_folder_by_pattern_and_by_itself(tmp_path: Path, name: str) -> None:
    """Escape codes, new lines and quotes pass unchanged."""
    write(tmp_path, f"/d/{name}", "x")
    path = f"/d/{name}"
    quoted = path.replace("'", "''")
    for condition in ("directory='/d'", "path LIKE '/d/%'", f"path='{quoted}'"):
        assert _paths(f"SELECT path FROM file WHERE {condition}", tmp_path) == [path]


def test_a_latin1_name_is_shown_escaped_and_found_again_by_that_name(tmp_path: Path) -> None:
    """So a join of file and hash works for it."""
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / os.fsdecode(b"caf\xe9")).write_bytes(b"hello\n")
    sql = "SELECT f.path, filename, md5 FROM file f JOIN hash USING (path) WHERE f.path LIKE '/d/%'"
    found = rows(sql, tmp_path)
    assert found == [(r"/d/caf\xE9", r"caf\xE9", "b1946ac92492d2347c6235b4d2611184")]


def test_a_name_that_only_looks_escaped_is_itself(tmp_path: Path) -> None:
    """What is really there goes first."""
    write(tmp_path, r"/d/caf\xE9/x", "x")
    sql = r"SELECT path FROM file WHERE directory='/d/caf\xE9'"
    assert _paths(sql, tmp_path) == [r"/d/caf\xE9/x"]


def test_times_long_past_and_far_ahead_are_whole_seconds(tmp_path: Path) -> None:
    """1960 and 2106, with a fraction that must not round."""
    file = write(tmp_path, "/f", "")
    for seconds in (-315619200, 4295053697):
        os.utime(file, ns=(seconds * 10**9 + 999_999_999, seconds * 10**9 + 999_999_999))
        found = rows("SELECT atime, mtime, btime FROM file WHERE path='/f'", tmp_path)
        assert found == [(seconds, seconds, 0)]


def test_a_hole_of_5_gib_has_its_size(tmp_path: Path) -> None:
    """A sparse file, beyond 32 bits."""
    with write(tmp_path, "/f", "").open("wb") as file:
        file.truncate(5 << 30)
    assert rows("SELECT size FROM file WHERE path='/f'", tmp_path) == [(5 << 30,)]


def test_a_device_of_this_host() -> None:
    """``device`` is the node's own number, of the null device 1:3."""
    found = rows("SELECT type, mode, device, symlink, size FROM file WHERE path='/dev/null'")
    assert found == [("character", "0666", os.makedev(1, 3), 0, 0)]


def test_a_pattern_without_end_finds_hidden_files_below_only(tmp_path: Path) -> None:
    """The first level is a pattern, what lies under it is a walk."""
    for path in ("/d/.h/x", "/d/s/.h", "/d/s/.t/x", "/d/s/y"):
        write(tmp_path, path, "")
    found = _paths("SELECT path FROM file WHERE path LIKE '/d/%%'", tmp_path)
    assert found == ["/d/s/", "/d/s/.h", "/d/s/.t/", "/d/s/.t/x", "/d/s/y"]


def test_a_hidden_name_is_matched_where_the_pattern_has_the_dot(tmp_path: Path) -> None:
    """As a shell's pattern does."""
    write(tmp_path, "/d/.h", "")
    write(tmp_path, "/d/v", "")
    assert _paths("SELECT path FROM file WHERE path LIKE '/d/.%'", tmp_path) == ["/d/.h"]


def test_links_back_up_are_entered_once(tmp_path: Path) -> None:
    """A ring of folders ends."""
    write(tmp_path, "/d/a/x", "")
    (tmp_path / "d/a/up").symlink_to("..")
    (tmp_path / "d/a/self").symlink_to(".")
    found = _paths("SELECT path FROM file WHERE path LIKE '/d/%%'", tmp_path)
    assert found == [
        "/d/a/",
        "/d/a/self/",
        "/d/a/up/",
        "/d/a/up/a/",
        "/d/a/x",
    ]


def test_a_link_out_of_the_root_stays_inside(tmp_path: Path) -> None:
    """/etc of the examined host, not of this one."""
    write(tmp_path, "/etc/only-here", "")
    (tmp_path / "link").symlink_to("/etc")
    found = _paths("SELECT path FROM file WHERE path LIKE '/link/%'", tmp_path)
    assert found == ["/link/only-here"]
    assert rows("SELECT type FROM file WHERE path='/link/'", tmp_path) == [("directory",)]
    (tmp_path / "out").symlink_to("/proc/self/status")
    assert rows("SELECT type FROM file WHERE path='/out'", tmp_path) == [("unknown",)]


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    """A slash after its name finds nothing, with and without a root."""
    write(tmp_path, "/f", "")
    assert rows("SELECT * FROM file WHERE path='/f/'", tmp_path) == []
    assert rows(f"SELECT * FROM file WHERE path='{tmp_path}/f/'") == []
    assert rows("SELECT * FROM file WHERE path LIKE '/f/'", tmp_path) == []


def test_with_and_without_a_root_the_same_tree_gives_the_same_rows(tmp_path: Path) -> None:
    """The kernel and our own lookup agree."""
    for path in ("/d/s/x", "/d/.h", "/e"):
        write(tmp_path, path, "")
    for link, target in (("d/l", "s"), ("d/loop", "loop"), ("d/gone", "none"), ("d/f", "s/x")):
        (tmp_path / link).symlink_to(target)
    for pattern in ("/%%", "/d/%", "/d/%/%", "/%/s/x", "/d/", "/d", "/d/l/%", "/%/", "/e"):
        here = f"SELECT * FROM file WHERE path LIKE '{tmp_path}{pattern}'"
        below = f"SELECT * FROM file WHERE path LIKE '{pattern}'"
        cut = len(str(tmp_path))
        found = [(row[0][cut:], row[1][cut:], *row[2:]) for row in rows(here)]
        assert [(path, folder or "", *rest) for path, folder, *rest in found] == [
            (path, "" if folder == "/" else folder, *rest)
            for path, folder, *rest in rows(below, tmp_path)
        ]


def test_mount_points_of_other_machines_are_told_by_their_type(tmp_path: Path) -> None:
    """Blanks come as octal codes; the root itself does not count, nor what is mounted over."""
    write(tmp_path, "/proc/mounts", _MOUNTS)
    found = mount_points(scan(tmp_path)) - mount_points(scan())
    assert found == {f"{tmp_path}/srv/{name}" for name in ("nfs", "with blank", "auto")}


def test_a_folder_inside_a_mount_is_not_outside_of_it() -> None:
    """Names that only begin alike are."""
    points = frozenset({"/srv/nfs", "/srv/nfs2", "/mnt"})
    assert outside(points, "/srv/nfs/x") == {"/srv/nfs2", "/mnt"}
    assert outside(points, "/srv/nfs") == {"/srv/nfs2", "/mnt"}


@pytest.fixture
def remote_host(tmp_path: Path) -> Path:
    """Files behind a mount point that a scan must not touch."""
    for path in ("/srv/near", "/srv/nfs/far", "/srv/nfs/sub/far"):
        write(tmp_path, path, "")
    (tmp_path / "srv/link").symlink_to("nfs/far")
    (tmp_path / "srv/sub").symlink_to("/srv/nfs/sub")
    write(tmp_path, "/proc/mounts", _MOUNTS)
    return tmp_path


@pytest.mark.parametrize(
    "condition", ["path LIKE '/srv/%'", "path LIKE '/srv/%%'", "path LIKE '/srv/n%%'"]
)
def test_a_mount_point_is_a_row_without_numbers_and_not_entered(
    remote_host: Path, condition: str
) -> None:
    """Its name and kind are known from the folder it lies in."""
    found = rows(f"SELECT path, type, inode, size FROM file WHERE {condition}", remote_host)
    assert ("/srv/nfs/", "directory", None, None) in found
    assert not [row for row in found if "far" in row[0]]


def test_links_that_lead_far_away_are_not_followed(remote_host: Path) -> None:
    """They are listed, by pattern and by folder."""
    for condition in ("path LIKE '/srv/%'", "directory='/srv'"):
        found = rows(f"SELECT path, type, size FROM file WHERE {condition}", remote_host)
        assert {("/srv/link", "", None), ("/srv/sub", "", None)} <= set(found)


def test_a_named_folder_is_looked_at_wherever_it_lies(remote_host: Path) -> None:
    """A person's wish."""
    for condition in (
        "path='/srv/nfs/far'",
        "path='/srv/link'",
        "path LIKE '/srv/nfs/f%'",
        "directory='/srv/nfs' AND filename='far'",
    ):
        found = rows(f"SELECT type, size FROM file WHERE {condition}", remote_host)
        assert found == [("regular", 0)]
    assert _paths("SELECT path FROM file WHERE path LIKE '/srv/nfs'", remote_host) == []
    assert _paths("SELECT path FROM file WHERE path LIKE '/srv/nfs/'", remote_host) == ["/srv/nfs/"]


def test_a_walk_ends_at_its_deadline(tmp_path: Path) -> None:
    """The message names the folder."""
    (tmp_path / "d").mkdir()
    ask = scan(tmp_path, like={"path": "/d/%%"}, seconds=0)
    with pytest.raises(QueryTimeout, match="/d"):
        list(files.TABLES["file"].generate(ask))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", ("", "/")),
        ("/a", ("/", "a")),
        ("/a/", ("/a", ".")),
        ("/a/b", ("/a", "b")),
        ("/a//b", ("/a", "b")),
        ("/a//", ("/a", ".")),
    ],
)
def test_a_path_is_split_as_boost_splits_it(path: str, expected: tuple[str, str]) -> None:
    """Osquery's directory and filename."""
    assert where.split(path) == expected


@pytest.mark.parametrize("table", ["file", "hash"])
def test_a_glob_on_a_required_column_finds_nothing(table: str) -> None:
    """As osquery: it is no refusal, but no table knows what to do with it."""
    assert rows(f"SELECT path FROM {table} WHERE path GLOB '/etc/*'") == []
    assert rows(f"SELECT path FROM {table} WHERE path = '/etc/passwd' AND path GLOB '/etc/*'")
    sql = f"SELECT path FROM (SELECT '/etc/*' AS g) JOIN {table} ON path GLOB g"
    assert rows(sql) == []
