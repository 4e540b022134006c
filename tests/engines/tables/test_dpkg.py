"""deb_packages reads dpkg's own files."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.engines.tables.asked import rows, write

_STANZA = """Package: {name}
Status: {status}
Version: {version}
Architecture: amd64
Description: d
 Version: 9-9

"""


def _stanza(name: str, version: str, status: str = "install ok installed") -> str:
    return _STANZA.format(name=name, version=version, status=status)


def test_the_journal_of_an_interrupted_dpkg_wins(tmp_path: Path) -> None:
    """Later journal files over earlier ones, and packages that only the journal knows."""
    write(tmp_path, "/var/lib/dpkg/status", _stanza("a", "1-1") + _stanza("b", "1-1"))
    write(tmp_path, "/var/lib/dpkg/updates/0000", _stanza("a", "2-1"))
    write(tmp_path, "/var/lib/dpkg/updates/0001", _stanza("a", "3-1") + _stanza("c", "1"))
    write(tmp_path, "/var/lib/dpkg/updates/tmp.i", _stanza("d", "1"))
    found = rows("SELECT name, version, revision, admindir FROM deb_packages", tmp_path)
    here = "/var/lib/dpkg"
    assert found == [("a", "3-1", "1", here), ("b", "1-1", "1", here), ("c", "1", "", here)]


def test_a_package_that_is_gone_is_left_out(tmp_path: Path) -> None:
    """Also when only the journal says so."""
    write(tmp_path, "/var/lib/dpkg/status", _stanza("a", "1"))
    write(tmp_path, "/var/lib/dpkg/updates/0000", _stanza("a", "1", "purge ok not-installed"))
    assert rows("SELECT * FROM deb_packages", tmp_path) == []


def test_a_host_without_dpkg_has_no_rows(tmp_path: Path) -> None:
    """Nor has a relative folder."""
    assert rows("SELECT * FROM deb_packages", tmp_path) == []
    assert rows("SELECT * FROM deb_packages WHERE admindir='var'", tmp_path) == []


@pytest.mark.skipif(not shutil.which("dpkg-query"), reason="no dpkg on this host to compare with")
def test_the_packages_of_this_host_are_those_dpkg_query_lists() -> None:
    """Name, version, architecture, status, size, section, priority, maintainer."""
    fields = (
        "Package",
        "Version",
        "Architecture",
        "Status",
        "Installed-Size",
        "Section",
        "Maintainer",
    )
    layout = "\t".join(f"${{{field}}}" for field in fields) + "\n"
    told = subprocess.run(
        ["dpkg-query", "-W", "-f", layout], check=True, capture_output=True, encoding="utf-8"
    ).stdout
    expected = [line.split("\t") for line in told.splitlines() if "not-installed" not in line]
    columns = "name, version, arch, status, coalesce(size, ''), section, maintainer"
    found = [list(map(str, row)) for row in rows(f"SELECT {columns} FROM deb_packages")]
    assert sorted(found) == sorted(expected)
