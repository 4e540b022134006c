"""Instance, moments, keys and values."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telegraf_osquery.errors import TryLaterError
from telegraf_osquery.store.database import Database, connect
from telegraf_osquery.store.migrations import migrate
from telegraf_osquery.store.namespace import KeyValues
from telegraf_osquery.store.open import try_open
from telegraf_osquery.store.schedule import Execution
from telegraf_osquery.store.state import State
from telegraf_osquery.telemetry.log import Log

UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def test_instance(path: str, log: Log) -> None:
    """The UUID is made once and kept over restarts."""
    state = try_open(path, log)
    made = state.instance()
    assert UUID4.fullmatch(made)
    assert state.instance() == made
    state.close()
    state = try_open(path, log)
    assert state.instance() == made
    state.close()


class TestMoments:
    """Times of points that are not rows."""

    def test_grow(self, state: State) -> None:
        """A time is the clock's, or one nanosecond past the last, for each kind apart."""
        given_out = [state.next_time("run", clock) for clock in (100, 100, 50, 200)]
        assert given_out == [100, 101, 102, 200]
        assert state.next_time("self", 100) == 100

    def test_kept_with_the_next_commit(self, path: str, log: Log) -> None:
        """After a kill the times go on behind the last one that a run end was committed with."""
        state = try_open(path, log)
        mark = state.begin_run("h", "m", "p", "q", 100, "")
        state.next_time("run", 1000)
        state.finish(mark, "ok", Execution(100))
        state.next_time("self", 2000)
        # What a killed process leaves: the connection goes, nothing more is committed.
        state._database.close()
        state._release()
        state = try_open(path, log)
        assert state.next_time("run", 0) == 1001
        assert state.next_time("self", 7) == 7
        state.close()

    def test_kept_at_close(self, path: str, log: Log) -> None:
        """A process that leaves in order keeps them all."""
        state = try_open(path, log)
        state.next_time("self", 2000)
        state.close()
        state = try_open(path, log)
        assert state.next_time("self", 0) == 2001
        state.close()


class TestNamespace:
    """Keys and values for processors."""

    def test_contract(self, state: State) -> None:
        """A namespace is what a processor knows as its state."""
        values: KeyValues = state.state("diff")
        assert values.get(b"a") is None
        values.set(b"a", b"1")
        values.set(b"b", b"")
        assert (values.get(b"a"), values.get(b"b")) == (b"1", b"")
        values.delete(b"a")
        values.delete(b"missing")
        assert values.get(b"a") is None

    def test_waits_for_the_commit(self, state: State) -> None:
        """Nobody else sees a write before it is committed; several commit together."""
        first, second = state.state("one"), state.state("two")
        first.set(b"k", b"1")
        second.set(b"k", b"2")
        assert state.state("one").get(b"k") is None
        state.commit(first, second)
        assert (state.state("one").get(b"k"), state.state("two").get(b"k")) == (b"1", b"2")

    def test_failed_commit_can_be_repeated(self, state: State) -> None:
        """Writes wait on when the commit fails, and are gone when they are dropped on purpose."""
        values = state.state("one")
        values.set(b"k", b"1")
        state.close()
        with pytest.raises(TryLaterError):
            state.commit(values)
        assert values.get(b"k") == b"1"
        values.forget()
        with pytest.raises(TryLaterError):
            values.get(b"k")

    @settings(max_examples=60, deadline=None)
    @given(
        st.lists(
            st.tuples(
                st.sampled_from(["set", "delete", "commit", "forget"]),
                st.sampled_from([b"", b"a", b"\x00\xff"]),
                st.binary(max_size=5),
            ),
            max_size=25,
        )
    )
    def test_like_a_dict(self, steps: list[tuple[str, bytes, bytes]]) -> None:
        """Any steps leave what they leave in a dict and its copy."""
        connection = connect("")
        migrate(connection, "memory")
        state = State(Database(connection, "memory"))
        values, kept, seen = state.state("n"), dict[bytes, bytes](), dict[bytes, bytes]()
        for step, key, value in steps:
            if step == "set":
                values.set(key, value)
                seen[key] = value
            elif step == "delete":
                values.delete(key)
                seen.pop(key, None)
            elif step == "commit":
                state.commit(values)
                kept = dict(seen)
            else:
                values.forget()
                seen = dict(kept)
            assert values.get(key) == seen.get(key)
        fresh = state.state("n")
        assert {key: fresh.get(key) for key in (b"", b"a", b"\x00\xff")} == {
            key: kept.get(key) for key in (b"", b"a", b"\x00\xff")
        }
        state.close()
