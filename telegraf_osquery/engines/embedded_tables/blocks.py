"""block_devices: disks, partitions and what lies on them, from /sys and udev's notes.

osquery reads the superblocks itself (libblkid) where it is root; what udev found when it probed
them is the same and anybody's to read: /run/udev/data (udev(7), ID_FS_*). A host without udev, such
as a container, shows devices without type, uuid and label. Rules:
osquery/tables/system/linux/block_devices.cpp.
"""

import os
import re
from collections.abc import Iterator
from typing import Any

from telegraf_osquery.engines.embedded_tables.ask import Ask, Table
from telegraf_osquery.engines.embedded_tables.content import clean
from telegraf_osquery.engines.embedded_tables.rooted import resolve
from telegraf_osquery.engines.embedded_tables.walk import entries

_CLASS = "/sys/class/block"
_LVM = "LVM-"
_ESCAPED = re.compile(rb"\\x([0-9a-f]{2})")


def _block_devices(ask: Ask) -> Iterator[tuple[Any, ...]]:
    """In the order of their paths in /sys."""
    for folder in sorted(_folders(ask)):
        node = _node(ask, folder)
        if node:
            noted = _noted(ask, ask.text(f"{folder}/dev").strip())
            model = noted.get("ID_MODEL_FROM_DATABASE") or noted.get("ID_MODEL", "")
            label = noted.get("ID_FS_LABEL_ENC") or noted.get("ID_FS_LABEL", "")
            yield (
                *(node, _parent(ask, folder), _attribute(ask, folder, "device/vendor"), model),
                *(_attribute(ask, folder, "device/wwid"), _number(ask, folder, "size")),
                _number(ask, folder, "queue/logical_block_size"),
                *(noted.get("ID_FS_UUID", ""), noted.get("ID_FS_TYPE", ""), _unescaped(label)),
            )


def _folders(ask: Ask) -> Iterator[str]:
    """Where the devices lie in /sys/devices, as the host names it."""
    try:
        for entry in entries(ask, resolve(ask.root, _CLASS, remote=())):
            yield resolve(ask.root, f"{_CLASS}/{entry.name}", remote=())[len(ask.root) :]
    except OSError:
        return


def _node(ask: Ask, folder: str) -> str:
    """The device's file, empty for a folder of /sys that is no device."""
    for line in ask.text(f"{folder}/uevent").split("\n"):
        name, _, value = line.partition("=")
        if name == "DEVNAME":
            return f"/dev/{value.removeprefix('/dev/')}"
    return ""


def _parent(ask: Ask, folder: str) -> str:
    """The disk of a partition, the physical volume of a logical one (the last of several)."""
    if os.path.lexists(ask.path(f"{folder}/partition")):
        return _node(ask, folder.rpartition("/")[0])
    if not _attribute(ask, folder, "dm/uuid").startswith(_LVM):
        return ""
    try:
        below = sorted(os.listdir(ask.path(f"{folder}/slaves")))
    except OSError:
        return ""
    return f"/dev/{clean(below[-1]).replace('!', '/')}" if below else ""


def _attribute(ask: Ask, folder: str, name: str) -> str:
    """A file of /sys without its newline; blanks stay, as udev leaves them."""
    return ask.text(f"{folder}/{name}").rstrip("\n")


def _number(ask: Ask, folder: str, name: str) -> int | None:
    text = _attribute(ask, folder, name)
    return int(text) if text.isascii() and text.isdigit() else None


def _noted(ask: Ask, numbers: str) -> dict[str, str]:
    """What udev has written down of the device with this ``major:minor``."""
    if not re.fullmatch("[0-9]+:[0-9]+", numbers):
        return {}
    lines = ask.text(f"/run/udev/data/b{numbers}").split("\n")
    pairs = (line[2:].partition("=") for line in lines if line.startswith("E:"))
    return {name: value for name, _, value in pairs}


def _unescaped(label: str) -> str:
    r"""A label with blanks and the like, which udev writes as ``\x20``."""
    raw = _ESCAPED.sub(lambda odd: bytes((int(odd[1], 16),)), label.encode())
    return clean(raw.decode("utf-8", "surrogateescape"))


TABLES = {
    "block_devices": Table(
        (
            *("name", "parent", "vendor", "model", "serial", "size", "block_size", "uuid"),
            *("type", "label"),
        ),
        _block_devices,
    )
}
