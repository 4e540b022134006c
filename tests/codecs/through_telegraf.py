"""Bytes through the real Telegraf's own parser and out again."""

import re
import subprocess
from pathlib import Path
from typing import NamedTuple

# The child holds its output open until Telegraf lets it go, and a little longer: what a child that
# has ended left in the pipe may be lost.
_CHILD = 'cat "$0"; cat >/dev/null; sleep 0.5'
_CONFIG = """
[agent]
  interval = "10s"
  metric_batch_size = 10000
  metric_buffer_limit = 200000
  omit_hostname = true
  skip_processors_after_aggregators = true
[[inputs.execd]]
  command = ["sh", "-c", {child}, {source}]
  signal = "none"
  data_format = "influx"
[[outputs.file]]
  files = [{target}]
  data_format = "influx"
  influx_uint_support = true
"""
_PLACE = re.compile(r"metric parse error: .*? at \d+:\d+: ")


class Passed(NamedTuple):
    """What came out, and one log line per metric that Telegraf refused."""

    data: bytes
    refused: list[str]


def through(program: Path, data: bytes, folder: Path) -> Passed:
    """Feed ``data`` to ``inputs.execd`` and give what ``outputs.file`` wrote."""
    source, target, config = folder / "in.influx", folder / "out.influx", folder / "telegraf.conf"
    source.write_bytes(data)
    target.unlink(missing_ok=True)
    quoted = {
        name: "'" + text + "'" if "'" not in text else repr(text)
        for name, text in (("child", _CHILD), ("source", str(source)), ("target", str(target)))
    }
    config.write_text(_CONFIG.format(**quoted))
    command = [program, "--strict-env-handling", "--config", config, "--once"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    refused = [line for line in done.stderr.splitlines() if _PLACE.search(line)]
    return Passed(target.read_bytes() if target.exists() else b"", refused)
