"""No statement gets past the guard: an engine that has everything stands behind it.

An escape is a denied table or function that is reached (counted in the engine itself), or a hidden
column whose value changes anything that comes back: two engines differ in nothing else.
"""

import random
import sys
from collections import Counter
from collections.abc import Iterator, Sequence

import apsw
import pytest

from telegraf_osquery.schema import analyze, checking, policy
from tests.engines.attack.grammar import Writer
from tests.engines.attack.statements import read
from tests.engines.attack.target import World, worlds

SEED = 20_261_122
REFUSED, ALLOWED = read("refused.sql"), read("allowed.sql")


@pytest.fixture(scope="module")
def hosts() -> Iterator[tuple[World, ...]]:
    made = worlds()
    yield made
    for world in made:
        world.close()


def escape(hosts: Sequence[World], sql: str) -> str:
    """What went wrong; empty when nothing did."""
    answers = [world.ask(sql) for world in hosts]
    reached = [name for world in hosts for name in world.reached]
    for world in hosts:
        world.reached.clear()
    if reached:
        return f"reached {reached}: {sql}"
    if any(answer != answers[0] for answer in answers[1:]):
        return f"{answers}: {sql}"
    return ""


@pytest.mark.parametrize(("words", "sql"), REFUSED, ids=[words for words, _ in REFUSED])
def test_an_attack_is_refused(hosts: Sequence[World], words: str, sql: str) -> None:
    """Before it reaches an engine; nothing is told of what it was after."""
    assert escape(hosts, sql) == ""
    assert hosts[0].ask(sql)[0] in {"refused", "error"}


@pytest.mark.parametrize(("words", "sql"), ALLOWED, ids=[words for words, _ in ALLOWED])
def test_what_is_harmless_passes(hosts: Sequence[World], words: str, sql: str) -> None:
    """With rows, and the same from an engine that has only what the policy allows."""
    assert escape(hosts, sql) == ""
    kind, (_, rows) = hosts[0].ask(sql)
    assert kind == "rows"
    assert rows


def test_the_lists_are_long() -> None:
    """Each statement has words of its own."""
    assert len(dict(REFUSED)) == len(REFUSED) >= 80
    assert len(dict(ALLOWED)) == len(ALLOWED) >= 6


def attack(hosts: Sequence[World], seed: int, count: int) -> Counter[str]:
    """Ask random statements; how many were answered, refused and wrong.

    Raises:
        AssertionError: an escape, with the statement.
    """
    writer = Writer(seed)
    seen: Counter[str] = Counter()
    for number in range(count):
        sql = writer.statement()
        wrong = escape(hosts if number % 4 == 0 else hosts[:2], sql)
        assert not wrong, f"seed {seed}, statement {number}: {wrong}"
        kind, answer = hosts[0].ask(sql) if number % 16 == 0 else ("", None)
        seen[kind] += 1
        seen["not empty"] += kind == "rows" and bool(answer[1])
    return seen


def test_random_statements_do_not_escape(hosts: Sequence[World]) -> None:
    """Two thousand; enough of them are answered for the test to mean something."""
    seen = attack(hosts, SEED, 2000)
    assert seen["rows"] > 15
    assert seen["not empty"] > 10
    assert seen["refused"] > 30


@pytest.mark.slow
def test_two_hundred_thousand_random_statements_do_not_escape(hosts: Sequence[World]) -> None:
    """A fixed seed."""
    attack(hosts, SEED + 1, 200_000)


@pytest.mark.slow
def test_random_statements_of_a_fresh_seed_do_not_escape(hosts: Sequence[World]) -> None:
    """Each run tries others; the seed is printed when one escapes."""
    seed = random.SystemRandom().randrange(1 << 32)
    sys.stderr.write(f"seed {seed}\n")
    attack(hosts, seed, 20_000)


def _escapes(count: int = 1500) -> bool:
    made = worlds()
    writer = Writer(SEED)
    try:
        return any(escape(made[:2], writer.statement()) for _ in range(count))
    finally:
        for world in made:
            world.close()


def test_a_guard_that_does_not_ask_the_whole_tables_is_found_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The random statements reach the danger: aliases and outer columns called like hidden ones."""
    monkeypatch.setattr(analyze._Whole, "refuse_hidden", lambda *_: None)
    assert _escapes()


def test_a_guard_that_lets_functions_pass_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Denied functions are called in the engine."""
    real = policy.Permits.__init__

    def lax(self: policy.Permits, *given: object) -> None:
        real(self, *given)  # type: ignore[arg-type]
        self.functions |= {"md5", "sleep", "sha1"}

    monkeypatch.setattr(policy.Permits, "__init__", lax)
    assert _escapes()


def test_a_guard_that_trusts_the_authorizer_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite's authorizer is not told of a table that is reached by USING or NATURAL only."""
    denied = frozenset({"curl", "carves"})
    real = checking.Checking._read

    def judging(self: checking.Checking, table: str, column: str) -> int:
        if column and table.lower() in denied:
            return apsw.SQLITE_DENY
        return real(self, table, column)

    monkeypatch.setattr(policy.Permits, "table", lambda *_: True)
    monkeypatch.setattr(checking.Checking, "_read", judging)
    made = worlds()[0]
    kind, _ = made.ask("SELECT 1 FROM (SELECT 'x' AS url) JOIN curl USING (url)")
    assert (kind, made.reached) == ("rows", ["curl"])
    made.close()
