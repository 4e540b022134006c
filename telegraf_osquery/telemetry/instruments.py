"""What a part of a running process reads and reports with."""

from telegraf_osquery.clock import Clock
from telegraf_osquery.telemetry.counters import Counters
from telegraf_osquery.telemetry.log import Log


class Instruments:
    """Clock, log and counters of one process; handed down together."""

    __slots__ = ("clock", "counters", "log")

    def __init__(self, clock: Clock, log: Log, counters: Counters) -> None:
        self.clock = clock
        self.log = log
        self.counters = counters
