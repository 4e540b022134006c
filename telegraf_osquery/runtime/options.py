"""Command lines of the roles that Telegraf or an init system starts."""

import argparse
from typing import NoReturn

from telegraf_osquery.errors import ConfigError


class Options(argparse.ArgumentParser):
    """A parser whose refusal is one line of the log: Telegraf takes every line for an error."""

    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{self.prog}: {message}; see {self.prog} --help")
