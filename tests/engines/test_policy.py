"""Policies at the engines: settings, what the embedded engine does not have, paths kept away."""

import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from telegraf_osquery.clock import Deadline, SystemClock
from telegraf_osquery.config.decode import decode
from telegraf_osquery.engines.embedded import Embedded
from telegraf_osquery.engines.embedded_tables.denied import Denied
from telegraf_osquery.engines.policy import PolicySettings, policy
from telegraf_osquery.errors import ConfigError, QueryError
from telegraf_osquery.schema.functions import ALLOWED
from telegraf_osquery.schema.policy import EVERYTHING, Policy
from telegraf_osquery.schema.tables import load

SCHEMA = load()
CLOCK = SystemClock()


def rows(sql: str, given: Policy | None, root: Path | str = "/") -> list[tuple[Any, ...]]:
    engine = Embedded(SCHEMA, CLOCK, root=str(root), policy=given)
    try:
        answer = engine.execute(sql, Deadline(CLOCK, 10))
        return [row for chunk in answer.chunks for row in zip(*chunk, strict=True)]
    finally:
        engine.close()


def test_settings_become_a_policy() -> None:
    """Empty settings allow everything but the risky functions."""
    assert policy(PolicySettings(), SCHEMA) == msgspec.structs.replace(
        EVERYTHING, functions=ALLOWED
    )
    given = decode(
        {
            "tables": ["users", "file"],
            "denied_tables": ["curl"],
            "denied_columns": {"users": ["uuid"]},
            "denied_functions": ["md5"],
            "risky_functions": ["SLEEP"],
            "denied_paths": ["/etc/shadow"],
            "statements": 2,
        },
        PolicySettings,
        "input.toml",
    )
    made = policy(given, SCHEMA)
    assert made.tables == {"users", "file"}
    assert made.denied_columns == {"users": frozenset({"uuid"})}
    assert made.functions == ALLOWED | {"sleep"}
    assert made.denied_paths == ("/etc/shadow",)


def test_settings_that_would_forbid_nothing_are_refused() -> None:
    """A misspelt name is told with the nearest one."""
    with pytest.raises(ConfigError, match="did you mean users"):
        policy(PolicySettings(denied_columns={"usres": ("uuid",)}), SCHEMA)


def test_the_embedded_engine_has_only_what_the_policy_allows() -> None:
    """Even if nothing stood before it: tables, second names, columns, functions."""
    given = Policy(
        denied_tables=frozenset({"hosts", "processes"}),
        denied_columns={"users": frozenset({"uuid", "description"})},
        denied_functions=frozenset({"md5"}),
    )
    engine = Embedded(SCHEMA, CLOCK, policy=given)
    assert not {"processes", "etc_hosts"} & engine.tables()
    engine.close()
    for table in ("hosts", "etc_hosts", "processes"):
        with pytest.raises(QueryError, match=f"no such table: {table}"):
            rows(f"SELECT * FROM {table}", given)
    assert len(rows("SELECT * FROM users LIMIT 1", given)[0]) == 7
    assert len(rows("SELECT * FROM users NATURAL JOIN (SELECT 0 AS uid) LIMIT 1", given)[0]) == 7
    with pytest.raises(QueryError, match="no such column: uuid"):
        rows("SELECT uuid FROM users", given)
    assert rows('SELECT "uuid" FROM users LIMIT 1', given) == [("uuid",)]
    with pytest.raises(QueryError, match="not authorized"):
        rows("SELECT md5('a')", given)
    assert rows("SELECT sha1('')", given) == [("da39a3ee5e6b4b0d3255bfef95601890afd80709",)]


