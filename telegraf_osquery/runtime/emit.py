"""From a batch to bytes in the output: format, pace, write."""

import queue
import threading
from collections.abc import Callable, Sequence
from typing import Literal

from telegraf_osquery.errors import CodecError
from telegraf_osquery.model.batch import Batch
from telegraf_osquery.model.run import Item, RunEnd, as_batch
from telegraf_osquery.runtime.output import Output
from telegraf_osquery.runtime.pacer import Pacer
from telegraf_osquery.telemetry.instruments import Instruments

Format = Literal["influx", "json"]
Encode = Callable[[Batch], Sequence[bytes]]
"""A batch as whole lines, each ending in a newline."""


class Emitter:
    """Writes what the lanes bring; shared by all of them."""

    def __init__(
        self,
        output: Output,
        encode: Encode,
        pacer: Pacer,
        instruments: Instruments,
        late: threading.Event,
    ) -> None:
        self._output = output
        self._encode = encode
        self._pacer = pacer
        self._clock = instruments.clock
        self._counters = instruments.counters
        self._log = instruments.log
        self._peak = 0
        self.hurry = threading.Event()
        """Set when stopping: pacing ends at once."""
        self.late = late
        """Set when the time to finish is over: what waits for the reader is given up."""
        self.gone = threading.Event()
        """Set when nobody reads any more."""

    def __call__(self, item: Item) -> None:
        """Write one item; returns when the reader's pipe has it.

        Raises:
            BrokenPipeError: nobody reads any more.
        """
        batch = as_batch(item) if isinstance(item, RunEnd) else item
        try:
            lines = self._encode(batch)
        except CodecError as error:
            self._counters.add("rows_dropped", len(batch.rows), "codec")
            self._log.once(batch.measurement, "rows left out: %s", error)
            return
        self._pace(len(lines))
        started = self._clock.monotonic()
        try:
            self._output.write(lines)
        except BrokenPipeError:
            self._counters.add("rows_dropped", len(lines), "write")
            self.gone.set()
            raise
        self._counters.add("blocked_ms", round((self._clock.monotonic() - started) * 1000))
        self._note_queue(self._output.queued())
        self._counters.add("rows", len(lines))
        self._counters.add("bytes", sum(map(len, lines)))

    def _note_queue(self, size: int) -> None:
        self._counters.set("queue", size)
        if size > self._peak:
            self._peak = size
            self._counters.set("queue_peak", size)

    def _pace(self, rows: int) -> None:
        seconds = self._pacer.book(rows)
        if seconds > 0 and not self.hurry.is_set():
            self._counters.add("paced_ms", round(seconds * 1000))
            self.hurry.wait(seconds)


class Reporter:
    """Writes the supervisor's own points from a thread of its own.

    The supervisor must hear EOF and signals also while the pipe is full, so it never writes.
    """

    def __init__(self, emit: Callable[[Item], None]) -> None:
        self._emit = emit
        self._items: queue.SimpleQueue[Item | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="reporter", daemon=True)
        self._thread.start()

    def put(self, item: Item) -> None:
        """Write this item when its turn comes."""
        self._items.put(item)

    def waiting(self) -> bool:
        """Whether an earlier item has not been taken up yet."""
        return not self._items.empty()

    def close(self, seconds: float) -> bool:
        """Write what waits, for so long at most; True when all was written."""
        self._items.put(None)
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (item := self._items.get()) is not None:
            try:
                self._emit(item)
            except BrokenPipeError:
                return
