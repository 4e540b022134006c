"""What ``execd input`` and ``collect`` share: settings, ownership of the state file, the run."""

import os
import select
import sys
import threading
from collections.abc import Callable

import msgspec

from telegraf_osquery.clock import SystemClock
from telegraf_osquery.engines.choose import EngineChoice, choose
from telegraf_osquery.errors import StoreBusy, TelegrafOsqueryError
from telegraf_osquery.model.batch import ROWS_MAX
from telegraf_osquery.runtime.collecting import Collecting
from telegraf_osquery.runtime.emit import Emitter
from telegraf_osquery.runtime.formats import encoder
from telegraf_osquery.runtime.output import Output, write_stderr
from telegraf_osquery.runtime.pacer import Pacer
from telegraf_osquery.runtime.settings import CollectSettings
from telegraf_osquery.runtime.signals import Signals
from telegraf_osquery.runtime.supervise import Ears, Limits, Supervisor
from telegraf_osquery.store.open import throw_away, try_open
from telegraf_osquery.store.place import state_dir, state_path
from telegraf_osquery.store.state import State
from telegraf_osquery.telemetry.counters import Counters
from telegraf_osquery.telemetry.instruments import Instruments
from telegraf_osquery.telemetry.log import Log, fold

SETTINGS_FILE = "/etc/telegraf-osquery/input.toml"
"""Read when no --config is given and it is there."""
OWNER_WAIT = 15.0
"""A Telegraf that reloads starts the new child before the old one has left."""
HANG_GRACE = 10.0
"""Seconds past a query's timeout before its lane counts as hung."""
_RETRY_MS = 250


class Mode(msgspec.Struct, frozen=True):
    """How this process was asked to run.

    Attributes:
        role: first part of the state file's name.
        once: leave after the first round.
        all_due: every query runs at once, whenever it ran last.
        trial: a throw-away copy of the state, and all due.
        stdin: descriptor whose end means stop, -1 for none.
        service: started by an init system: Ctrl-C stops, SIGHUP looks at the packs.
    """

    role: str
    once: bool = False
    all_due: bool = False
    trial: bool = False
    stdin: int = -1
    service: bool = False


def settings_from(path: str) -> CollectSettings:
    """The settings in ``path``, in the usual place, or the defaults.

    Raises:
        ConfigError: the file is missing or wrong.
    """
    if not path and not os.path.exists(SETTINGS_FILE):
        return CollectSettings()
    from telegraf_osquery.config.load import load  # the parsers cost 10 ms that defaults need not

    return load(path or SETTINGS_FILE, CollectSettings)


def fold_crashes(log: Log) -> None:
    """An unforeseen exception becomes one line instead of a traceback over many."""

    def thread(crash: threading.ExceptHookArgs) -> None:
        if crash.exc_value is not None:
            log.error("unforeseen: %s", fold(crash.exc_value))

    def ignored(crash: "sys.UnraisableHookArgs") -> None:
        if crash.exc_value is not None:
            log.error("unforeseen, passed over: %s", fold(crash.exc_value))

    threading.excepthook = thread
    sys.unraisablehook = ignored
    sys.excepthook = lambda _type, error, _trace: log.error("unforeseen: %s", fold(error))


def own_state(
    settings: CollectSettings, mode: Mode, instruments: Instruments, signals: Signals
) -> State:
    """The state file, owned; waits a while for a former owner to leave.

    Raises:
        StoreBusy: it is owned by another process still, or we were told to stop while waiting.
        ConfigError, TryLaterError: it cannot be used.
    """
    folder = state_dir(settings.state_dir, os.environ)
    path = state_path(folder, mode.role, settings.name)
    clock, log = instruments.clock, instruments.log
    if mode.trial:
        return throw_away(path, log)
    ends = clock.monotonic() + OWNER_WAIT
    heard = select.poll()
    heard.register(signals.reader, select.POLLIN)
    if mode.stdin >= 0:
        heard.register(mode.stdin, 0)  # only hang-ups: newlines are the supervisor's
    while True:
        try:
            return try_open(path, log)
        except StoreBusy:
            hung_up = any(fd == mode.stdin for fd, _ in heard.poll(_RETRY_MS))
            told, _ticks = signals.read()
            if told or hung_up or clock.monotonic() > ends:
                raise


class Process:
    """One collecting process: its clock, log and counters, and what they are given to."""

    def __init__(self, settings: CollectSettings, mode: Mode, engines: EngineChoice) -> None:
        self.settings = settings
        self.mode = mode
        self.engines = engines
        log = Log(write_stderr, settings.log_level)
        self.instruments = Instruments(SystemClock(), log, Counters())
        self.late = threading.Event()

    def work(self, state: State) -> Collecting:
        """What is collected; raises what only a person can cure."""
        try:
            return Collecting(
                self.settings,
                state,
                self.instruments,
                trial=self.mode.trial or self.mode.all_due,
                engines=self.engines,
            )
        except TelegrafOsqueryError:
            state.close()
            raise

    def supervisor(self, work: Collecting, output: Output, signals: Signals) -> Supervisor:
        settings = self.settings
        clock, counters = self.instruments.clock, self.instruments.counters
        encode = encoder(settings.format, settings.newline, settings.unsigned, counters)
        emit = Emitter(
            output,
            encode,
            Pacer(settings.rows_per_second, ROWS_MAX, clock),
            self.instruments,
            self.late,
        )
        limits = Limits(
            lanes=settings.lanes,
            hang=settings.timeout + HANG_GRACE,
            refresh=settings.refresh,
            self_interval=settings.self_interval,
            ticks=settings.trigger != "clock" and not self.mode.service,
        )
        ears = Ears(signals, self.mode.stdin, self.mode.once)
        return Supervisor(work, emit, output, limits, self.instruments, ears)


MakeOutput = Callable[[Instruments, Callable[[], bool]], Output]
"""Given the instruments and a question "give up waiting?": where the lines go."""


def serve(
    settings: CollectSettings, mode: Mode, make_output: MakeOutput, engines: EngineChoice = choose
) -> int:
    """Collect until told to stop; the exit code.

    ``engines`` decides what answers the SQL.
    """
    process = Process(settings, mode, engines)
    instruments = process.instruments
    fold_crashes(instruments.log)
    signals = Signals(interruptible=mode.service)
    try:
        state = own_state(settings, mode, instruments, signals)
        work = process.work(state)
    except TelegrafOsqueryError as error:
        instruments.log.error("%s", error)
        signals.close()
        return error.exit_code
    output = make_output(instruments, process.late.is_set)
    return process.supervisor(work, output, signals).run()
