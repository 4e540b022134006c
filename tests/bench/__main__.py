"""Measure, print a table, and write the figures for machines where asked.

Exit code 0 whatever the figures are: a machine under load is no regression. Targets that are not
met are marked.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

from tests.bench import agent, codecs, engines, telegraf
from tests.bench.measure import Result, Setup, medians
from tests.real import servers

_HEADER = ("figure", "ours", "rival", "figure", "target", "", "unit", "against")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    parser.add_argument("--quick", action="store_true", help="few rows, one round: does it run?")
    parser.add_argument(
        "--seconds", type=float, default=120, help="how long the agent is watched doing its rounds"
    )
    options = parser.parse_args(arguments)
    setup = Setup(rows=2_000, rounds=1) if options.quick else Setup()
    found = list(_measure(setup, largest=1_000 if options.quick else 1_000_000))
    found += _agent(1, 2_000, 1) if options.quick else _agent(100, 100_000, options.seconds)
    sys.stdout.write(f"medians of {setup.rounds} interleaved rounds, {setup.rows} rows each\n\n")
    sys.stdout.write(table(found))
    if options.json:
        figures = [{**msgspec.structs.asdict(one), "met": one.met} for one in found]
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(figures)) + b"\n")
    return 0


def _measure(setup: Setup, largest: int) -> Iterator[Result]:
    program = servers.telegraf()
    with tempfile.TemporaryDirectory() as folder:
        tasks = codecs.tasks(setup)
        if program:
            tasks |= telegraf.tasks(setup, program, Path(folder))
        found = medians(tasks, setup.rounds)
    yield from codecs.results(found)
    if program:
        yield from telegraf.results(found)
    else:
        sys.stderr.write("no Telegraf: python -m tests.real.install telegraf\n")
    yield from codecs.flatness(setup, largest)
    yield from engines.results(setup)


def _agent(rounds: int, wide_rows: int, seconds: float) -> Iterator[Result]:
    for measure in (
        lambda folder: agent.start(folder, min(rounds, 15)),
        lambda folder: agent.memory(folder, rounds, wide_rows),
        lambda folder: agent.quiet(folder, seconds),
    ):
        with tempfile.TemporaryDirectory() as folder:
            yield from measure(Path(folder))


def table(found: list[Result]) -> str:
    """One line per figure; µs of CPU per row where no other unit stands."""
    lines = [_HEADER]
    lines += [
        (
            one.name,
            f"{one.ours:.2f}",
            f"{one.theirs:.2f}",
            f"{one.ratio:.2f}",
            one.target,
            "ok" if one.met else "NOT MET",
            one.unit,
            one.rival,
        )
        for one in found
    ]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        + "\n"
        for line in lines
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
