"""A batch as the whole lines that a role writes."""

from collections.abc import Sequence
from typing import Literal

from telegraf_osquery.codecs.lineprotocol import Encoded, encode
from telegraf_osquery.codecs.lineprotocol.cells import Newline
from telegraf_osquery.codecs.lineprotocol.encoder import Unsigned
from telegraf_osquery.model.batch import Batch
from telegraf_osquery.runtime.emit import Encode
from telegraf_osquery.telemetry.counters import Counters

Format = Literal["influx", "json"]


def encoder(format_: Format, newline: Newline, unsigned: Unsigned, counters: Counters) -> Encode:
    """The function that makes lines of a batch; what it could not write is counted."""

    def influx(batch: Batch) -> Sequence[bytes]:
        done = encode(batch, newline, unsigned=unsigned)
        _count(done, counters)
        if newline == "keep":
            from telegraf_osquery.codecs.lineprotocol.decoder import split_lines

            return split_lines(done.data)[0]
        return [line + b"\n" for line in done.data.split(b"\n")[:-1]]

    def json(batch: Batch) -> Sequence[bytes]:
        from telegraf_osquery.codecs import json_lines

        return [line + b"\n" for line in json_lines.encode(batch).split(b"\n")[:-1]]

    return influx if format_ == "influx" else json


def _count(done: Encoded, counters: Counters) -> None:
    if done.exact:
        counters.add("values_changed", done.exact)
    if done.left_out:
        counters.add("values_dropped", done.left_out, "not_finite")
