"""The recipes of docs/how-to/privileges.md, tried: capabilities and the rights of the socket.

They need root, to give it up. The collector runs as the user nobody (65534).
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from docs import generate
from telegraf_osquery.engines.embedded_tables import MODULES

NOBODY = 65534
RECIPE = Path(generate.ROOT, "how-to/privileges.md").read_text()
CAPABILITIES = re.findall(r"^AmbientCapabilities=(.*)$", RECIPE, re.MULTILINE)[0].split()

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0 or not shutil.which("setpriv"),
    reason="needs Linux, root and setpriv",
)


def as_nobody(*words: str) -> "subprocess.CompletedProcess[str]":
    """The program as nobody with the capabilities of the recipe, as systemd gives them."""
    names = ",".join(f"+{name.removeprefix('CAP_').lower()}" for name in CAPABILITIES)
    who = [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    rights = [f"--inh-caps={names}", f"--ambient-caps={names}"]
    return subprocess.run(
        ["setpriv", *who, *rights, sys.executable, "-m", "telegraf_osquery", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "HOME": "/nonexistent", "PYTHONDONTWRITEBYTECODE": "1"},
    )


def test_with_the_two_capabilities_other_users_processes_are_whole() -> None:
    """The folder of this process, which belongs to root, is seen by nobody."""
    sql = f"SELECT uid, cwd, root FROM processes WHERE pid = {os.getpid()}"
    done = as_nobody("run", sql, "--format", "json")
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)
    assert (row["uid"], row["cwd"], row["root"]) == (0, os.getcwd(), "/")


def test_with_the_two_capabilities_closed_files_are_read() -> None:
    """The digest of /etc/shadow is the recipe's second promise."""
    sql = "SELECT length(sha256) AS n FROM hash WHERE path = '/etc/shadow'"
    done = as_nobody("run", sql, "--format", "csv")
    assert done.stdout == "n\n64\n", done.stderr


class Listener:
    """A socket like Telegraf's, owned by ``owner`` with mode 0660; keeps what it reads."""

    def __init__(self, path: Path, owner: int) -> None:
        self.lines: list[bytes] = []
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(path))
        os.chown(path, owner, owner)
        path.chmod(0o660)
        self._server.listen()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        try:
            connection, _ = self._server.accept()
        except OSError:
            return
        with connection, connection.makefile("rb") as stream:
            self.lines = list(stream)

    def close(self) -> list[bytes]:
        self._server.shutdown(socket.SHUT_RDWR)
        self._thread.join(20)
        self._server.close()
        return self.lines


def test_root_writes_into_the_socket_of_another_user(tmp_path: Path) -> None:
    """``collect`` as root, the listener as Telegraf's user: every run arrives with its end."""
    path = tmp_path / "telegraf.sock"
    listener = Listener(path, NOBODY)
    options = ["--to", f"unix://{path}", "--once", "--state-dir", str(tmp_path / "state")]
    done = subprocess.run(
        [sys.executable, "-m", "telegraf_osquery", "collect", *options],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    lines = listener.close()
    assert done.returncode == 0, done.stderr
    assert sum(line.startswith(b"osquery_run,") for line in lines) >= 15
    assert all(line.endswith(b"\n") for line in lines)


def test_every_limited_table_is_listed() -> None:
    """The page names what the engine says of itself."""
    from docs.tables_page import held

    for name in MODULES:
        assert (f"[`{name}`]" in RECIPE) == bool(held(name).lacks)


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")
def test_the_unit_file_is_one(tmp_path: Path) -> None:
    """The unit has no fault, once its program is one that is installed here."""
    (unit,) = re.findall(r"```ini\n(\[Unit\].*?)```", RECIPE, re.DOTALL)
    path = tmp_path / "telegraf-osquery.service"
    path.write_text(unit.replace("/opt/telegraf-osquery/bin/telegraf-osquery", "/bin/true"))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    said = [line for line in done.stderr.splitlines() if "telegraf-osquery.service" in line]
    assert said == []
