"""``run``: one SQL question to this host."""

import sys

from telegraf_osquery.cli import ask
from telegraf_osquery.cli.formats import FORMATS
from telegraf_osquery.cli.options import PLAIN, Asked
from telegraf_osquery.errors import ConfigError, QueryRefused

SQL_MAX = 1 << 20


def run(sql: str = "-", /, *, asked: Asked = PLAIN, pack: str = "adhoc", query: str = "run") -> int:
    """Ask this host one SQL question.

    Exit codes: 0 the whole answer, also when it has no rows or --limit cut it; 1 the query was
    refused, failed or was cut short; 2 wrong options; 75 the engine cannot be reached.

    Args:
        sql: One SELECT in osquery's dialect; - or nothing reads it from standard input.
        asked: How to ask and print.
        pack: Name for --format influx: the tag osquery_pack and part of the measurement.
        query: Name for --format influx: the tag osquery_query and part of the measurement.
    """
    text = _standard_input() if sql == "-" else sql
    with ask.opened(asked.engine, asked.limit) as asking:
        answered = asking.run(text, asked.timeout)
        FORMATS[asked.format](answered, asking.envelope(pack, query), sys.stdout)
        return ask.ended(answered, "", limit=asked.limit)


def _standard_input() -> str:
    if sys.stdin.isatty():
        raise ConfigError("run: no SQL; expected one SELECT, or one on standard input")
    data = sys.stdin.buffer.read(SQL_MAX + 1)
    if len(data) > SQL_MAX:
        raise QueryRefused(f"standard input: more than {SQL_MAX} bytes; expected one SELECT")
    return data.decode("utf-8", "replace")
