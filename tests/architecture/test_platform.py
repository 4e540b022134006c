"""Agents for Windows and macOS can be built on what is here."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.only_these import PLATFORM, within
from tests.architecture.reading import PACKAGE, ROOT, Module, modules
from tests.architecture.test_layers import planted

BLOCKED_IMPORT = """
import importlib, sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name in BLOCKED:
            raise ImportError(f"{name} is not on this platform", name=name)

BLOCKED = set(sys.argv[1].split(","))
for name in BLOCKED:
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Blocker())
for name in sys.argv[2:]:
    try:
        importlib.import_module(name)
    except ImportError as error:
        print(f"{name}: {error}")
"""


def refused(root: Path, every: list[Module]) -> list[str]:
    """The modules that cannot be imported where the POSIX ones are missing."""
    names = [
        module.name
        for module in every
        if module.room != "__main__"
        and not within(module, "runtime.streams", "engines.*", "store.lock", "net.*")
    ]
    command = [sys.executable, "-c", BLOCKED_IMPORT, ",".join(PLATFORM), *names]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=root)
    return done.stdout.splitlines()


def test_every_other_module_imports_without_them(package: list[Module]) -> None:
    """Without fcntl, resource, pwd, grp and termios everything but their users can be imported."""
    assert refused(ROOT, package) == []


@pytest.mark.parametrize("name", sorted(PLATFORM))
def test_planted_import(tmp_path: Path, name: str) -> None:
    """A module that needs one of them is seen, also when another module stands between."""
    root = planted(tmp_path, engines__a=f"import {name}", high__b=f"import {PACKAGE}.engines.a")
    assert refused(root, modules(root)) == [f"{PACKAGE}.high.b: {name} is not on this platform"]
