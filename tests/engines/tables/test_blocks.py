"""block_devices: what /sys and udev's notes say of a disk."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.engines.tables.asked import rows, write

ALL = "SELECT * FROM block_devices"
_DISK = "/sys/devices/pci0000:00/ata1/block/sda"


def _device(root: Path, folder: str, name: str, numbers: str, **files: str) -> None:
    """A device as the kernel shows it: its folder, and a link to it in /sys/class/block."""
    write(root, f"{folder}/uevent", f"MAJOR=8\nDEVNAME={name}\nDEVTYPE=disk\n")
    write(root, f"{folder}/dev", f"{numbers}\n")
    for file, text in files.items():
        write(root, f"{folder}/{file.replace('__', '/')}", f"{text}\n")
    link = root / "sys/class/block" / folder.rpartition("/")[2]
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(f"../..{folder.removeprefix('/sys')}")


def test_a_disk_and_its_partition(tmp_path: Path) -> None:
    """Sizes are in units of 512 bytes; a partition has no block size of its own."""
    _device(tmp_path, _DISK, "sda", "8:0", size="1000", queue__logical_block_size="4096",
            device__vendor="ATA     ", device__wwid="naa.5000")  # fmt: skip
    _device(tmp_path, f"{_DISK}/sda1", "sda1", "8:1", size="998", partition="1")
    write(tmp_path, "/run/udev/data/b8:0", "S:disk/by-id/x\nE:ID_MODEL=Disk_9\n")
    notes = (
        "ID_FS_UUID=11-22",
        "ID_FS_TYPE=ext4",
        "ID_FS_LABEL=my_disk",
        r"ID_FS_LABEL_ENC=my\x20disk\xd0\xb6",
    )
    write(tmp_path, "/run/udev/data/b8:1", "".join(f"E:{note}\n" for note in notes))
    assert rows(ALL, tmp_path) == [
        ("/dev/sda", "", "ATA     ", "Disk_9", "naa.5000", 1000, 4096, "", "", ""),
        ("/dev/sda1", "/dev/sda", "", "", "", 998, None, "11-22", "ext4", "my diskж"),
    ]
    found = rows("SELECT parent FROM block_devices WHERE name = '/dev/sda1'", tmp_path)
    assert found == [("/dev/sda",)]


def test_the_model_of_the_database_wins(tmp_path: Path) -> None:
    """As in osquery."""
    _device(tmp_path, _DISK, "sda", "8:0")
    write(tmp_path, "/run/udev/data/b8:0", "E:ID_MODEL=A\nE:ID_MODEL_FROM_DATABASE=B = C\n")
    assert rows("SELECT model FROM block_devices", tmp_path) == [("B = C",)]


@pytest.mark.parametrize(("uuid", "parent"), [("LVM-x", "/dev/cciss/c0d0"), ("CRYPT-x", "")])
def test_a_logical_volume_lies_on_its_physical_one(tmp_path: Path, uuid: str, parent: str) -> None:
    """Other mapped devices have no parent, as in osquery."""
    _device(tmp_path, "/sys/devices/virtual/block/dm-0", "dm-0", "253:0", dm__uuid=uuid)
    write(tmp_path, "/sys/devices/virtual/block/dm-0/slaves/cciss!c0d0/x", "")
    assert rows("SELECT name, parent FROM block_devices", tmp_path) == [("/dev/dm-0", parent)]


def test_what_is_not_there_is_empty(tmp_path: Path) -> None:
    """A folder that is no device is left out; odd numbers of a device lead nowhere."""
    _device(tmp_path, _DISK, "sda", "../../x", size="many")
    (tmp_path / "sys/class/block/dangling").symlink_to("../../devices/none")
    assert rows(ALL, tmp_path) == [("/dev/sda", "", "", "", "", None, None, "", "", "")]
    shutil.rmtree(tmp_path / "sys")
    assert rows(ALL, tmp_path) == []


def test_this_host_s_devices_are_those_of_lsblk() -> None:
    """Names, sizes and parents of disks and partitions."""
    if shutil.which("lsblk") is None or not os.path.isdir("/sys/class/block"):
        pytest.skip("needs lsblk(8) and /sys")
    command = ["lsblk", "--all", "--bytes", "--pairs", "--output", "NAME,SIZE,PKNAME,TYPE"]
    lines = subprocess.check_output(command, text=True).splitlines()
    shown = [dict(word.split("=", 1) for word in line.split()) for line in lines]
    told = {
        (f"/dev/{row['NAME'][1:-1]}", int(row["SIZE"][1:-1] or 0))
        for row in shown
        if row["TYPE"] in {'"disk"', '"part"', '"loop"'}
    }
    if not told:
        pytest.skip("there are no block devices here")
    assert told <= set(rows("SELECT name, size * 512 FROM block_devices"))
