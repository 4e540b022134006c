"""``telegraf-osquery collect``: the collector as a service of its own, beside Telegraf.

For hosts where Telegraf is not root and the collector is. While the listener is away nothing is
written and nothing is thrown away: the schedule waits, and what was missed is made up for once.
"""

import argparse
import threading
from collections.abc import Callable, Sequence

import msgspec

from telegraf_osquery.engines.choose import EngineChoice, choose
from telegraf_osquery.errors import ConfigError, TelegrafOsqueryError, TryLaterError
from telegraf_osquery.net.lines import LineSocket, parse_address
from telegraf_osquery.runtime.options import Options
from telegraf_osquery.runtime.output import Output, write_stderr
from telegraf_osquery.runtime.serve import Mode, serve, settings_from
from telegraf_osquery.runtime.signals import hold_ticks
from telegraf_osquery.telemetry.instruments import Instruments
from telegraf_osquery.telemetry.log import Log

ROLE = "collect"
BACKOFF = 0.5
BACKOFF_MAX = 15.0
"""Seconds until the next try; twice as long each time, until lines go through again."""
_STEP = 0.05
_DRAIN_STEP = 0.01


class SocketOutput:
    """Lines into a socket that may go away and come back.

    A connection that breaks inside a write loses what the receiver had not read; the lines of that
    write are sent again whole, and a time-series store overwrites the ones it has already.
    """

    def __init__(
        self, line: LineSocket, instruments: Instruments, give_up: Callable[[], bool]
    ) -> None:
        self._line = line
        self._clock = instruments.clock
        self._log = instruments.log
        self._counters = instruments.counters
        self._give_up = give_up
        self._connections = 0
        self._complaints: set[str] = set()
        self._lock = threading.Lock()
        self._pause = threading.Event()

    def write(self, lines: Sequence[bytes]) -> None:
        data = b"".join(lines)
        with self._lock:
            wait = BACKOFF
            while not self._sent(data):
                self._rest(wait)
                wait = min(wait * 2, BACKOFF_MAX)
            for complaint in self._complaints:
                self._log.again(complaint)
            self._complaints.clear()

    def _sent(self, data: bytes) -> bool:
        """Whether all of it went over one connection."""
        try:
            self._connect()
            view = memoryview(data)
            while view:
                view = view[self._line.send(view) :]
                if view and self._give_up():
                    raise BrokenPipeError
        except TryLaterError as error:
            self._complain(str(error))
            return False
        return True

    def _complain(self, reason: str) -> None:
        """Say so once, until lines go through again."""
        self._complaints.add(reason)
        self._log.once(reason, "nobody takes the lines, the schedule waits: %s", reason)

    def _connect(self) -> None:
        if self._line.connected:
            return
        self._line.connect()
        self._log.info("connected to %s", self._line.address)
        self._counters.add("reconnects", 1 if self._connections else 0)
        self._connections += 1

    def _rest(self, seconds: float) -> None:
        ends = self._clock.monotonic() + seconds
        while self._clock.monotonic() < ends:
            if self._give_up():
                raise BrokenPipeError
            self._pause.wait(_STEP)

    def queued(self) -> int:
        return self._line.unread()

    def drain(self, seconds: float) -> bool:
        ends = self._clock.monotonic() + seconds
        while self._line.unread():
            if self._clock.monotonic() > ends:
                return False
            self._pause.wait(_DRAIN_STEP)
        return True

    def close(self) -> None:
        self._line.close()


def parser() -> argparse.ArgumentParser:
    """The options; the reference is made from them."""
    made = Options(
        prog="telegraf-osquery collect",
        description="Run osquery packs as a service and write typed points to Telegraf's socket.",
    )
    made.add_argument(
        "--to", required=True, metavar="ADDRESS", help="unix:///path/to/socket or tcp://host:port"
    )
    made.add_argument("--config", default="", metavar="FILE", help="settings in TOML")
    made.add_argument("--state-dir", default="", metavar="DIR", help="folder of the state file")
    made.add_argument("--once", action="store_true", help="run what is due, then leave")
    return made


def main(arguments: Sequence[str], engines: EngineChoice = choose) -> int:
    """Collect until a signal says stop; the exit code."""
    hold_ticks()
    log = Log(write_stderr)
    try:
        given = parser().parse_args(arguments)
        line = LineSocket(parse_address(given.to))
        settings = settings_from(given.config)
        if settings.newline == "keep":
            raise ConfigError(
                'newline: found "keep"; expected "escape" or "space" with collect: a socket '
                "listener cuts at every line feed"
            )
    except TelegrafOsqueryError as error:
        log.error("%s", error)
        return error.exit_code
    if given.state_dir:
        settings = msgspec.structs.replace(settings, state_dir=given.state_dir)
    mode = Mode(ROLE, once=given.once, service=True)

    def make_output(instruments: Instruments, give_up: Callable[[], bool]) -> Output:
        return SocketOutput(line, instruments, give_up)

    return serve(settings, mode, make_output, engines)
