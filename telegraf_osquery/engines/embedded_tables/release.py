"""os_version: the distribution's release files (osquery/tables/system/linux/os_version.cpp)."""

import os
import re
from collections.abc import Iterator
from typing import Any

from telegraf_osquery.engines.embedded_tables.ask import Ask, Table

_FIELDS = {
    "NAME": "name",
    "VERSION": "version",
    "BUILD_ID": "build",
    "ID": "platform",
    "ID_LIKE": "platform_like",
    "VERSION_CODENAME": "codename",
    "VERSION_ID": "id",
}
_RELEASE_FILES = {"/etc/redhat-release": "rhel", "/etc/gentoo-release": "gentoo"}
_RELEASE = re.compile(r"(.*?) release (\d+(?:\.\d+)*)")
_DIGITS = re.compile(r"\d+")


def _os_release(text: str) -> dict[str, str]:
    """Blanks around each ``=`` vanish, double quotes vanish, single ones stay."""
    found = {}
    for line in text.splitlines():
        parts = [part.strip() for part in line.split("=") if part.strip()]
        if len(parts) > 1 and parts[0] in _FIELDS:
            found[_FIELDS[parts[0]]] = "=".join(parts[1:]).replace('"', "")
    return found


def _release_file(ask: Ask) -> dict[str, str]:
    """A vendor's own release file says more than os-release and wins."""
    for path, platform in _RELEASE_FILES.items():
        text = ask.text(path).strip()
        if text:
            found = {"version": text, "platform": platform, "platform_like": platform}
            match = _RELEASE.match(text)
            if match:
                found |= {"name": match[1], "id": match[2]}
            return found
    return {}


def _number(parts: list[str], place: int) -> int | None:
    """0 where the version is shorter, NULL where it is no number."""
    if place >= len(parts):
        return 0
    match = _DIGITS.match(parts[place])
    return int(match[0]) if match else None


def machine(ask: Ask) -> str:
    """The processor family as ``uname -m`` names it."""
    return ask.text("/proc/sys/kernel/arch").strip() or os.uname().machine


def _os_version(ask: Ask) -> Iterator[tuple[Any, ...]]:
    text = ask.text("/etc/os-release") or ask.text("/usr/lib/os-release")
    found = _os_release(text) | _release_file(ask)
    parts = [part for part in found.get("id", "").split(".") if part]
    yield (
        found.get("name", "Unknown"),
        found.get("version", ""),
        _number(parts, 0),
        _number(parts, 1),
        _number(parts, 2),
        found.get("build", ""),
        found.get("platform", "posix"),
        found.get("platform_like", ""),
        found.get("codename", ""),
        machine(ask),
    )


TABLES = {
    "os_version": Table(
        (
            "name",
            "version",
            "major",
            "minor",
            "patch",
            "build",
            "platform",
            "platform_like",
            "codename",
            "arch",
        ),
        _os_version,
    )
}
