"""Command lines of the roles that Telegraf or an init system starts."""

import argparse
from typing import NoReturn

from telegraf_osquery.errors import ConfigError


class _Help(argparse.HelpFormatter):
    """Help of a fixed width: to measure the terminal, argparse would load shutil for each start."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=96)


class Options(argparse.ArgumentParser):
    """A parser whose refusal is one line of the log: Telegraf takes every line for an error."""

    def __init__(self, *, prog: str, description: str) -> None:
        super().__init__(prog=prog, description=description, formatter_class=_Help)

    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{self.prog}: {message}; see {self.prog} --help")
