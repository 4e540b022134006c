"""What the input imports on its way to the first row, and what it must not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.layers import table
from tests.architecture.reading import PACKAGE, ROOT, Module
from tests.architecture.test_layers import planted

BANNED = frozenset(
    {
        "asyncio",
        "cyclopts",
        "dataclasses",
        "hashlib",
        "importlib.metadata",
        "importlib.resources",
        "orjson",
        "psutil",
        "rich",
        "ssl",
        "tempfile",
        "tenacity",
        "thrift",
        "urllib3",
    }
)
INPUT = "telegraf_osquery.runtime.execd_input"
ABOVE_SOURCES = 10
"""Layers from here on are not part of the input's start as a whole."""


def start_path(package: list[Module]) -> list[str]:
    """Every module of the rooms that the input is built of, and the input itself."""
    layers = table()
    below = [one.name for one in package if one.room and layers.get(one.room, 99) < ABOVE_SOURCES]
    return [*below, INPUT]


def imported(root: Path, *arguments: str) -> set[str]:
    """The modules that a Python process with these arguments has imported, from its own report."""
    environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONPROFILEIMPORTTIME": "1"}
    done = subprocess.run(
        [sys.executable, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
        env=environment,
        cwd=root,
    )
    lines = done.stderr.splitlines()
    return {line.split("|")[2].strip() for line in lines if line.startswith("import time:")}


def heavy(found: set[str]) -> set[str]:
    """The banned modules among them, also by one of their parts."""
    return {name for name in found for banned in BANNED if f"{name}.".startswith(f"{banned}.")}


def test_every_module_below_the_runtime(package: list[Module]) -> None:
    """No module of any room of the start path brings a banned one along, however far behind it."""
    names = start_path(package)
    assert len(names) > 50
    found = imported(ROOT, "-c", f"import {', '.join(names)}")
    assert set(names) <= found
    assert heavy(found) == set()


@pytest.mark.parametrize("banned", ["dataclasses", "hashlib", "tempfile"])
def test_planted_import(tmp_path: Path, banned: str) -> None:
    """A banned module behind another module is seen."""
    root = planted(tmp_path, low__a="from . import b", low__b=f"import {banned}")
    assert banned in heavy(imported(root, "-c", f"import {PACKAGE}.low.a"))


def test_a_real_start(tmp_path: Path) -> None:
    """The process that Telegraf starts runs the starter packs without a banned module.

    It ends by itself: stdin is at its end.
    """
    settings = tmp_path / "input.toml"
    settings.write_text(f'state_dir = "{tmp_path}/state"\n', encoding="utf-8")
    found = imported(ROOT, "-m", PACKAGE, "execd", "input", "--config", str(settings))
    assert f"{PACKAGE}.engines.embedded" in found
    assert heavy(found) == set()
