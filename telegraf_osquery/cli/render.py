"""Text for a terminal: tables, styled words, cells that cannot steer the terminal.

Colours and the terminal's width are used only where the output is a terminal; the environment
variables NO_COLOR and COLUMNS are honoured. A file or pipe gets every cell in full.
"""

import sys
from collections.abc import Iterable, Sequence
from typing import IO, Any

import msgspec

UNBOUNDED = 1 << 16
"""Width of a table that goes to a file."""


def _visible() -> dict[int, str]:
    """Control characters, and those that turn or hide text (CVE-2021-42574), as escapes."""
    turning = [0x61C, *range(0x200B, 0x2010), *range(0x2028, 0x202F), *range(0x2066, 0x206A)]
    table = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))}
    table |= {code: f"\\u{code:04x}" for code in (*turning, 0xFEFF)}
    return table | {9: "\\t", 10: "\\n", 13: "\\r"}


VISIBLE = _visible()


def cell(value: Any) -> str:
    """A value on one line, harmless to a terminal; absent is empty."""
    return "" if value is None else str(value).translate(VISIBLE)


def warn(message: str) -> None:
    """A line on stderr, so that stdout stays data."""
    sys.stderr.write(f"telegraf-osquery: {cell(message)}\n")


def json(value: Any, out: IO[str]) -> None:
    """A document for programs, indented."""
    out.write(msgspec.json.format(msgspec.json.encode(value)).decode() + "\n")


def table(
    names: Sequence[str],
    rows: Iterable[Sequence[Any]],
    out: IO[str],
    *,
    right: Sequence[int] = (),
    styles: dict[str, str] | None = None,
) -> None:
    """Print a table; ``right`` are the columns set flush right.

    ``styles`` maps the text of a cell to a style of rich.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    looks = styles or {}
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for index, name in enumerate(names):
        column = Text(cell(name), justify="right" if index in right else "left")
        shown.add_column(column, justify=column.justify or "left", overflow="fold")
    for row in rows:
        shown.add_row(*(Text(text, looks.get(text, "")) for text in map(cell, row)))
    _print(shown, out)


def heading(text: str, out: IO[str]) -> None:
    """A line that opens a section."""
    from rich.text import Text

    _print(Text(cell(text), "bold"), out)


def dim(text: str, out: IO[str]) -> None:
    """Lines that may be passed over; line feeds stay."""
    from rich.text import Text

    _print(Text("\n".join(map(cell, text.split("\n"))), "dim"), out)


def _print(shown: Any, out: IO[str]) -> None:
    from rich.console import Console

    width = None if out.isatty() else UNBOUNDED
    console = Console(file=out, width=width, highlight=False, emoji=False, markup=False)
    with console.capture() as held:
        console.print(shown)
    # Rich fills the last column with blanks.
    out.write("".join(f"{line.rstrip()}\n" for line in held.get().splitlines()))
