"""The running kernel: kernel_info, kernel_modules, system_controls."""

import os
from collections.abc import Iterator
from typing import Any

from telegraf_osquery.engines.embedded_tables.ask import Ask, Table
from telegraf_osquery.engines.embedded_tables.content import clean

_CONFIG_FILES = ("/etc/sysctl.conf",)
_CONFIG_FOLDERS = ("/run/sysctl.d", "/etc/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d")
_ROOT = "/proc/sys"


def _kernel_info(ask: Ask) -> Iterator[tuple[Any, ...]]:
    """One row, empty where /proc says nothing; of two ``root=`` the last one counts."""
    path = device = ""
    arguments = []
    for word in ask.text("/proc/cmdline").split():
        name, _, value = word.partition("=")
        if name == "BOOT_IMAGE":
            path = value
        elif name == "root":
            device = value
        else:
            arguments.append(word)
    words = ask.text("/proc/version").split(" ", 3)
    yield words[2] if len(words) > 2 else "", " ".join(arguments), path, device


def _kernel_modules(ask: Ask) -> Iterator[tuple[Any, ...]]:
    """A line is: name, size, uses, used by, state, address; shorter ones are dropped."""
    for line in ask.text("/proc/modules").splitlines():
        words = line.split()
        if len(words) >= 6 and words[1].isdecimal():
            yield words[0], int(words[1]), words[3].removesuffix(","), words[4], words[5]


def _settings(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        key, equals, value = line.strip().partition("=")
        if equals and key[:1] not in ("#", ";"):
            yield key.strip(), value.strip()


def _configured(ask: Ask) -> dict[str, str]:
    """What the files of sysctl set; the same key in a later file wins."""
    files = list(_CONFIG_FILES)
    for folder in _CONFIG_FOLDERS:
        try:
            names = sorted(os.listdir(ask.path(folder)))
        except OSError:
            continue
        files += [f"{folder}/{name}" for name in names if name.endswith(".conf")]
    return {key: value for file in files for key, value in _settings(ask.text(file))}


def _leaves(folder: str, device: int) -> Iterator[str]:
    """Paths of the controls, sorted. Other file systems are not entered: automounts may hang."""
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if not entry.is_dir(follow_symlinks=False):
            yield entry.path
        elif entry.stat(follow_symlinks=False).st_dev == device:
            yield from _leaves(entry.path, device)


def _names(ask: Ask) -> Iterator[str]:
    if "name" in ask.equal:
        yield ask.equal["name"]
        return
    top = ask.path(_ROOT)
    start = f"{top}/{ask.equal['subsystem']}" if "subsystem" in ask.equal else top
    if ask.equal.get("subsystem", "a") in ("", ".", "..") or "/" in ask.equal.get("subsystem", ""):
        return
    if not os.path.isdir(start):
        return
    for path in _leaves(start, os.stat(top).st_dev):
        yield path[len(top) + 1 :].replace("/", ".")


def _system_controls(ask: Ask) -> Iterator[tuple[Any, ...]]:
    """A name that is asked for gives a row even if no such control exists, as in osquery.

    Unlike osquery, a control below a nested folder comes once, and controls on file systems mounted
    below /proc/sys (binfmt_misc) do not come.
    """
    configured = _configured(ask) if ask.wants("config_value") else {}
    for name in _names(ask):
        value = _value(ask, name) if ask.wants("current_value") else ""
        shown = clean(name)
        yield shown, "", shown.partition(".")[0], value, configured.get(name, ""), "string"


def _value(ask: Ask, name: str) -> str:
    path = f"{_ROOT}/{name.replace('.', '/')}"
    return "" if "//" in path or "\0" in path else ask.text(path).strip()


def _memory_map(ask: Ask) -> Iterator[tuple[str, str, str]]:
    """The regions of /proc/iomem; as in osquery ``end`` keeps the blank behind it."""
    for line in map(str.strip, ask.text("/proc/iomem").split("\n")):
        start, dash, rest = line.partition("-")
        end, blank, name = rest.partition(" ")
        if dash and blank and len(name) > 2:
            yield name[2:], f"0x{start}", f"0x{end}{blank}"


def _kernel_keys(ask: Ask) -> Iterator[tuple[Any, ...]]:
    """The lines of /proc/keys with ten words, the last two as one; osquery shows no others."""
    for line in ask.text("/proc/keys").split("\n"):
        words = line.split()
        if len(words) == 10:
            usage, uid, gid = (
                int(words[at]) if words[at].isdecimal() else None for at in (2, 5, 6)
            )
            yield (
                *(words[0], words[1], usage, words[3], words[4], uid, gid, words[7]),
                words[8] + words[9],
            )


TABLES = {
    "kernel_info": Table(("version", "arguments", "path", "device"), _kernel_info),
    "kernel_modules": Table(("name", "size", "used_by", "status", "address"), _kernel_modules),
    "system_controls": Table(
        ("name", "oid", "subsystem", "current_value", "config_value", "type"),
        _system_controls,
        lacks="controls that only root may read have no value",
    ),
    "memory_map": Table(
        ("name", "start", "end"), _memory_map, lacks="addresses: the kernel shows zeros"
    ),
    "kernel_keys": Table(
        (
            *("serial_number", "flags", "usage", "timeout", "permissions", "uid", "gid", "type"),
            "description",
        ),
        _kernel_keys,
        lacks="keys that this user may not see do not show",
    ),
}
