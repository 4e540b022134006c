"""The contract of what a role writes to, and the order of leaving it."""

import os
import select
from collections.abc import Sequence
from typing import Protocol

LINGER = 0.15
"""Telegraf's reader needs a moment between reading the last byte and our exit."""


class Output(Protocol):
    """Where a role writes: whole lines, from several lanes."""

    def write(self, lines: Sequence[bytes]) -> None:
        """Write these lines, each ending in a newline; blocks while the reader is slow.

        Raises:
            BrokenPipeError: nobody reads any more, or waiting was given up.
        """

    def queued(self) -> int:
        """Bytes written that the reader has not taken yet."""

    def drain(self, seconds: float) -> bool:
        """Wait until the reader has everything; False when the time did not suffice."""

    def close(self) -> None:
        """Close for good; may be called twice."""


def write_stderr(line: bytes) -> None:
    """One log line, in one write. A closed stderr is no reason to stop serving metrics."""
    try:
        os.write(2, line)
    except OSError:
        return


def pause(milliseconds: int) -> None:
    """Give the other side a moment."""
    select.select((), (), (), milliseconds / 1000)


def leave(output: Output, seconds: float) -> bool:
    """Before exit: wait until everything was read, close, linger. True when it was read."""
    drained = output.drain(seconds)
    output.close()
    pause(int(LINGER * 1000))
    return drained