def test_a_table_without_any_column_left_cannot_be_read() -> None:
    """It says so."""
    spec = SCHEMA.table("uptime")
    assert spec is not None
    given = Policy(denied_columns={"uptime": frozenset(column.name for column in spec.columns)})
    with pytest.raises(QueryError, match="no column of it may be used here"):
        rows("SELECT count(*) FROM uptime", given)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A host with secrets, and ways that lead to them."""
    for folder in ("etc/ssl/private", "srv", "proc/self"):
        (tmp_path / folder).mkdir(parents=True)
    for name in ("etc/passwd", "etc/shadow", "etc/shadow.bak", "etc/ssl/private/key", "srv/open"):
        (tmp_path / name).write_text(name)
    links = {
        "srv/link": "/etc/shadow",
        "srv/relative": "../etc/shadow",
        "srv/folder": "/etc/ssl/private",
        "srv/chain": "link",
        "srv/etc": "/etc",
        "proc/self/root": "/",
        "srv/open_link": "open",
        "srv/ring": "ring",
        "hidden": "/etc/ssl",
    }
    for name, target in links.items():
        (tmp_path / name).symlink_to(target)
    return tmp_path


DENIED = Policy(denied_paths=("/etc/shadow", "/etc/ssl/private/"))


@pytest.mark.parametrize(
    "path",
    [
        "/etc/shadow",
        "/etc//shadow",
        "//etc/shadow",
        "/etc/./shadow",
        "/etc/../etc/shadow",
        "/srv/../etc/shadow",
        "/etc/ssl/private",
        "/etc/ssl/private/",
        "/etc/ssl/private/key",
        "/srv/link",
        "/srv/relative",
        "/srv/chain",
        "/srv/folder",
        "/srv/folder/key",
        "/srv/etc/shadow",
        "/srv/etc/../etc/shadow",
        "/proc/self/root/etc/shadow",
        "/proc/self/root/proc/self/root/etc/shadow",
        "/hidden/private/key",
    ],
)
@pytest.mark.parametrize("table", ["file", "hash"])
def test_a_denied_path_does_not_show(tree: Path, table: str, path: str) -> None:
    """By no way of writing it, and by no link."""
    assert rows(f"SELECT path FROM {table} WHERE path = '{path}'", DENIED, tree) == []


@pytest.mark.parametrize(
    ("where", "kept"),
    [
        ("path LIKE '/etc/%'", ["/etc/passwd", "/etc/shadow.bak", "/etc/ssl/"]),
        ("path LIKE '/etc/%%'", ["/etc/passwd", "/etc/shadow.bak", "/etc/ssl/"]),
        ("directory = '/etc'", ["/etc/passwd", "/etc/shadow.bak", "/etc/ssl"]),
        ("directory = '/etc/ssl/private'", []),
        ("directory = '/srv/folder'", []),
        ("directory LIKE '/srv/%'", ["/srv/etc/passwd", "/srv/etc/shadow.bak", "/srv/etc/ssl"]),
        ("path LIKE '/srv/etc/sha%'", ["/srv/etc/shadow.bak"]),
        ("path IN ('/etc/shadow', '/etc/passwd')", ["/etc/passwd"]),
        ("path = '/srv/open_link'", ["/srv/open_link"]),
        ("path = '/srv/ring'", ["/srv/ring"]),
        ("path LIKE '/srv/open%'", ["/srv/open", "/srv/open_link"]),
    ],
)
def test_patterns_and_folders_leave_denied_paths_out(
    tree: Path, where: str, kept: list[str]
) -> None:
    """And keep what only looks like them."""
    found = [path for (path,) in rows(f"SELECT path FROM file WHERE {where}", DENIED, tree)]
    assert sorted(found) == kept


def test_a_denied_path_may_itself_be_a_link(tree: Path) -> None:
    """What it leads to is meant."""
    given = Policy(denied_paths=("/hidden",))
    sql = "SELECT path FROM file WHERE path IN ('/etc/ssl/private/key', '/hidden/private', '/srv')"
    assert rows(sql, given, tree) == [("/srv",)]


def test_the_root_folder_denies_everything(tree: Path) -> None:
    """``/`` is above all."""
    given = Policy(denied_paths=("/",))
    assert rows("SELECT path FROM file WHERE path LIKE '/%%'", given, tree) == []


def test_the_functions_that_look_for_files_do_not_find_denied_ones(tree: Path) -> None:
    """Not even whether they are there."""
    sql = "SELECT find_file_path_in_cmd('/srv/link -x'), find_file_path_in_cmd('/srv/open -x')"
    assert rows(sql, DENIED, tree) == [("", "/srv/open")]
    assert rows(sql, None, tree) == [("/srv/link", "/srv/open")]


def test_this_host_without_a_root_folder() -> None:
    """Links of the kernel's own are followed too: /proc/self/root, /proc/self/cwd, descriptors."""
    denied = Denied("", ["/etc"])
    assert denied("/proc/self/root/etc/passwd")
    assert denied("/proc/self/../../etc/passwd")
    assert not denied("/proc/self/root/proc")
    assert not denied("/etcetera")
    handle = os.open("/etc/passwd", os.O_RDONLY)
    try:
        assert denied(f"/proc/self/fd/{handle}")
        assert not denied(f"/proc/self/fd/{handle}", look=False)
    finally:
        os.close(handle)
