"""``telegraf-osquery execd input``: the program behind Telegraf's ``inputs.execd``."""

import argparse
import itertools
import os
from collections.abc import Callable, Sequence

import msgspec

from telegraf_osquery.engines.choose import EngineChoice, choose
from telegraf_osquery.errors import TelegrafOsqueryError
from telegraf_osquery.runtime.options import Options
from telegraf_osquery.runtime.output import Output, write_stderr
from telegraf_osquery.runtime.serve import Mode, serve, settings_from
from telegraf_osquery.runtime.signals import hold_ticks
from telegraf_osquery.telemetry.instruments import Instruments
from telegraf_osquery.telemetry.log import Log

ROLE = "input"


def parser() -> argparse.ArgumentParser:
    """The options; the reference is made from them."""
    made = Options(
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
    """What ``modes`` finds in the command line of our parent, where it can be read.

    Telegraf tells its children nothing of it; /proc does (proc(5)).
    """
    try:
        with open(f"/proc/{os.getppid()}/cmdline", "rb") as file:
            return modes(file.read(65536).split(b"\0"))
    except OSError:
        return frozenset()


def modes(words: Sequence[bytes]) -> frozenset[str]:
    """``once`` or ``test``, as this command line of Telegraf asks for it.

    ``--test-wait`` is a test too, and ``--once`` goes before both (cmd/telegraf/telegraf.go).
    """
    if b"telegraf" not in os.path.basename(words[0]):
        return frozenset()
    found = set()
    for word, after in itertools.zip_longest(words[1:], words[2:], fillvalue=b""):
        name, given, value = word.partition(b"=")
        if not word.startswith(b"-") or value in {b"false", b"0", b"f", b"F", b"FALSE", b"False"}:
            continue
        option = name.lstrip(b"-").decode("ascii", "replace")
        if option in {"once", "test"}:
            found.add(option)
        elif option == "test-wait" and (value if given else after) != b"0":
            found.add("test")
    return frozenset({"once"} if "once" in found else found)


def main(arguments: Sequence[str], engines: EngineChoice = choose) -> int:
    """Serve Telegraf until stdin ends; the exit code."""
    from telegraf_osquery.runtime.streams import hang_up  # POSIX only

    code = _main(arguments, engines)
    hang_up()
    return code


def _main(arguments: Sequence[str], engines: EngineChoice) -> int:
    from telegraf_osquery.runtime import streams

    hold_ticks()
    try:
        given = parser().parse_args(arguments)
        settings = settings_from(given.config)
    except TelegrafOsqueryError as error:
        Log(write_stderr).error("%s", error)
        return error.exit_code
    if given.state_dir:
        settings = msgspec.structs.replace(settings, state_dir=given.state_dir)
    stdout, stdin = streams.private_stdout(), streams.private_stdin()
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
