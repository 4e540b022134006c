"""The real Telegraf as judge of both directions."""

import secrets
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from telegraf_osquery.codecs.lineprotocol import encode
from telegraf_osquery.codecs.lineprotocol.decoder import Decoder, decode
from telegraf_osquery.model.batch import Batch
from telegraf_osquery.model.names import ROW_FIELD
from tests.codecs.batches import BASE, Point, batch, points, table
from tests.codecs.hostile import Hostile, Lines
from tests.codecs.through_telegraf import through
from tests.real import points as reader

pytestmark = pytest.mark.real

_UNTIMED = -1


def _check(made: list[Batch], program: Path, folder: Path) -> None:
    """Every row, type and value of the batches comes out of Telegraf again."""
    data = b"".join(encode(one, "keep", unsigned="u").data for one in made)
    passed = through(program, data, folder)
    assert passed.refused == []
    items = decode(passed.data, {"tag"}).items
    assert len(items) == len(made)
    for one, item in zip(made, items, strict=True):
        assert isinstance(item, Batch)
        assert (item.measurement, item.tags) == (one.measurement, one.tags)
        assert item.times() == one.times()
        # repr tells -0.0 from 0.0 and 3.0 from 3.
        assert repr(sorted(table(item).items())) == repr(sorted(table(one).items()))


def test_telegraf_gives_every_hostile_row_back(telegraf_program: Path, tmp_path: Path) -> None:
    """Types and values of 20 000 rows: quotes, line feeds, NUL, Unicode, int64 limits, holes."""
    hostile = Hostile(1)
    _check([hostile.batch(500) for _ in range(40)], telegraf_program, tmp_path)


def test_telegraf_reads_hostile_names_as_the_decoder_does(
    telegraf_program: Path, tmp_path: Path
) -> None:
    """10 000 rows, each with names of its own: no line is lost, none becomes two."""
    hostile = Hostile(3)
    data = b"".join(encode(hostile.named(number), "keep").data for number in range(10_000))
    passed = through(telegraf_program, data, tmp_path)
    found = points(decode(passed.data).items)
    assert passed.refused == []
    assert found == points(decode(data).items)
    assert [when - BASE for _, _, _, when in found] == list(range(10_000))


def test_telegraf_gives_a_text_of_a_mebibyte_back(telegraf_program: Path, tmp_path: Path) -> None:
    """No length of a line is too much for the stream."""
    long = ('"\\\n,= é' * (1 << 20))[: 1 << 20]
    made = batch({"a": ("text", [long, "x"])}, tags=())
    _check([made], telegraf_program, tmp_path)


def test_an_independent_reader_sees_what_the_rows_hold(
    telegraf_program: Path, tmp_path: Path
) -> None:
    """Read back without our decoder: fields by type and value, one point per row."""
    made = Hostile(2).batch(2000)
    passed = through(telegraf_program, encode(made, "keep").data, tmp_path)
    found = list(reader.points(passed.data))
    assert [point.time for point in found] == made.times()
    names = [column.name for column in made.columns]
    for point, row in zip(found, made.rows.tuples(), strict=True):
        cells = {name: cell for name, cell in zip(names, row, strict=True) if cell is not None}
        tag = cells.pop("tag", "")
        exact = point.fields.get("exact_tag", dict(point.tags).get("tag", ""))
        assert exact == tag
        if cells.get("size", 0) >= 2**63:
            assert point.fields["exact_size"] == str(cells["size"])
            cells["size"] = 2**63 - 1
        fields = {key: value for key, value in point.fields.items() if not key.startswith("exact_")}
        assert {key: (type(value), repr(value)) for key, value in fields.items()} == {
            key: (type(value), repr(value)) for key, value in cells.items()
        }


@pytest.mark.parametrize("seed", range(3))
def test_telegraf_and_the_decoder_take_and_refuse_the_same(
    seed: int, telegraf_program: Path, tmp_path: Path
) -> None:
    """20 000 lines, half of them damaged: the same metrics in the same order, as many refused."""
    data = Lines(seed).data(20_000)
    started = time.time_ns()
    passed = through(telegraf_program, data, tmp_path)
    ended = time.time_ns()
    decoder = Decoder(default_time=_UNTIMED)
    ours = points(decoder.feed(data, last=True))
    theirs = list(_untimed(points(decode(passed.data).items), started, ended))
    assert len(ours) > 5000
    assert decoder.bad_count > 2000
    assert theirs == ours
    assert len(passed.refused) == decoder.bad_count


def _untimed(found: list[Point], started: int, ended: int) -> Iterator[Point]:
    for name, tags, fields, when in found:
        yield name, tags, fields, _UNTIMED if started <= when <= ended else when


@pytest.mark.slow
def test_a_million_random_rows(telegraf_program: Path, tmp_path: Path) -> None:
    """Half with a fixed seed, half with a fresh one, in pieces of 50 000."""
    fresh = secrets.randbelow(1 << 32)
    started = time.monotonic()
    for seed in (4, fresh):
        print(f"seed {seed}")  # noqa: T201 - shown when it fails
        hostile = Hostile(seed)
        for _ in range(10):
            _check([hostile.batch(500) for _ in range(100)], telegraf_program, tmp_path)
    print(f"1 000 000 rows in {time.monotonic() - started:.0f} s")  # noqa: T201 - for who asks


def test_rows_without_fields_are_metrics_too(telegraf_program: Path, tmp_path: Path) -> None:
    """Telegraf drops a metric without fields in silence; the row's offset keeps it alive."""
    made = batch({"tag": ("text", ["a", "b"]), "x": ("integer", [None, None])}, tags=["tag"])
    passed = through(telegraf_program, encode(made).data, tmp_path)
    found = [(point.fields, point.time - BASE) for point in reader.points(passed.data)]
    assert found == [({ROW_FIELD: 0}, 0), ({ROW_FIELD: 1}, 1)]
