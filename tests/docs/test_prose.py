"""Links lead somewhere, and commands in the text are commands of this program."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs import generate
from telegraf_osquery.cli.app import build

TOP = Path(generate.ROOT).parent
PAGES = sorted({*TOP.glob("*.md"), *map(Path, generate.pages())})
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def ids(path: Path) -> str:
    return str(path.relative_to(TOP))


def anchor(heading: str) -> str:
    """As GitHub makes it of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("path", PAGES, ids=ids)
def test_relative_links_lead_to_a_file_and_a_heading(path: Path) -> None:
    """Also the part behind ``#``."""
    for link in _LINK.findall(path.read_text()):
        if "://" in link or link.startswith("mailto:"):
            continue
        name, _, heading = link.partition("#")
        target = (path.parent / name) if name else path
        assert target.exists(), f"{link} in {ids(path)}"
        if heading:
            known = {anchor(found) for found in _HEADING.findall(target.read_text())}
            assert heading in known, f"{link} in {ids(path)}"


def commands(path: Path) -> Iterator[str]:
    """The command lines of the page's console blocks."""
    for language, body in _FENCE.findall(path.read_text()):
        if language in {"console", "sh", "bash"}:
            yield from (line[2:] for line in body.splitlines() if line.startswith("$ "))


@pytest.mark.parametrize("path", PAGES, ids=ids)
def test_commands_in_blocks_can_be_parsed(path: Path) -> None:
    """Every ``telegraf-osquery …`` names a command and options that exist; make targets too."""
    targets = re.findall(r"^([a-z-]+):", (TOP / "Makefile").read_text(), re.MULTILINE)
    for line in commands(path):
        words = shlex.split(re.sub(r"^sudo -u \w+ ", "", line).partition(" | ")[0])
        if words[0] == "telegraf-osquery" and words[1] not in {"execd", "collect"}:
            build().parse_args(words[1:], exit_on_error=False, print_error=False)
        if words[0] == "make":
            assert set(words[1:]) <= set(targets), line


@pytest.mark.skipif(sys.platform != "linux", reason="the tutorial is about Linux")
def test_the_tutorial_works_as_it_stands(tmp_path: Path) -> None:
    """Its commands are run in an empty folder; what needs Telegraf or the network is left out."""
    script = "\n".join(shell(TOP / "docs/tutorial.md"))
    program = f'telegraf-osquery() {{ "{sys.executable}" -m telegraf_osquery "$@"; }}\n'
    done = subprocess.run(
        ["bash", "-c", f"set -e\n{program}{script}"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(TOP), "STATE_DIRECTORY": str(tmp_path / "state")},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    assert "did you mean processes" in done.stderr
    assert "osquery_ports_open" in done.stdout


def shell(path: Path) -> Iterator[str]:
    left_out = ("git ", "make ", "telegraf ", "export ")
    for language, body in _FENCE.findall(path.read_text()):
        if language != "console":
            continue
        for part in re.split(r"^\$ ", body, flags=re.MULTILINE):
            if part and not part.startswith(left_out):
                yield part.rstrip() + (" || true" if "proceses" in part else "")
