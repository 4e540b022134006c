"""Which files SQL functions may learn of."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from telegraf_osquery.clock import Deadline
from telegraf_osquery.engines.embedded import Embedded
from telegraf_osquery.schema.policy import Policy
from telegraf_osquery.schema.tables import load
from tests.fakes.clock import ManualClock

MOUNTS = (
    "/dev/sda1 / ext4 rw 0 0\nserver:/share /mnt/far nfs4 rw 0 0\ntmpfs /mnt/near tmpfs rw 0 0\n"
)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Embedded]:
    """An engine over a small host with a network file system and a folder that is kept from it."""
    for name in ("bin/tool", "mnt/far/tool", "mnt/near/tool", "srv/keys/tool"):
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.touch()
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "mounts").write_text(MOUNTS)
    (tmp_path / "inside").symlink_to("/bin/tool")
    (tmp_path / "outside").symlink_to("../../../../../../bin/sh")
    (tmp_path / "remote").symlink_to("mnt/far/tool")
    (tmp_path / "dangling").symlink_to("/bin/nothing")
    made = Embedded(
        load(), ManualClock(), root=str(tmp_path), policy=Policy(denied_paths=("/srv/keys",))
    )
    yield made
    made.close()


@pytest.mark.parametrize(
    ("path", "there"),
    [
        ("/bin/tool", True),
        ("bin/tool", True),
        ("/bin/../bin/tool", True),
        ("/bin", False),
        ("/inside", True),
        ("/outside", False),
        ("/dangling", False),
        ("/mnt/near/tool", True),
        ("/mnt/far/tool", False),
        ("/remote", False),
        ("/srv/keys/tool", False),
        ("/bin/nothing", False),
        ("", False),
    ],
)
def test_files_of_this_host_alone_are_seen(engine: Embedded, path: str, there: bool) -> None:
    """Links lead nowhere outside; network file systems and denied paths hold nothing."""
    sql = f"SELECT find_file_path_in_cmd('{path} -x')"
    assert next(engine.execute(sql, Deadline(ManualClock(), 60)).chunks) == (
        (path if there else "",),
    )


def test_mounts_are_read_for_each_statement(engine: Embedded, tmp_path: Path) -> None:
    """What is mounted while the agent lives counts from the next statement on."""
    sql = "SELECT find_file_path_in_cmd('/mnt/far/tool')"
    assert next(engine.execute(sql, Deadline(ManualClock(), 60)).chunks) == (("",),)
    (tmp_path / "proc" / "mounts").write_text("")
    assert next(engine.execute(sql, Deadline(ManualClock(), 60)).chunks) == (("/mnt/far/tool",),)
