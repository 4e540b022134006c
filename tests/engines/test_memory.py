"""What the agent holds while a wide answer goes through each engine, paced."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes import osqueryd, osqueryi

ROOT = Path(__file__).parent.parent.parent
LIMIT = 35.0
"""MiB."""


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Both doubles of osquery, and a folder."""
    folder = tmp_path_factory.mktemp("host")
    osqueryi.install(folder)
    with osqueryd.beside(folder / "osquery.em"):
        yield folder


def _settings(host: Path, folder: Path, engine: str, rows: int) -> Path:
    query = f"SELECT * FROM wide WHERE id = '{rows}'"
    pack = {"queries": {"wide": {"query": query, "interval": 3600}}}
    (folder / "wide.conf").write_text(json.dumps(pack))
    path = folder / "input.toml"
    path.write_text(
        f"""
        packs = ["{folder}/wide.conf"]
        state_dir = "{folder}/state"
        engine = "{engine}"
        rows_per_second = {max(2000, rows // 5)}
        [osquery]
        socket = "{host}/osquery.em"
        osqueryi = "{host}/osqueryi"
        """
    )
    return path


def _passed(settings: Path) -> tuple[int, str, float]:
    """Rows that came, the run's end, and the most the agent held in MiB."""
    command = [sys.executable, "-m", "tests.fakes.wide_agent", "execd", "input"]
    with subprocess.Popen(
        [*command, "--config", str(settings)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as agent:
        assert agent.stdout
        assert agent.stdin
        rows, end = 0, ""
        for line in agent.stdout:
            rows += line.startswith(b"osquery_wide_wide,")
            if line.startswith(b"osquery_run,"):
                end = line.decode()
                break
        status = Path(f"/proc/{agent.pid}/status").read_text()
        agent.stdin.close()
        agent.stdout.read()
    peak = next(int(line.split()[1]) for line in status.splitlines() if "VmHWM" in line)
    return rows, end, peak / 1024


@pytest.mark.parametrize("engine", ["socket", "process"])
@pytest.mark.parametrize(
    "rows", [2000, pytest.param(100_000, marks=pytest.mark.slow)], ids=["few", "many"]
)
def test_an_answer_is_never_held_whole(host: Path, tmp_path: Path, engine: str, rows: int) -> None:
    """All rows of 28 columns pass, and the agent stays below 35 MiB."""
    found, end, peak = _passed(_settings(host, tmp_path, engine, rows))
    print(f"{engine}: {found} rows, {peak:.1f} MiB")  # noqa: T201 - for the person who measures
    assert found == rows
    assert f'engine="{engine}"' in end
    assert 'outcome="ok"' in end
    assert peak < LIMIT
