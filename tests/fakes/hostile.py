"""Rows made to break whatever carries them, from a seed, so that a test can make them again."""

import random
from collections.abc import Iterator
from typing import Any

COLUMNS = (
    ("seq", "B"),
    ("seed", "I"),
    ("big", "B"),
    ("small", "I"),
    ("unsigned", "U"),
    ("ratio", "D"),
    ("text", "T"),
    ("other", "T"),
    ("label", "T"),
    ("host", "T"),
    ("time", "B"),
)
NAMES = tuple(name for name, _ in COLUMNS)
SCHEMA_LINE = "hostile l " + " ".join(
    f"{name}:{letter}{'x' if name == 'seed' else ''}" for name, letter in COLUMNS
)
"""As the schema's data file writes a table; ``x`` pushes ``seed =`` down."""

EDGES = (0, -1, 1, 2**31 - 1, -(2**31), 2**53 + 1, 2**63 - 1, -(2**63))
RATIOS = (0.0, -0.0, 0.1, 1e300, -1e-300, 5e-324, 3.0, 1 / 3, 123456789.123456789)
PIECES = (
    '"',
    "\\",
    "\\\\",
    '\\"',
    "\n",
    "\r\n",
    "\t",
    "\0",
    "\x0b\x0c\x1b\x1e\x7f\x85",
    ",",
    "=",
    " ",
    "#",
    "'",
    "a=1i 1\n",
    "процесс",
    "日本語",
    "👩‍👩‍👧",
    "\u2028\u202e",
    "\ufeff",
    "{}[]",
    "x" * 40,
    "osquery_run,host=evil rows=1i 1",
)
BIG = "й" * 524_288
"""One megabyte of UTF-8."""


def text(rng: random.Random) -> str:
    return "".join(rng.choices(PIECES, k=rng.randrange(6)))


def label(rng: random.Random) -> str:
    """A tag's value: no control characters and no backslash at its end, which tags cannot carry."""
    pieces = [piece for piece in PIECES if piece.isprintable()]
    return "".join(rng.choices(pieces, k=rng.randrange(4))).rstrip("\\").strip("\ufeff")


def rows(seed: int) -> Iterator[tuple[Any, ...]]:
    """Endless rows in the order of ``COLUMNS``; every 10 000th has a text of 1 MB."""
    rng = random.Random(seed)  # noqa: S311 - the same rows again, not secrets
    seq = 0
    while True:
        yield (
            seq,
            seed,
            rng.choice(EDGES) if rng.random() < 0.3 else rng.randrange(-(2**63), 2**63),
            None if rng.random() < 0.2 else rng.randrange(-(2**31), 2**31),
            rng.choice((None, 0, 1, 2**63 - 1, rng.randrange(2**40))),
            rng.choice(RATIOS) if rng.random() < 0.5 else rng.gauss(0, 1e6),
            BIG if seq % 10_000 == 9_999 else text(rng),
            "" if rng.random() < 0.3 else text(rng),
            label(rng),
            text(rng),
            seq * 1000,
        )
        seq += 1
