"""Kills and power cuts at every step: what was committed is there, what was not harms nothing."""

import contextlib
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telegraf_osquery.model.run import MIN_STEP
from telegraf_osquery.store.open import try_open
from telegraf_osquery.store.runs import Mark
from telegraf_osquery.store.schedule import Execution
from telegraf_osquery.store.state import State
from telegraf_osquery.telemetry.log import Log
from tests.fakes.power import Disk, PowerVFS

CLOCK = 1_795_000_000_000_000_000
Known = dict[str, Mark]
"""Per measurement the last mark that a call has returned: all of it must survive."""

Steps = list[tuple[int, int, list[int], bool]]
"""Runs to make: query, drift of the clock in ns, rows of its batches, whether it is ended."""

STEPS = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.integers(-(10**12), 10**12),
        st.lists(st.integers(1, 500), max_size=2),
        st.booleans(),
    ),
    min_size=1,
    max_size=4,
)


def work(state: State, steps: Steps, known: Known, after: Callable[[], None]) -> None:
    """Make these runs; ``known`` follows, ``after`` is called when a call has returned."""
    for query, drift, batches, ends in steps:
        measurement = f"osquery_p_{query}"
        for mark in state.open_runs():
            if mark.measurement == measurement:
                known[measurement] = state.end_run(mark, "partial")
                after()
        mark = state.begin_run("h", measurement, "p", str(query), CLOCK + drift, "d")
        known[measurement] = mark
        after()
        for rows in batches:
            mark = known[measurement] = state.commit_rows(mark, rows, rows)
            after()
        if ends:
            known[measurement] = state.finish(mark, "ok", Execution(CLOCK))
            after()


def survived(folder: Path, known: Known) -> None:
    """The file that is left is sound and has at least what is known; the next run goes on."""
    lines: list[bytes] = []
    state = try_open(str(folder / "input-x.db"), Log(lines.append))
    assert lines == []
    found = {mark.measurement: mark for mark in state.marks()}
    for measurement, mark in known.items():
        left = found[measurement]
        # A commit that was cut before its call returned may be there or not, but nothing less.
        assert (left.run, left.rows_total) >= (mark.run, mark.rows_total)
        assert left.base >= mark.base
    for mark in state.open_runs():
        state.end_run(mark, "partial")
    for measurement, mark in found.items():
        fresh = state.begin_run("h", measurement, "p", mark.query, 0, "d")
        assert fresh.run == mark.run + 1
        assert fresh.base >= mark.base + MIN_STEP
        assert fresh.rows_total == mark.rows_total
    state.close()


def emptied(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    return folder


@contextlib.contextmanager
def powered(folder: Path) -> Iterator[tuple[Disk, State]]:
    """A state file on a layer that can lose its power."""
    disk = Disk()
    layer = PowerVFS(f"power-{id(disk)}", disk)
    state = try_open(str(folder / "input-x.db"), Log(lambda _: None), vfs=layer.name)
    try:
        yield disk, state
    finally:
        disk.on_event = lambda: None
        state.close()
        layer.unregister()


@settings(max_examples=40, deadline=None)
@given(steps=STEPS)
def test_killed_between_any_two_calls(
    tmp_path_factory: pytest.TempPathFactory, steps: Steps
) -> None:
    """A process killed after any call leaves a file that knows all that calls have returned."""
    folder = tmp_path_factory.mktemp("kill")
    path = folder / "own" / "input-x.db"
    state = try_open(str(path), Log(lambda _: None))
    known: Known = {}

    def killed() -> None:
        copy = emptied(folder / "copy")
        for suffix in ("", "-wal"):
            shutil.copy(f"{path}{suffix}", copy)
        survived(copy, known)

    try:
        work(state, steps, known, killed)
    finally:
        state.close()


@settings(max_examples=25, deadline=None)
@given(steps=STEPS, seed=st.integers(0, 2**32))
def test_power_cut_at_any_write(
    tmp_path_factory: pytest.TempPathFactory, steps: Steps, seed: int
) -> None:
    """Whatever of the unsynced sectors a cut leaves, what calls have returned is there."""
    folder = tmp_path_factory.mktemp("cut")
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    known: Known = {}
    with powered(folder) as (disk, state):

        def cut() -> None:
            # Some events only: a run of the file is a hundred of them.
            if chance.random() < 0.2:
                copy = emptied(folder / "copy")
                disk.cut(copy, chance, chance.choice((0.0, 0.5, 1.0)))
                survived(copy, known)

        # The log is moved into the file every few commits, so that cuts fall into that too.
        state._database.rows(f"PRAGMA wal_autocheckpoint = {chance.choice((2, 5, 256))}")
        disk.on_event = cut
        work(state, steps, known, cut)


def test_the_layer_does_lose_writes(tmp_path: Path) -> None:
    """Without syncs the same cut loses a committed run: the test above can fail."""
    known: Known = {}
    with powered(tmp_path) as (disk, state):
        state._database.rows("PRAGMA synchronous = off")
        work(state, [(0, 0, [5], True)], known, lambda: None)
        disk.cut(emptied(tmp_path / "copy"), random.Random(1), 0.0)  # noqa: S311
        with pytest.raises(KeyError):
            survived(tmp_path / "copy", known)


def test_cut_in_the_first_moments(tmp_path: Path) -> None:
    """A cut while the file is being made leaves one that the next start can use."""
    cuts = 0
    disk = Disk()
    layer = PowerVFS("power-first", disk)

    def cut() -> None:
        nonlocal cuts
        cuts += 1
        for kept in (0.0, 0.5, 1.0):
            disk.cut(emptied(tmp_path / "copy"), random.Random(cuts), kept)  # noqa: S311
            survived(tmp_path / "copy", {})

    disk.on_event = cut
    state = try_open(str(tmp_path / "input-x.db"), Log(lambda _: None), vfs=layer.name)
    disk.on_event = lambda: None
    state.close()
    layer.unregister()
    assert cuts > 5


def test_one_sync_per_commit(tmp_path: Path) -> None:
    """A run of one batch costs three syncs: begin, rows, finish."""
    with powered(tmp_path) as (disk, state):
        mark = state.begin_run("h", "m", "p", "q", CLOCK, "d")
        before = disk.syncs
        state.finish(state.commit_rows(mark, 1, 1), "ok", Execution(CLOCK))
        assert disk.syncs - before == 2
        state.end_run(state.begin_run("h", "m", "p", "q", CLOCK, "d"), "empty")
        assert disk.syncs - before == 4
