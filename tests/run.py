"""`make test`: the suite on this interpreter, then the fast part on every other CPython found.

TELEGRAF_OSQUERY_REQUIRE_REAL=1  a missing real server fails the run instead of skipping its tests
TELEGRAF_OSQUERY_SLOW=1          the slow marks run too
TELEGRAF_OSQUERY_ALL_PYTHONS=1   every CPython 3.11-3.14 on this machine runs the fast suite
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
VERSIONS = ("3.11", "3.12", "3.13", "3.14")
FAST = "not slow and not real"


def pytest(python: Path, *arguments: str) -> int:
    command = [str(python), "-m", "pytest", "-n", "2", "--dist", "loadgroup", "-q", *arguments]
    return subprocess.call(command, cwd=ROOT)


def works(python: Path, version: str) -> bool:
    """Whether this is an interpreter of that version; a shim that only prints an error is not."""
    program = "import sys; print('%d.%d' % sys.version_info[:2], sys.implementation.name)"
    try:
        done = subprocess.run(
            [python, "-c", program], capture_output=True, text=True, check=False, timeout=20
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and done.stdout.split() == [version, "cpython"]


def interpreter(version: str) -> Path | None:
    """A working CPython of that version: on PATH, or where pyenv and uv keep theirs."""
    homes = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    homes += sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin"))
    homes += sorted(Path.home().glob(f".local/share/uv/python/cpython-{version}.*/bin"))
    for home in homes:
        python = home / f"python{version}"
        if python.exists() and works(python, version):
            return python
    return None


def other_pythons() -> int:
    """Run the fast suite on each other version found; the number of failures."""
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    failed = 0
    for version in VERSIONS:
        python = interpreter(version)
        if version == own or python is None:
            print(f"CPython {version}: {'this one' if version == own else 'not found'}", flush=True)
            continue
        home = ROOT / ".venv" / f"python{version}"
        environment = {**os.environ, "UV_PROJECT_ENVIRONMENT": str(home)}
        uv = ROOT / ".venv" / "bin" / "uv"
        command = [str(uv) if uv.exists() else "uv", "sync", "--quiet", "--frozen", "--python"]
        subprocess.run([*command, str(python)], cwd=ROOT, env=environment, check=True)
        print(f"CPython {version}: {python}", flush=True)
        failed += pytest(home / "bin" / "python", "-m", FAST) != 0
    return failed


def main() -> int:
    marks = [] if os.environ.get("TELEGRAF_OSQUERY_SLOW") == "1" else ["-m", "not slow"]
    failed = pytest(Path(sys.executable), *marks, *sys.argv[1:]) != 0
    if os.environ.get("TELEGRAF_OSQUERY_ALL_PYTHONS") == "1":
        failed += other_pythons()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
