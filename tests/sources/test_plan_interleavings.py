"""Any order of events against a model that is too simple to be wrong.

The model knows only what was handed out and not given back, and what has run since a tick; time and
slots are judged by bounds.
"""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from telegraf_osquery.clock import SECOND
from telegraf_osquery.packs.pack import ScheduledQuery
from telegraf_osquery.sources.plan import Entry, Plan

NAMES = ("a", "b", "c")
QUERIES = st.dictionaries(st.sampled_from(NAMES), st.sampled_from((1, 60, 3600)), max_size=3)


class Lanes(RuleBasedStateMachine):
    """Lanes that take and give back, packs that change, ticks, clock steps, and the end."""

    @initialize(all_due=st.booleans(), ticked=st.booleans())
    def begin(self, all_due: bool, ticked: bool) -> None:
        self.now = 1_795_000_000 * SECOND
        self.plan = Plan("web-1", all_due=all_due, ticked=ticked)
        self.ticks = ticked
        self.scheduled: dict[str, int] = {}
        self.out: dict[str, tuple[Entry, int]] = {}
        self.ran: dict[str, int] = {}
        self.closed = self.cancelled = False

    @rule(queries=QUERIES)
    def change_packs(self, queries: dict[str, int]) -> None:
        self.scheduled = queries
        made = [
            ScheduledQuery(pack="p", name=name, sql="SELECT 1", interval=interval)
            for name, interval in queries.items()
        ]
        self.plan.set_queries(made, {}, self.now)

    @rule(seconds=st.sampled_from((0, 1, 30, 61, 5000)))
    def time_goes_by(self, seconds: int) -> None:
        self.now += seconds * SECOND

    @rule(seconds=st.sampled_from((1, 90, 100_000)))
    def the_clock_steps_back(self, seconds: int) -> None:
        self.now -= seconds * SECOND

    @rule()
    def take(self) -> None:
        ready = self.plan.ready(self.now)
        entry = self.plan.take(self.now)
        assert (entry is not None) == ready
        if entry is None:
            return
        name = entry.query.name
        assert name in self.scheduled, "what no pack names is not run"
        assert entry.query.interval == self.scheduled[name]
        assert name not in self.out, "nobody else runs it"
        assert not self.cancelled
        assert entry.missed >= 0
        if (last := self.ran.get(name)) is not None and not (self.plan._all_due or self.ticks):
            since = self.now - last
            assert since < 0 or since >= entry.interval_ns // 2 or entry.called
        self.out[name] = (entry, self.now)

    @precondition(lambda self: self.out)
    @rule(data=st.data())
    def give_back(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.out)))
        entry, started = self.out.pop(name)
        self.plan.done(entry, started)
        self.ran[name] = started
        if name in self.scheduled:
            assert not self.taken_at_once(name, started), "it has just run"

    def taken_at_once(self, name: str, started: int) -> bool:
        entry = next(e for e in self.plan.entries() if e.query.name == name)
        return entry.called or entry.due_ns <= started

    @rule(period=st.sampled_from((0, 10, 60)))
    def tick(self, period: int) -> None:
        self.ticks = True
        called = {entry.query.name for entry in self.plan.entries() if entry.called}
        assert self.plan.tick(self.now, period * SECOND) is not bool(called)
        if self.closed:
            assert {e.query.name for e in self.plan.entries() if e.called} == called
        else:
            for entry in self.plan.entries():
                overdue = not entry.running and entry.due_ns <= self.now
                assert entry.called or not overdue, "a tick calls what is due"

    @rule()
    def close(self) -> None:
        self.closed = True
        called = {e.query.name for e in self.plan.entries() if e.called}
        self.plan.close()
        assert {e.query.name for e in self.plan.entries() if e.called} == called

    @precondition(lambda self: self.closed)
    @rule()
    def cancel(self) -> None:
        self.cancelled = True
        self.plan.cancel()

    @invariant()
    def the_plan_knows_who_runs(self) -> None:
        assert self.plan.running() == bool(self.out)

    @invariant()
    def waiting_lanes_are_told_the_time(self) -> None:
        """Whatever is ready is due now; what is not ready is due later or when a tick comes."""
        due = self.plan.next_due_ns(self.now)
        assert self.plan.ready(self.now) == (due is not None and due <= self.now)
        if due is not None and self.scheduled:
            assert due <= self.now + 2 * max(self.scheduled.values()) * SECOND

    @invariant()
    def after_the_end_nothing_is_pending(self) -> None:
        if self.cancelled:
            assert not self.plan.pending()
            assert not self.plan.ready(self.now)


TestLanes = Lanes.TestCase
TestLanes.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
