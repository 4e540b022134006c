"""shell_history: what users typed (osquery/tables/system/posix/shell_history.cpp).

Known are the plain files of bash, zsh and sh, and the sessions of macOS's bash; fish and Python
keep theirs elsewhere and do not show. Lines are rows one by one: blank ones and comments too, a
command over several lines is several rows.
"""

import re
from collections.abc import Iterator
from typing import Any

from telegraf_osquery.engines.embedded_tables.ask import Ask, Table
from telegraf_osquery.engines.embedded_tables.content import clean
from telegraf_osquery.engines.embedded_tables.homes import LACKS, asked
from telegraf_osquery.engines.embedded_tables.walk import listing

_FILES = (
    ".bash_history",
    ".zsh_history",
    ".zhistory",
    ".history",
    ".sh_history",
    ".ash_history",
)
_SESSIONS = ".bash_sessions"
_BASH_TIME = re.compile("#([0-9]+)")
_ZSH = re.compile(": {0,10}([0-9]{1,11}):[0-9]+;([^\r\n]*)")
_DIGITS_MAX = 18


def _shell_history(ask: Ask) -> Iterator[tuple[Any, ...]]:
    for home in asked(ask):
        paths = [f"{home.path}/{name}" for name in _FILES]
        sessions = listing(ask, f"{home.path}/{_SESSIONS}", home.far)
        paths += [path for path in sessions if path.endswith(".history")]
        for path in paths:
            for when, command in commands(ask.lines(path, home.far)):
                yield home.uid, when, command.partition("\0")[0], clean(path)


def commands(lines: Iterator[str]) -> Iterator[tuple[int | None, str]]:
    """Time in seconds (0 where the file has none) and command of each line.

    A line of bash's ``#seconds`` is the time of the next line, whatever that is, even a second
    time. zsh writes ``: seconds:duration;command``.
    """
    stamp = ""
    for line in lines:
        bash, zsh = _BASH_TIME.fullmatch(line), _ZSH.fullmatch(line)
        if stamp:
            yield _seconds(stamp), line
            stamp = ""
        elif bash:
            stamp = bash[1]
        elif zsh:
            yield int(zsh[1]), zsh[2]
        else:
            yield 0, line


def _seconds(digits: str) -> int | None:
    return int(digits) if len(digits) <= _DIGITS_MAX else None


TABLES = {
    "shell_history": Table(("uid", "time", "command", "history_file"), _shell_history, lacks=LACKS)
}
