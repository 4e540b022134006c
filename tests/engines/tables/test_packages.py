"""Where packages come from and which there are: apt, yum, dpkg, Python, npm."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telegraf_osquery.engines.embedded_tables.yum import sections
from telegraf_osquery.errors import QueryTimeout
from tests.engines.tables.asked import rows, scan, write
from tests.engines.tables.asking import table

_RELEASE = "Origin: Debian\nCodename: bookworm\nDate: Sat, 1 Jan 2022 10:00:00 UTC\n"


def _sources(root: Path, file: str, text: str, *releases: str) -> list[tuple[str, str]]:
    write(root, f"/etc/apt/{file}", text)
    for name in releases:
        write(root, f"/var/lib/apt/lists/{name}", _RELEASE)
    return rows("SELECT base_uri, name FROM apt_sources", root)


@pytest.mark.parametrize(
    ("line", "suite"),
    [
        ("deb http://a.org/x stable main", "stable"),
        ("deb http://a.org/x// stable main", "stable"),
        ("\tdeb [arch=amd64 trusted=yes] http://a.org/x stable", "stable"),
        ("deb [ arch=amd64 ] http://a.org/x stable", "stable"),
        ("deb http://a.org/x stable # main", "stable"),
        ("deb http://a.org/x stable/updates main", "stable/updates"),
        ("deb http://a.org/x ./", "./"),
    ],
)
def test_a_line_of_sources_is_taken_apart(tmp_path: Path, line: str, suite: str) -> None:
    """Options, comments and slashes go; a suite with a path has no ``dists``."""
    releases = ("a.org_x_dists_stable_InRelease", "a.org_x_stable_updates_Release")
    found = _sources(tmp_path, "sources.list", line, *releases, "a.org_x_dists_._Release")
    assert found == ([] if suite == "./" else [("http://a.org/x", f"a.org/x {suite}")])


@pytest.mark.parametrize(
    "line",
    [
        "deb-src http://a.org/x stable main",
        "# deb http://a.org/x stable main",
        "deb http://a.org/x",
        "deb [arch=amd64 http://a.org/x",
        "deb cdrom:[Debian]/ stable main",
        "deb",
        "",
    ],
)
def test_other_lines_are_no_sources(tmp_path: Path, line: str) -> None:
    """Comments, sources of sources, addresses without a protocol."""
    assert _sources(tmp_path, "sources.list", line, "a.org_x_dists_stable_Release") == []


@pytest.mark.parametrize(
    ("change", "count"),
    [
        ("", 2),
        ("Enabled: on\n", 2),
        ("enabled: yes\n", 0),
        ("Types: deb-src\n", 0),
        ("Types: deb-src deb\n", 2),
        ("URIs: http://b.org/y\n", 0),
        ("# Enabled: no\n", 2),
    ],
)
def test_stanzas_of_sources(tmp_path: Path, change: str, count: int) -> None:
    """Each address with each suite; only what is enabled by ``on`` or not at all, as osquery."""
    stanza = f"Types: deb\nURIs: http://a.org/x/ cdrom:\nSuites: stable testing\n{change}"
    releases = ("a.org_x_dists_stable_Release", "a.org_x_dists_testing_Release")
    text = f"Types: deb\nSuites: stable\n\n{stanza}\n"
    assert len(_sources(tmp_path, "sources.list.d/a.sources", text, *releases)) == count


def test_a_list_that_is_not_for_all_is_left_out(tmp_path: Path) -> None:
    """Its addresses may hold passwords; osquery reads as nobody."""
    line = "deb http://user:secret@a.org/x stable main"
    release = "user:secret@a.org_x_dists_stable_Release"
    assert len(_sources(tmp_path, "sources.list", line, release)) == 1
    (tmp_path / "etc/apt/sources.list").chmod(0o640)
    assert rows("SELECT * FROM apt_sources", tmp_path) == []


@pytest.mark.parametrize(
    "text",
    [
        "[a]\nname=x\nname=y\n",
        "[a]\nbaseurl=http://a\n  http://b\n",
        "[a\nname=x\n",
        "[a]\nname=x\n[a]\nname=y\n",
        "[a]\n=x\n",
    ],
)
def test_a_file_that_the_strict_reader_refuses_gives_nothing(text: str) -> None:
    """Twice the same name, a line without ``=``, an open bracket."""
    assert sections(text) == {}


def test_sections_are_read_with_blanks_and_comments() -> None:
    """Values keep their own ``=``; a section without keys does not count."""
    text = "; c\n# c\n[empty]\n\n [ a ] \n name = x = y \nurl=\n"
    assert sections(text) == {"a": {"name": "x = y", "url": ""}}


@settings(max_examples=300, deadline=None)
@given(st.text("[]=;# ab\n", max_size=60))
def test_any_text_is_sections_or_nothing(text: str) -> None:
    """Never a fault; every section has keys, every key stood in the text."""
    for name, keys in sections(text).items():
        assert f"[{name}" in text.replace(" ", "") or not name
        assert keys
        assert all(key in text for key in keys)


def test_a_value_of_metadata_with_a_colon_is_not_seen(tmp_path: Path) -> None:
    """As osquery; what follows the licence is not read either."""
    text = "Name: a\nVersion: 1\nSummary: a: b\nAuthor :  Ann \nLicense: MIT\nName: body\n"
    write(tmp_path, "/usr/lib/python3/dist-packages/a-1.dist-info/METADATA", text)
    found = rows("SELECT name, version, summary, author, license FROM python_packages", tmp_path)
    assert found == [("a", "1", "", "Ann", "MIT")]


def test_packages_are_found_at_any_depth_but_once(tmp_path: Path) -> None:
    """Links to folders are followed, rings end, hidden folders count below the first level."""
    site = "/srv/lib"
    for name in ("x", "a/y", "a/.hidden/z", ".venv/w"):
        write(tmp_path, f"{site}/{name}-1.dist-info/METADATA", f"Name: {name}\n")
    (tmp_path / "srv/lib/a/ring").symlink_to("..")
    (tmp_path / "srv/lib/file.egg-info").write_text("Name: file\n")
    write(tmp_path, "/opt/far/v-1.egg-info/PKG-INFO", "Name: v\n")
    (tmp_path / "srv/lib/link").symlink_to("/opt/far")
    found = rows(f"SELECT path FROM python_packages WHERE directory = '{site}'", tmp_path)
    names = ("a/.hidden/z-1.dist-info", "a/y-1.dist-info", "link/v-1.egg-info", "x-1.dist-info")
    assert sorted(found) == [(f"{site}/{name}",) for name in names]


def test_users_packages_have_their_uid(tmp_path: Path) -> None:
    """Below .local and in each Python of pyenv."""
    write(tmp_path, "/etc/passwd", "ann:x:7:7::/home/ann:/bin/sh\n")
    for lib in (".local/lib/python3.9", ".pyenv/versions/3.9.1/lib/python3.9"):
        write(tmp_path, f"/home/ann/{lib}/site-packages/a.dist-info/METADATA", "Name: a\n")
    write(tmp_path, "/usr/lib/python3/dist-packages/b.dist-info/METADATA", "Name: b\n")
    found = rows("SELECT uid, directory FROM python_packages WHERE uid = 7", tmp_path)
    assert found == [
        (7, "/home/ann/.pyenv/versions/3.9.1/lib/python3.9/site-packages/"),
        (7, "/home/ann/.local/lib/python3.9/"),
    ]


def test_a_walk_through_packages_ends_at_its_deadline(tmp_path: Path) -> None:
    """Also where it finds none."""
    (tmp_path / "srv/a").mkdir(parents=True)
    for name in ("python_packages", "npm_packages"):
        ask = scan(tmp_path, equal={"directory": "/srv"}, seconds=0)
        with pytest.raises(QueryTimeout):
            list(table(name).generate(ask))


@pytest.mark.parametrize("directory", ["srv", "", "/srv/none"])
def test_a_directory_that_is_none_gives_nothing(tmp_path: Path, directory: str) -> None:
    """Relative, empty, missing."""
    write(tmp_path, "/srv/node_modules/a/package.json", "{}")
    write(tmp_path, "/srv/a.dist-info/METADATA", "Name: a\n")
    for name in ("python_packages", "npm_packages"):
        assert rows(f"SELECT * FROM {name} WHERE directory = '{directory}'", tmp_path) == []


def test_npm_looks_as_deep_as_it_is_asked(tmp_path: Path) -> None:
    """max_depth is a hidden column; -1 is without end; a ring of links ends."""
    for depth in range(4):
        folder = "/srv" + "/node_modules/a" * (depth + 1)
        write(tmp_path, f"{folder}/package.json", f'{{"name": "n{depth}"}}')
    (tmp_path / "srv/node_modules/a/node_modules/ring").symlink_to("/srv/node_modules/a")
    sql = "SELECT name, depth FROM npm_packages WHERE directory = '/srv'"
    for deepest, count in ((0, 1), (1, 2), (2, 3), (-1, 4), (100, 4)):
        found = rows(f"{sql} AND max_depth = {deepest} AND path NOT LIKE '%ring%'", tmp_path)
        assert found == [(f"n{depth}", depth) for depth in range(count)]
    assert rows(
        "SELECT DISTINCT max_depth FROM npm_packages WHERE directory = '/srv'", tmp_path
    ) == [(100,)]


@pytest.mark.parametrize(
    ("text", "author", "licence"),
    [
        ('{"author": {"name": 1}, "license": ["MIT"]}', "", ""),
        ('{"author": "Ann", "license": {"url": "http://x"}}', "Ann", "http://x"),
        ('{"author": null, "license": 5}', "", ""),
        ("[1]", "", ""),
        ("[" * 100_000, "", ""),
        ('"text"', "", ""),
        ("", "", ""),
    ],
)
def test_what_is_not_text_in_a_package_is_empty(
    tmp_path: Path, text: str, author: str, licence: str
) -> None:
    """The row stays."""
    write(tmp_path, "/srv/node_modules/a/package.json", text)
    sql = "SELECT author, license FROM npm_packages WHERE directory = '/srv'"
    assert rows(sql, tmp_path) == [(author, licence)]


def test_files_of_one_package(tmp_path: Path) -> None:
    """Only of those that are installed; a package's name is no path."""
    stanzas = (
        "Package: a\nStatus: install ok installed\n\n"
        "Package: gone\nStatus: purge ok not-installed\n\n"
        "Package: ../../../../x\nStatus: install ok installed\n"
    )
    write(tmp_path, "/var/lib/dpkg/status", stanzas)
    for name in ("a", "gone", "b"):
        write(tmp_path, f"/var/lib/dpkg/info/{name}.list", f"/.\n/usr/{name}\n")
    write(tmp_path, "/x.list", "secret\n")
    admindir = "/var/lib/dpkg"
    expected = [("a", "/.", admindir), ("a", "/usr/a", admindir)]
    assert rows("SELECT * FROM deb_package_files", tmp_path) == expected
    assert rows("SELECT * FROM deb_package_files WHERE package = 'a'", tmp_path) == expected
    assert rows("SELECT * FROM deb_package_files WHERE package = 'gone'", tmp_path) == []


def test_odd_names_of_files_are_written_out(tmp_path: Path) -> None:
    """And the file is found all the same."""
    path = os.fsdecode(b"srv/caf\xe9.dist-info/METADATA")
    write(tmp_path, path, "Name: a\n")
    found = rows("SELECT name, path FROM python_packages WHERE directory = '/srv'", tmp_path)
    assert found == [("a", r"/srv/caf\xE9.dist-info")]
