"""``telegraf-osquery execd input``: the program behind Telegraf's ``inputs.execd``."""

import argparse
import os
from collections.abc import Callable, Sequence

import msgspec

from telegraf_osquery.engines.choose import EngineChoice, choose
from telegraf_osquery.errors import TelegrafOsqueryError
from telegraf_osquery.runtime.output import Output, write_stderr
from telegraf_osquery.runtime.serve import Mode, serve, settings_from
from telegraf_osquery.telemetry.instruments import Instruments
from telegraf_osquery.telemetry.log import Log

ROLE = "input"


def parser() -> argparse.ArgumentParser:
    """The options; the reference is made from them."""
    made = argparse.ArgumentParser(
        prog="telegraf-osquery execd input",
        description="Run osquery packs and write typed points to stdout, for Telegraf's execd "
        "input.",
    )
    made.add_argument("--config", default="", metavar="FILE", help="settings in TOML")
    made.add_argument("--state-dir", default="", metavar="DIR", help="folder of the state file")
    made.add_argument(
        "--once", action="store_true", help="run what is due, then leave (for inputs.exec)"
    )
    return made


def parent_options() -> frozenset[str]:
    """``--test`` and ``--once`` as given to the Telegraf that started us, where it can be read.

    Telegraf tells its children nothing of either; /proc does (proc(5)).
    """
    try:
        with open(f"/proc/{os.getppid()}/cmdline", "rb") as file:
            words = file.read(65536).split(b"\0")
    except OSError:
        return frozenset()
    if b"telegraf" not in os.path.basename(words[0]):
        return frozenset()
    options = {word.decode("ascii", "replace").lstrip("-").partition("=")[0] for word in words[1:]}
    return frozenset(options & {"test", "once"})


def main(arguments: Sequence[str], engines: EngineChoice = choose) -> int:
    """Serve Telegraf until stdin ends; the exit code."""
    from telegraf_osquery.runtime import streams  # POSIX only

    given = parser().parse_args(arguments)
    stdout, stdin = streams.private_stdout(), streams.private_stdin()
    try:
        settings = settings_from(given.config)
    except TelegrafOsqueryError as error:
        Log(write_stderr).error("%s", error)
        return error.exit_code
    if given.state_dir:
        settings = msgspec.structs.replace(settings, state_dir=given.state_dir)
    told = parent_options()
    mode = Mode(
        ROLE,
        once=given.once,
        all_due="once" in told,
        trial=settings.throw_away or "test" in told,
        stdin=-1 if given.once else stdin,
    )

    def make_output(instruments: Instruments, give_up: Callable[[], bool]) -> Output:
        return streams.open_output(stdout, instruments.clock, give_up)

    return serve(settings, mode, make_output, engines)
