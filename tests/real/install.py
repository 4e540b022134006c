"""Install real servers for the tests: `python -m tests.real.install telegraf …`.

Each goes into a versioned folder outside the checkout, once:
``~/.cache/telegraf-osquery/servers/<name>-<version>/`` (or below $TELEGRAF_OSQUERY_SERVERS).
Go programs are built by Go's own client from the module proxy.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

TELEGRAF = "1.39.3"

_PLUGINS = (
    "inputs.execd",
    "inputs.exec",
    "inputs.socket_listener",
    "inputs.http_listener_v2",
    "inputs.kafka_consumer",
    "inputs.tail",
    "inputs.internal",
    "inputs.file",
    "inputs.mock",
    "processors.execd",
    "processors.rename",
    "processors.converter",
    "outputs.execd",
    "outputs.exec",
    "outputs.file",
    "outputs.discard",
    "outputs.http",
    "outputs.kafka",
    "outputs.loki",
    "outputs.influxdb",
    "outputs.influxdb_v2",
    "outputs.prometheus_client",
    "outputs.syslog",
    "parsers.influx",
    "parsers.json",
    "parsers.json_v2",
    "parsers.value",
    "serializers.influx",
    "serializers.json",
    "serializers.template",
)


def servers() -> Path:
    """The folder that holds one folder per server and version."""
    given = os.environ.get("TELEGRAF_OSQUERY_SERVERS")
    return Path(given) if given else Path.home() / ".cache" / "telegraf-osquery" / "servers"


def telegraf() -> Path:
    """Telegraf with the plugins the tests use; its build tags name each one."""
    folder = servers() / f"telegraf-{TELEGRAF}"
    program = folder / "telegraf"
    if program.exists():
        return program
    if shutil.which("go") is None:
        sys.exit(
            "telegraf: no Go on PATH; install Go 1.26 or newer, or put a telegraf there yourself"
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    version = f"-X github.com/influxdata/telegraf/internal.Version={TELEGRAF}"
    with tempfile.TemporaryDirectory(dir=folder.parent) as build:
        subprocess.run(
            [
                *("go", "install", "-trimpath", "-tags", ",".join(["custom", *_PLUGINS])),
                *("-ldflags", f"-s -w {version}"),
                f"github.com/influxdata/telegraf/cmd/telegraf@v{TELEGRAF}",
            ],
            env={**os.environ, "CGO_ENABLED": "0", "GOBIN": build},
            check=True,
        )
        folder.mkdir(exist_ok=True)
        # A rename within one file system: an interrupted build leaves nothing that looks complete.
        (Path(build) / "telegraf").replace(program)
    return program


INSTALL = {"telegraf": telegraf}

if __name__ == "__main__":
    for name in sys.argv[1:] or INSTALL:
        print(f"{name}: {INSTALL[name]()}", flush=True)
