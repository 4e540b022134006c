"""Puts a collecting process together: packs, plan, engine per lane, state file, own metrics."""

import os
import sys
from collections.abc import Callable, Sequence

from telegraf_osquery.clock import Clock
from telegraf_osquery.engines.choose import Choice, choose
from telegraf_osquery.engines.guard import Guard, Limits
from telegraf_osquery.model.batch import Batch
from telegraf_osquery.model.column import Column
from telegraf_osquery.model.names import SELF_MEASUREMENT
from telegraf_osquery.model.rows import Rows
from telegraf_osquery.model.run import Item, RunEnd
from telegraf_osquery.packs.library import Library
from telegraf_osquery.packs.pack import Finding
from telegraf_osquery.packs.select import Host
from telegraf_osquery.runtime.emit import Emitter
from telegraf_osquery.runtime.lanes import Lane
from telegraf_osquery.runtime.settings import CollectSettings
from telegraf_osquery.schema import tables as schema_tables
from telegraf_osquery.schema.analyze import Analyzer
from telegraf_osquery.sources.decorators import Decorations
from telegraf_osquery.sources.plan import Plan
from telegraf_osquery.sources.schedule import ScheduleSettings, ScheduleSource
from telegraf_osquery.sources.selection import Selection
from telegraf_osquery.store.state import Store
from telegraf_osquery.telemetry.counters import Counters
from telegraf_osquery.telemetry.health import health
from telegraf_osquery.telemetry.log import Log

PLATFORMS = {"linux": "linux", "darwin": "darwin", "win32": "windows", "freebsd": "freebsd"}
