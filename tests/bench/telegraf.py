"""What Telegraf itself spends on rows: on ours, and on osquery's JSON without us.

CPU time of the Telegraf process alone (its children do not count), less what a run with one row
takes. Everything goes to /dev/null, so that taking the rows in is what is measured.
"""

import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from telegraf_osquery.codecs.json_rows import Reader
from tests.bench import ours
from tests.bench.measure import Result, Setup, Task
from tests.bench.rows import INTEGERS, Generator, document

_FILE_ROWS = 5_000
_TICKS = os.sysconf("SC_CLK_TCK")
_AGENT = """
[agent]
  interval = "10s"
  metric_batch_size = 5000
  metric_buffer_limit = 2000000
  omit_hostname = true
  skip_processors_after_aggregators = true
[[outputs.file]]
  files = ["/dev/null"]
  data_format = "influx"
"""
# The child keeps its output open until Telegraf closes its input, and a little longer.
_EXECD = """
[[inputs.execd]]
  command = ["sh", "-c", "cat \\"$0\\"; cat >/dev/null; sleep 0.3", {source}]
  signal = "none"
  data_format = "influx"
"""
_JSON_V2 = """
[[inputs.file]]
  files = {files}
  data_format = "json_v2"
  [[inputs.file.json_v2]]
    measurement_name = "processes"
    [[inputs.file.json_v2.object]]
      path = "@this"
      disable_prepend_keys = true
      [inputs.file.json_v2.object.fields]
"""
_CONVERTER = """
[[inputs.file]]
  files = {files}
  data_format = "json"
  json_string_fields = ["*"]
  name_override = "processes"
[[processors.converter]]
  [processors.converter.fields]
    integer = {integers}
"""


def tasks(setup: Setup, program: Path, folder: Path) -> dict[str, Task]:
    """``execd`` (our output), ``json_v2`` and ``converter`` (osquery's JSON, typed by Telegraf)."""
    rows = list(Generator(setup.seed).rows(setup.rows))
    lines = folder / "rows.influx"
    lines.write_bytes(b"".join(ours.from_json(Reader(), document(rows))))
    one = folder / "one.influx"
    one.write_bytes(b"m a=1i 1\n")
    # Empty numbers would cost json_v2 the rest of the row and the converter an error line each:
    # the rivals get rows without.
    whole = [{**row, **{name: row[name] or "0" for name in INTEGERS}} for row in rows]
    files = _documents(whole, folder / "rows")
    first = _documents(whole[:1], folder / "one")
    pairs = {
        "execd": (_execd(lines), _execd(one)),
        "json_v2": (_json_v2(files), _json_v2(first)),
        "converter": (_converter(files), _converter(first)),
    }
    return {
        name: _task(program, folder / f"{name}.conf", pair, setup.rows)
        for name, pair in pairs.items()
    }


def results(found: dict[str, float]) -> Iterator[Result]:
    """What ``tasks`` are good for, with the ``json`` of our own."""
    own, taken = found["json"], found["execd"]
    yield Result(
        "JSON to line protocol",
        "Telegraf taking it in (inputs.execd)",
        own,
        taken,
        own / taken,
        "<= 0.42",
        note="the aim is a third",
    )
    for name, rival, target in (
        ("json_v2", "Telegraf's json_v2, same types", ">= 3.5"),
        ("converter", "Telegraf's json + processors.converter, same types", ">= 1.6"),
    ):
        together = own + taken
        yield Result(
            "JSON to typed metrics, Telegraf's share included",
            rival,
            together,
            found[name],
            found[name] / together,
            target,
            note="how many times more the rival needs; it gets rows without empty numbers",
        )


def _documents(rows: Sequence[dict[str, str]], stem: Path) -> list[str]:
    """Files of a size that answers have."""
    names = []
    for start in range(0, len(rows), _FILE_ROWS):
        name = stem.with_suffix(f".{start}.json")
        name.write_bytes(document(rows[start : start + _FILE_ROWS]))
        names.append(str(name))
    return names


def _execd(source: Path) -> str:
    return _EXECD.format(source=json.dumps(str(source)))


def _json_v2(files: list[str]) -> str:
    types = "".join(f'        {name} = "int"\n' for name in INTEGERS)
    return _JSON_V2.format(files=json.dumps(files)) + types


def _converter(files: list[str]) -> str:
    return _CONVERTER.format(files=json.dumps(files), integers=json.dumps(INTEGERS))


def _task(program: Path, config: Path, pair: tuple[str, str], rows: int) -> Task:
    def run() -> float:
        loaded, idle = (_cpu(program, config, text) for text in pair)
        return (loaded - idle) / rows * 1e6

    return run


def _cpu(program: Path, config: Path, text: str) -> float:
    """CPU seconds of one ``--once``."""
    config.write_text(_AGENT + text)
    log = config.with_suffix(".log")
    command = [str(program), "--strict-env-handling", "--config", str(config), "--once"]
    with log.open("wb") as errors:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors)
        # The ended process keeps its own times, without its children's, until it is waited for.
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
        if process.wait():
            raise RuntimeError(f"{config}: Telegraf ended with {process.returncode}, see {log}")
    return (int(fields[11]) + int(fields[12])) / _TICKS
