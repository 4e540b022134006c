"""sudoers, SELinux, AppArmor, firmware: what recorded cases do not show."""

import hashlib
import os
from pathlib import Path

import pytest

from telegraf_osquery.engines.embedded_tables.sudoers import statements
from tests.engines.tables.asked import rows, write


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\tb  c ", [("a", "b  c")]),
        ("a b \\\n c \\\n d", [("a", "b c d")]),
        ("a\\\nb", [("a", "b")]),
        ("a \\", [("a", "\\")]),
        ("#1 x\n# x\n#include\n@includedir \n", []),
        ("#include x \\\nb", [("#include", "x \\"), ("b", "")]),
        ("\v\n\n x", [("x", "")]),
    ],
)
def test_lines_of_sudoers(text: str, expected: list[tuple[str, str]]) -> None:
    """A backslash joins, also a comment to the line before; an include without a name is none."""
    assert list(statements(iter(text.split("\n")))) == expected


def test_files_that_include_each_other_end(tmp_path: Path) -> None:
    """After 128, as sudo has it."""
    write(tmp_path, "/etc/sudoers", "@include more\n")
    write(tmp_path, "/etc/more", "@include sudoers\n")
    assert len(rows("SELECT * FROM sudoers", tmp_path)) == 128


def test_no_selinux_no_settings(tmp_path: Path) -> None:
    """Only a mounted selinuxfs counts; keys that cannot be read are empty."""
    write(tmp_path, "/sys/fs/selinux/enforce", "1")
    assert rows("SELECT * FROM selinux_settings", tmp_path) == []
    write(tmp_path, "/proc/mounts", "x /sys/fs/selinux selinuxfs rw 0 0\n")
    write(tmp_path, "/sys/fs/selinux/booleans/waits", "0 1")
    found = rows("SELECT * FROM selinux_settings WHERE value <> ''", tmp_path)
    assert found == [("", "enforce", "1")]
    assert len(rows("SELECT * FROM selinux_settings", tmp_path)) == 6


def test_profiles_nest_by_name(tmp_path: Path) -> None:
    """As osquery: the path has the name of the one above, not its path."""
    folder = "/sys/kernel/security/apparmor/policy/profiles"
    for name in ("a", "b", "c"):
        folder = f"{folder}/{name}.1"
        for file in ("name", "attach", "mode"):
            write(tmp_path, f"{folder}/{file}", f"{name}\n")
        folder += "/profiles"
    found = rows("SELECT path FROM apparmor_profiles", tmp_path)
    assert found == [("a",), ("a//b",), ("b//c",)]


def test_a_firmware_table_that_may_not_be_read_has_size_minus_one(tmp_path: Path) -> None:
    """And no digest; one that is read has both."""
    write(tmp_path, "/sys/firmware/acpi/tables/APIC", b"\0\xff")
    os.mkfifo(tmp_path / "sys/firmware/acpi/tables/DSDT")
    digest = hashlib.md5(b"\0\xff", usedforsecurity=False).hexdigest()
    found = rows("SELECT * FROM acpi_tables", tmp_path)
    assert found == [("APIC", 2, digest), ("DSDT", -1, "")]
