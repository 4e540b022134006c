"""What is shipped: sdist and wheel build, and the wheel works where nothing else is."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The program of a clean environment that holds the wheel and its dependencies alone."""
    folder = tmp_path_factory.mktemp("wheel")
    beside = Path(sys.executable).parent / "uv"
    uv = str(beside) if beside.exists() else shutil.which("uv")
    assert uv, "uv is not installed: pip install uv"
    environment = {
        k: v for k, v in os.environ.items() if not k.startswith(("UV_PROJECT", "VIRTUAL"))
    }
    for command in (
        ["build", "--quiet", "--out-dir", folder / "dist", ROOT],
        ["venv", "--quiet", "--python", sys.executable, folder / "env"],
        ["pip", "install", "--quiet", "--python", folder / "env/bin/python"],
    ):
        words = [*command, *(wheels(folder) if command[0] == "pip" else ())]
        subprocess.run([uv, *map(str, words)], cwd=folder, env=environment, check=True)
    yield folder / "env/bin/telegraf-osquery"
    shutil.rmtree(folder)


def wheels(folder: Path) -> list[Path]:
    return list((folder / "dist").glob("*.whl"))


def run(program: Path, *words: str) -> bytes:
    """The program's stdout, run away from the checkout."""
    done = subprocess.run(
        [program, *words], cwd="/", stdin=subprocess.DEVNULL, capture_output=True, check=True
    )
    return done.stdout


def test_the_wheel_carries_packs_schema_and_licence(installed: Path) -> None:
    """Data files travel inside the package, and both archives are there."""
    dist = installed.parent.parent.parent / "dist"
    names = zipfile.ZipFile(wheels(dist.parent)[0]).namelist()
    assert "telegraf_osquery/schema/tables.txt" in names
    assert "telegraf_osquery/packs/starter/users/users.toml" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not any(name.startswith(("tests/", "tools/")) for name in names)
    assert list(dist.glob("*.tar.gz"))


def test_the_starter_packs_run_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    """Every query of every starter pack is answered by the installed program."""
    packs = json.loads(run(installed, "packs", "list", "--format", "json"))
    out = run(installed, "execd", "input", "--state-dir", str(tmp_path / "state"))
    ends = out.count(b"\nosquery_run,") + out.startswith(b"osquery_run,")
    assert ends == sum(len(pack["queries"]) for pack in packs) >= 15


def test_the_demo_runs_from_the_wheel(installed: Path) -> None:
    """What a person sees first works without the checkout."""
    assert b"line protocol" in run(installed, "demo")
