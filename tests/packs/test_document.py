"""Configs: what is drawn in, what is left out, and what counts as a change."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from telegraf_osquery.packs.document import Document, load


def written(folder: Path, document: Any) -> Document:
    path = folder / "osquery.conf"
    path.write_text(json.dumps(document))
    return load(str(path))


@pytest.mark.parametrize(
    ("text", "seconds"), [("60", 60), ("120", 120), (" 60", 60), ("60.5", 60), ("3600", 3600)]
)
def test_a_decorator_interval_is_a_multiple_of_a_minute(
    tmp_path: Path, text: str, seconds: int
) -> None:
    """Read as a leading number, as every number in text."""
    found = written(tmp_path, {"schedule": {}, "decorators": {"interval": {text: ["SELECT 1"]}}})
    assert found.decorators.interval == {seconds: ("SELECT 1",)}
    assert found.findings == ()


@pytest.mark.parametrize("text", ["61", "90", "30", "0", "-60", "x", "", "6e1", "4294967296"])
def test_another_decorator_interval_is_reported(tmp_path: Path, text: str) -> None:
    """For some of them osquery prints nothing at all."""
    found = written(tmp_path, {"schedule": {}, "decorators": {"interval": {text: ["SELECT 1"]}}})
    assert found.decorators.interval == {}
    assert [f'"{text}": expected a multiple of 60' in str(f) for f in found.findings] == [True]


@pytest.mark.parametrize(
    "shape",
    [
        {"load": "SELECT 1"},
        {"always": {"a": "SELECT 1"}},
        {"interval": ["SELECT 1"]},
        {"nosuch": ["SELECT 1"]},
        {"load": [1]},
        {"load": [""]},
        {"load": [{"query": "SELECT 1"}]},
        ["SELECT 1"],
        "SELECT 1",
    ],
)
def test_decorators_of_another_shape_are_reported(tmp_path: Path, shape: Any) -> None:
    """Nothing is asked, the schedule goes on, and one finding says so."""
    config = {"schedule": {"q": {"query": "SELECT 1"}}, "decorators": shape}
    found = written(tmp_path, config)
    assert (found.decorators.load, found.decorators.always) == ((), ())
    assert found.decorators.interval == {}
    assert len(found.findings) == 1
    assert [query.name for query in found.packs[0].queries] == ["q"]


def test_a_relative_path_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even where it leads to a pack: what it means depends on where a process was started."""
    (tmp_path / "p.conf").write_text('{"queries": {"q": {"query": "SELECT 1"}}}')
    monkeypatch.chdir(tmp_path)
    found = written(tmp_path, {"packs": {"p": "p.conf"}})
    assert found.packs == ()
    assert "not an absolute path" in found.findings[0].message


def test_a_file_means_less_under_a_pattern(tmp_path: Path) -> None:
    """The same file: under a name its numbers are numbers, under `*` all its scalars are text."""
    query = {"query": "SELECT 1", "interval": 60.0, "snapshot": 1, "version": 6}
    path = tmp_path / "p.conf"
    path.write_text(json.dumps({"queries": {"q": query}}))
    assert written(tmp_path, {"packs": {"p": str(path)}}).packs[0].queries == ()
    (found,) = written(tmp_path, {"packs": {"*": str(path)}}).packs[0].queries
    assert (found.interval, found.snapshot, found.version) == (60, False, "6")


@pytest.mark.parametrize("key", ["schedule", "packs", "decorators", "options"])
def test_a_key_of_another_kind_of_file_is_reported(tmp_path: Path, key: str) -> None:
    """A config's key has no effect inside a pack."""
    found = written(tmp_path, {"packs": {"p": {"queries": {}, key: {}}}})
    assert [f'key "{key}" has no effect inside a pack' in str(f) for f in found.findings] == [True]


def replaced(path: Path, text: str, *, new_file: bool) -> None:
    """Other content with the old mtime, as `cp -p` and archives leave it."""
    before = path.stat()
    if new_file:
        fresh = path.with_suffix(".new")
        fresh.write_text(text)
        os.replace(fresh, path)
    else:
        path.write_text(text)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize(
    ("sql", "new_file"), [("SELECT 2", True), ("SELECT 22", False)], ids=["inode", "size"]
)
def test_a_change_shows_without_a_new_mtime(tmp_path: Path, sql: str, new_file: bool) -> None:
    """By another inode or another size alone."""
    text = '{"queries": {"q": {"query": "SELECT 1"}}}'
    path = tmp_path / "p.conf"
    path.write_text(text)
    found = load(str(path))
    assert not found.stale()
    replaced(path, text.replace("SELECT 1", sql), new_file=new_file)
    assert found.stale()


def test_a_new_mtime_alone_is_a_change(tmp_path: Path) -> None:
    """Content of the same length written into the same file."""
    path = tmp_path / "p.conf"
    path.write_text('{"queries": {}}')
    found = load(str(path))
    os.utime(path, ns=(0, 1))
    assert found.stale()
