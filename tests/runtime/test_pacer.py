"""Rows per second."""

from telegraf_osquery.runtime.pacer import Pacer
from tests.fakes.clock import ManualClock


def test_a_burst_goes_at_once_and_the_rest_at_the_rate() -> None:
    """After a pause one burst is free; then each row waits its turn."""
    clock = ManualClock()
    pacer = Pacer(100, burst=50, clock=clock)
    assert pacer.book(50) == 0
    assert pacer.book(50) == 0.5
    assert pacer.book(100) == 1.5
    clock.advance(1.5)
    assert pacer.book(100) == 1.0


def test_a_long_pause_does_not_save_up_more_than_a_burst() -> None:
    """Quiet hours do not allow a flood."""
    clock = ManualClock()
    pacer = Pacer(100, burst=50, clock=clock)
    clock.advance(3600)
    assert pacer.book(50) == 0
    assert pacer.book(100) == 1.0


def test_no_limit() -> None:
    """Zero rows per second means no pacing."""
    assert Pacer(0, burst=1, clock=ManualClock()).book(10**9) == 0
