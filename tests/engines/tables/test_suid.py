"""suid_bin finds programs with special rights, and does not wander off."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from telegraf_osquery.engines.embedded_tables import suid
from telegraf_osquery.errors import QueryTimeout
from tests.engines.tables.asked import rows, scan, write

_MOUNTS = "server:/x /usr/bin/nfs nfs4 rw 0 0\n"


def _program(root: Path, path: str) -> None:
    write(root, path, "x").chmod(0o4755)


def test_a_link_to_a_program_is_a_program_and_one_to_a_folder_is_not_entered(
    tmp_path: Path,
) -> None:
    """Sudoedit is a link to sudo; on a merged /usr both names of a folder are looked at."""
    _program(tmp_path, "/usr/bin/sudo")
    (tmp_path / "usr/bin/sudoedit").symlink_to("/usr/bin/sudo")
    (tmp_path / "usr/bin/dangling").symlink_to("nowhere")
    _program(tmp_path, "/opt/tool")
    (tmp_path / "usr/bin/opt").symlink_to("/opt")
    (tmp_path / "bin").symlink_to("usr/bin")
    found = rows("SELECT path FROM suid_bin ORDER BY path", tmp_path)
    assert [row[0] for row in found] == [
        "/bin/sudo",
        "/bin/sudoedit",
        "/usr/bin/sudo",
        "/usr/bin/sudoedit",
    ]


def test_owners_without_a_name_are_shown_by_number(tmp_path: Path) -> None:
    """And with the first name of theirs where there is one."""
    _program(tmp_path, "/usr/bin/x")
    uid, gid = os.getuid(), os.getgid()
    sql = "SELECT username, groupname, permissions FROM suid_bin"
    assert rows(sql, tmp_path) == [(str(uid), str(gid), "S")]
    write(tmp_path, "/etc/passwd", f"me:x:{uid}:1:::\nalso:x:{uid}:1:::\n")
    write(tmp_path, "/etc/group", f"us:x:{gid}:\n")
    assert rows(sql, tmp_path) == [("me", "us", "S")]


def test_a_network_filesystem_is_not_entered(tmp_path: Path) -> None:
    """Neither its mount point nor a link that leads into it."""
    _program(tmp_path, "/usr/bin/near")
    _program(tmp_path, "/usr/bin/nfs/far")
    (tmp_path / "usr/bin/link").symlink_to("/usr/bin/nfs/far")
    write(tmp_path, "/proc/mounts", _MOUNTS)
    assert rows("SELECT path FROM suid_bin", tmp_path) == [("/usr/bin/near",)]


def test_a_scan_ends_at_its_deadline(tmp_path: Path) -> None:
    """Also where nothing is found that the engine could look between."""
    (tmp_path / "bin").mkdir()
    ask = scan(tmp_path, seconds=0)
    with pytest.raises(QueryTimeout, match="/bin was listed"):
        list(suid.TABLES["suid_bin"].generate(ask))


@pytest.mark.skipif(not shutil.which("find"), reason="no find(1) on this host to compare with")
def test_the_programs_of_this_host_are_those_find_lists() -> None:
    """/usr/bin, by the same rule in find's words."""
    told = subprocess.run(
        ["find", "/usr/bin", "/usr/sbin", "-follow", "-type", "f", "-perm", "/6000"],
        check=False,
        capture_output=True,
        encoding="utf-8",
    ).stdout
    found = rows("SELECT path FROM suid_bin WHERE path LIKE '/usr/%bin/%'")
    here = {row[0] for row in found if not row[0].startswith("/usr/local/")}
    deep = {path for path in told.splitlines() if path.count("/") > 3}
    assert here - deep == set(told.splitlines()) - deep
