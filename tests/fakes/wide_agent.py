"""`python -m tests.fakes.wide_agent execd input …`: the real program, which knows the table wide.

The doubles of osquery have it: ``WHERE id = '100'`` gives 100 rows of 28 columns. Nothing is
imported here that the program would not: its memory is measured.
"""

import sys

from telegraf_osquery.clock import Clock
from telegraf_osquery.engines import choose as real
from telegraf_osquery.engines.choose import Choice, OwnRows, Places, Warn
from telegraf_osquery.runtime import execd_input
from telegraf_osquery.schema.tables import Schema

LINE = (
    "wide l id:rx pid:B name path cmdline state cwd root uid:B gid:B euid:B egid:B suid:B sgid:B "
    "on_disk:B wired_size:B resident_size:B total_size:B user_time:B system_time:B "
    "disk_bytes_read:B disk_bytes_written:B start_time:B parent:B pgroup:B threads:B nice_class "
    "cgroup_path container\n"
)
"""As the schema's data file writes a table."""


def choose(
    setting: str,
    schema: Schema,
    clock: Clock,
    warn: Warn,
    schedule: OwnRows,
    places: Places,
) -> Choice:
    """The real choice; the schema learns the table."""
    schema._text += LINE
    return real.choose(setting, schema, clock, warn, schedule, places)


if __name__ == "__main__":
    sys.exit(execd_input.main(sys.argv[3:], choose))
