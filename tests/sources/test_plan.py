"""What is due when."""

from hypothesis import given, settings
from hypothesis import strategies as st

from telegraf_osquery.clock import SECOND
from telegraf_osquery.packs.pack import ScheduledQuery
from telegraf_osquery.sources.plan import Entry, Plan, next_slot, phase
from telegraf_osquery.store.schedule import Last

NOW = 1_795_000_000 * SECOND
MINUTE = 60 * SECOND


def query(name: str = "q", interval: int = 60) -> ScheduledQuery:
    return ScheduledQuery(pack="p", name=name, sql="SELECT 1", interval=interval)


def ran(last: dict[tuple[str, str], int]) -> dict[tuple[str, str], Last]:
    return {key: Last("", at, "ok", 1, 0, 0, 0, 0, 0, 0, 0, "") for key, at in last.items()}


def plan(*queries: ScheduledQuery, last: dict[tuple[str, str], int] | None = None) -> Plan:
    made = Plan("web-1")
    made.set_queries(queries or (query(),), ran(last or {}), NOW)
    return made


def take(schedule: Plan, now_ns: int) -> Entry:
    entry = schedule.take(now_ns)
    assert entry is not None
    return entry


class TestOwnClock:
    def test_a_query_that_never_ran_runs_at_once(self) -> None:
        """The first round starts with the process."""
        schedule = plan()
        assert schedule.pending()
        entry = take(schedule, NOW)
        assert schedule.take(NOW) is None
        schedule.done(entry, NOW)
        assert not schedule.pending()

    def test_then_it_runs_in_its_slot(self) -> None:
        """After the prompt run the query keeps the phase this host has."""
        schedule = plan()
        schedule.done(take(schedule, NOW), NOW)
        due = schedule.next_due_ns(NOW)
        assert due is not None
        assert due % MINUTE == phase("web-1", ("p", "q"), MINUTE)
        assert NOW + MINUTE // 2 <= due < NOW + MINUTE * 3 // 2
        assert schedule.take(due - 1) is None
        schedule.done(take(schedule, due), due)
        assert schedule.next_due_ns(due) == due + MINUTE

    def test_a_restart_does_not_repeat_a_recent_run(self) -> None:
        """Last runs are kept: ten seconds after a run nothing is due."""
        schedule = plan(last={("p", "q"): NOW - 10 * SECOND})
        assert not schedule.pending()
        assert schedule.take(NOW) is None

    def test_a_missed_run_is_made_up_once(self) -> None:
        """After hours of sleep a query runs once and the misses are known."""
        schedule = plan()
        schedule.done(take(schedule, NOW), NOW)
        later = NOW + 3600 * SECOND
        entry = take(schedule, later)
        assert entry.missed in (58, 59)
        schedule.done(entry, later)
        assert schedule.take(later) is None

    def test_a_clock_step_back_does_not_stop_the_schedule(self) -> None:
        """A clock set back by a day delays a run by two intervals at most."""
        schedule = plan()
        schedule.done(take(schedule, NOW), NOW)
        back = NOW - 86400 * SECOND
        due = schedule.next_due_ns(back)
        assert due is not None
        assert due <= back + 2 * MINUTE

    def test_the_most_overdue_goes_first(self) -> None:
        """Nobody starves behind a short interval."""
        last = {("p", "a"): NOW - 400 * SECOND, ("p", "b"): NOW - 900 * SECOND}
        schedule = plan(query("a"), query("b"), last=last)
        assert take(schedule, NOW).query.name == "b"

    def test_a_running_query_is_not_handed_out_twice(self) -> None:
        """Two lanes never run one query at the same time, however late it is."""
        schedule = plan()
        take(schedule, NOW)
        assert schedule.take(NOW + 10 * MINUTE) is None
        assert schedule.next_due_ns(NOW + 10 * MINUTE) is None

    def test_all_due_asks_everything_at_once(self) -> None:
        """A trial run does not wait for slots."""
        schedule = Plan("web-1", all_due=True)
        schedule.set_queries([query()], ran({("p", "q"): NOW - SECOND}), NOW)
        assert schedule.take(NOW) is not None

    @given(
        last=st.integers(NOW, NOW + 10**18),
        interval=st.integers(1, 604800),
        host=st.text(max_size=8),
    )
    @settings(max_examples=200, deadline=None)
    def test_slots_lie_half_to_one_and_a_half_intervals_ahead(
        self, last: int, interval: int, host: str
    ) -> None:
        """Whatever the phase, a slot is never too near and never skipped."""
        interval_ns = interval * SECOND
        slot = next_slot(last, interval_ns, phase(host, ("p", "q"), interval_ns))
        assert interval_ns // 2 <= slot - last < interval_ns * 3 // 2 + 1

    def test_hosts_are_spread(self) -> None:
        """A thousand hosts do not fire in the same second."""
        slots = {phase(f"host-{i}", ("p", "q"), MINUTE) // SECOND for i in range(1000)}
        assert slots == set(range(60))


class TestTicks:
    def test_a_tick_runs_what_is_due(self) -> None:
        """Every tick of 60 s runs a query of 60 s although ticks jitter."""
        schedule = plan()
        schedule.done(take(schedule, NOW), NOW)
        runs, at, last = 0, NOW, NOW
        for jitter in (61, 55, 66, 58, 60, 59):
            at += jitter * SECOND
            schedule.tick(at, at - last)
            last = at
            if entry := schedule.take(at):
                runs += 1
                schedule.done(entry, at)
        assert runs == 6

    def test_a_fast_tick_does_not_run_a_slow_query_too_often(self) -> None:
        """Ticks of 10 s run a query of 60 s once a minute."""
        schedule = plan()
        schedule.done(take(schedule, NOW), NOW)
        seconds = []
        for second in range(10, 611, 10):
            at = NOW + second * SECOND
            schedule.tick(at, 10 * SECOND)
            if entry := schedule.take(at):
                seconds.append(second)
                schedule.done(entry, at)
        assert seconds == list(range(60, 611, 60))

    def test_a_tick_during_a_round_is_merged(self) -> None:
        """Newlines that find a round going on are told as coalesced."""
        schedule = plan()
        schedule.done(take(schedule, NOW), NOW)
        assert schedule.tick(NOW + MINUTE, 0)
        entry = take(schedule, NOW + MINUTE)
        assert not schedule.tick(NOW + MINUTE + SECOND, SECOND)
        schedule.done(entry, NOW + MINUTE)
        assert schedule.take(NOW + MINUTE + SECOND) is None

    def test_without_a_tick_nothing_runs(self) -> None:
        """Once Telegraf ticks, the own clock is silent."""
        schedule = plan()
        schedule.done(take(schedule, NOW), NOW)
        schedule.tick(NOW + SECOND, 0)
        assert schedule.take(NOW + 600 * SECOND) is None
        assert schedule.next_due_ns(NOW + 600 * SECOND) is None


class TestChange:
    def test_queries_that_stay_keep_their_slot(self) -> None:
        """A changed pack does not run everything again."""
        schedule = plan(query("a"))
        schedule.done(take(schedule, NOW), NOW)
        before = schedule.next_due_ns(NOW)
        schedule.set_queries([query("a"), query("b")], {}, NOW)
        assert take(schedule, NOW).query.name == "b"
        assert schedule.next_due_ns(NOW) == before

    def test_a_removed_query_is_forgotten(self) -> None:
        """What no pack names any more does not run."""
        schedule = plan(query("a"))
        schedule.set_queries([], {}, NOW)
        assert schedule.take(NOW + MINUTE) is None

    def test_a_new_interval_counts_from_the_last_run(self) -> None:
        """Shortening an interval takes effect at once."""
        schedule = plan(query("a", 86400))
        schedule.done(take(schedule, NOW), NOW)
        schedule.set_queries([query("a", 60)], {}, NOW)
        due = schedule.next_due_ns(NOW)
        assert due is not None
        assert due < NOW + 2 * MINUTE


class TestStop:
    def test_closing_finishes_the_round_but_starts_nothing(self) -> None:
        """After EOF a called query still runs, one that merely becomes due does not."""
        schedule = plan(query("a"), query("b"), last={("p", "b"): NOW - SECOND})
        schedule.close()
        assert take(schedule, NOW + 600 * SECOND).query.name == "a"
        assert schedule.take(NOW + 600 * SECOND) is None

    def test_cancelling_drops_what_was_called(self) -> None:
        """When the time to finish is over, nothing is left to take."""
        schedule = plan()
        schedule.cancel()
        assert schedule.take(NOW) is None
        assert not schedule.pending()
