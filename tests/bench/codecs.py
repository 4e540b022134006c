"""The data plane alone: rows to bytes."""

from collections.abc import Iterator

from telegraf_osquery.codecs import json_rows
from telegraf_osquery.codecs.json_rows import PIECE
from tests.bench import ours
from tests.bench.measure import Result, Setup, Task, cpu_per_row, medians
from tests.bench.rows import Generator, document

_SIZES = (100, 1_000, 10_000, 100_000, 1_000_000)
_PATTERN = 10_000


def tasks(setup: Setup) -> dict[str, Task]:
    """``loads``, ``json`` and ``native`` over the same rows."""
    rows = list(Generator(setup.seed).rows(setup.rows))
    answer = document(rows)
    pieces = [document(rows[at : at + PIECE]) for at in range(0, len(rows), PIECE)]
    chunks = [ours.native(rows[at : at + PIECE]) for at in range(0, len(rows), PIECE)]
    reader = json_rows.Reader()
    return {
        "loads": cpu_per_row(lambda: ours.loads(pieces), setup.rows),
        "json": cpu_per_row(lambda: ours.consume(ours.from_json(reader, answer)), setup.rows),
        "native": cpu_per_row(lambda: ours.consume(ours.from_chunks(iter(chunks))), setup.rows),
    }


def results(found: dict[str, float]) -> Iterator[Result]:
    """What ``tasks`` are good for."""
    yield Result(
        "JSON to line protocol",
        "bare orjson.loads of the same rows",
        found["json"],
        found["loads"],
        found["json"] / found["loads"],
        "<= 3.6",
        note="slice, decode, transpose, type, encode; the aim is 3.2",
    )
    yield Result(
        "native rows to line protocol",
        "JSON to line protocol",
        found["native"],
        found["json"],
        found["native"] / found["json"],
        "<= 1.0",
        note="what the embedded engine's rows cost: no JSON at all",
    )


def flatness(setup: Setup, largest: int) -> Iterator[Result]:
    """The cost of a row in answers of 100 rows up to ``largest``, against answers of 10 000."""
    lines = document(list(Generator(setup.seed).rows(min(_PATTERN, largest))))
    body = lines.removeprefix(b"[\n").removesuffix(b"\n]\n").split(b",\n")
    sizes = [size for size in _SIZES if size <= largest]
    found = medians({str(size): _answers(body, size, largest) for size in sizes}, setup.rounds)
    rival = found[str(min(_PATTERN, largest))]
    for size in sizes:
        spent = found[str(size)]
        name = f"cost of a row in an answer of {size} rows"
        against = f"the same in an answer of {min(_PATTERN, largest)}"
        yield Result(name, against, spent, rival, spent / rival, "<= 1.25")


def _answers(body: list[bytes], size: int, largest: int) -> Task:
    """Small answers are repeated, so that each run has something to measure."""
    repeats = max(1, min(_PATTERN, largest) // size)
    whole, rest = divmod(size, len(body))
    rows = body * whole + body[:rest]
    answer = b"[\n" + b",\n".join(rows) + b"\n]\n"

    reader = json_rows.Reader()

    def work() -> None:
        for _ in range(repeats):
            ours.consume(ours.from_json(reader, answer))

    return cpu_per_row(work, size * repeats)
