"""Settings of the collecting roles: `execd input` and `collect`."""

from typing import Annotated, Literal

from msgspec import Meta

from telegraf_osquery.config.settings import Settings
from telegraf_osquery.config.units import Duration
from telegraf_osquery.engines.choose import ANYWHERE, Places
from telegraf_osquery.packs.pack import Budget
from telegraf_osquery.telemetry.log import Level

DAY = Duration(86400)


class CollectSettings(Settings, frozen=True, kw_only=True):
    """What to collect, how often, and how to write it."""

    packs: Annotated[
        tuple[str, ...],
        Meta(
            description="Pack files, osquery configurations, folders of them, or names of starter "
            "packs (inventory, network, users). Changed files are picked up while running."
        ),
    ] = ("inventory", "network", "users")
    engine: Annotated[
        Literal["auto", "embedded", "process", "socket"],
        Meta(description="What answers the SQL. auto decides once, at start."),
    ] = "auto"
    osquery: Annotated[Places, Meta(description="Where osquery is found.")] = ANYWHERE
    host: Annotated[
        str, Meta(description="The tag host of every point; empty: the host's own name.")
    ] = ""
    name: Annotated[
        str,
        Meta(
            pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$",
            description="Tells the state files of several collectors on one host apart.",
        ),
    ] = "default"
    state_dir: Annotated[
        str,
        Meta(
            description="Folder of the state file; empty: $STATE_DIRECTORY, else "
            "/var/lib/telegraf-osquery, else the user's state folder."
        ),
    ] = ""
    throw_away: Annotated[
        bool,
        Meta(
            description="A trial: every query runs at once and nothing is remembered. Known by "
            "itself where Telegraf was started with --test."
        ),
    ] = False
    trigger: Annotated[
        Literal["auto", "clock", "tick"],
        Meta(
            description="clock: each query runs in its own interval. tick: a newline or signal "
            "from Telegraf runs what is due. auto: clock until the first tick comes."
        ),
    ] = "auto"
    format: Annotated[
        Literal["influx", "json"],
        Meta(description="Line protocol, or one JSON document per line."),
    ] = "influx"
    newline: Annotated[
        Literal["escape", "keep", "space"],
        Meta(
            description="Line feeds in text: escape writes a backslash and an n, space a blank, "
            "keep the byte itself (exact, but only Telegraf's execd input reads it)."
        ),
    ] = "escape"
    unsigned: Annotated[
        Literal["i", "u"],
        Meta(
            description="Suffix of unsigned 64-bit columns. i is taken everywhere, cut at 2^63-1."
        ),
    ] = "i"
    decorations: Annotated[
        Literal["fields", "tags"],
        Meta(description="How the values of decorator queries are written."),
    ] = "fields"
    rows_per_second: Annotated[
        int,
        Meta(
            ge=0,
            description="Pace of writing, so that a burst does not overflow Telegraf's "
            "metric_buffer_limit; 0: no limit.",
        ),
    ] = 2000
    lanes: Annotated[
        int,
        Meta(
            ge=1,
            le=16,
            description="Queries at work at the same time, at most. A second lane starts only when "
            "a due query would have to wait.",
        ),
    ] = 3
    timeout: Annotated[
        Duration,
        Meta(
            description="Work a query may take before it is cut; waiting for the reader does not "
            "count.",
            extra={"min": 0.1},
        ),
    ] = Duration(60)
    budget: Annotated[
        Budget,
        Meta(
            description="Cost of one run, past which its query goes to the denylist; a pack may "
            "give a query its own."
        ),
    ] = Budget(cpu_ms=20_000, wall_ms=120_000)
    denylist_for: Annotated[
        Duration, Meta(description="How long a query stays on the denylist.", extra={"min": 1})
    ] = DAY
    max_rows: Annotated[int, Meta(ge=0, description="Rows of one run, at most; 0: no limit.")] = 0
    refresh: Annotated[
        Duration, Meta(description="How often pack files are looked at.", extra={"min": 1})
    ] = Duration(10)
    self_interval: Annotated[
        Duration,
        Meta(description="How often the process reports on itself.", extra={"min": 1}),
    ] = Duration(60)
    log_level: Annotated[Level, Meta(description="What is written to stderr.")] = "info"
