"""`python -m tests.fakes.wide execd input …`: the real program with a table of 28 columns.

``wide`` gives rows of the shape of ``processes``, about 650 bytes each, without importing anything
that the program would not: its memory is measured.
"""

import sys
from collections.abc import Iterator, Sequence
from typing import Any

from telegraf_osquery.clock import Clock
from telegraf_osquery.engines.choose import Choice, OwnRows, Places, Warn
from telegraf_osquery.engines.embedded import Embedded
from telegraf_osquery.engines.embedded_tables.ask import Ask, Table
from telegraf_osquery.runtime import execd_input
from telegraf_osquery.schema.spec import RELEASE
from telegraf_osquery.schema.tables import Schema

TEXTS = ("name", "path", "cmdline", "state", "cwd", "root", "cgroup_path", "container", "note")
NUMBERS = tuple(f"number_{i}" for i in range(28 - len(TEXTS)))
COLUMNS = (*NUMBERS, *TEXTS)
LINE = f"wide l {' '.join(f'{name}:B' for name in NUMBERS)} {' '.join(TEXTS)}\n"


def _wide(_ask: Ask) -> Iterator[Sequence[Any]]:
    seq = 0
    while True:
        name = f"worker-{seq % 97}"
        quoted = (
            f'sh -c "{name} \\"a b\\" C:\\tmp\\{seq}"' if seq % 10 == 0 else f"{name} --n {seq}"
        )
        texts = (
            name,
            f"/usr/sbin/{name}",
            f"{quoted} {'x' * 250}",
            "S",
            "/",
            "/",
            "/a.slice",
            "",
            "",
        )
        yield (seq, *(seq * i + 1 for i in range(1, len(NUMBERS))), *texts)
        seq += 1


def choose(
    _setting: str,
    schema: Schema,
    clock: Clock,
    _warn: Warn,
    _schedule: OwnRows,
    _places: Places,
) -> Choice:
    """Stands in for engines.choose; the schema learns the table."""
    schema._text += LINE
    tables = {"wide": Table(COLUMNS, _wide)}
    return Choice(
        "embedded", "to be measured", RELEASE, lambda: Embedded(schema, clock, "/", tables)
    )


if __name__ == "__main__":
    sys.exit(execd_input.main(sys.argv[3:], choose))
