"""Signals as a descriptor that can be polled."""

import os
import select
import signal
import threading
from collections.abc import Iterator

import pytest

from telegraf_osquery.runtime.signals import TICK, Signals, hold_ticks


@pytest.fixture
def signals() -> Iterator[Signals]:
    made = Signals()
    yield made
    made.close()


def send(*numbers: int) -> None:
    for number in numbers:
        signal.raise_signal(number)


def heard(signals: Signals) -> bool:
    return bool(select.select([signals.reader], [], [], 0)[0])


def test_silence(signals: Signals) -> None:
    """Nothing to read, and reading does not wait."""
    assert not heard(signals)
    assert signals.read() == (False, 0)


@pytest.mark.parametrize("number", TICK)
def test_ticks(signals: Signals, number: int) -> None:
    """SIGHUP, SIGUSR1 and SIGUSR2, as inputs.execd may send them; each is counted."""
    send(number, number, number)
    assert heard(signals)
    assert signals.read() == (False, 3)
    assert signals.read() == (False, 0)


def test_term_stops_and_int_does_not(signals: Signals) -> None:
    """Ctrl-C in Telegraf's terminal reaches us too: Telegraf will tell us to stop."""
    send(signal.SIGINT)
    assert not heard(signals)
    send(signal.SIGUSR1, signal.SIGTERM)
    assert signals.read() == (True, 1)


def test_a_service_stops_at_int() -> None:
    """As a person expects who has started it by hand."""
    signals = Signals(interruptible=True)
    try:
        send(signal.SIGINT)
        assert signals.read() == (True, 0)
    finally:
        signals.close()


def test_waking_is_neither(signals: Signals) -> None:
    """From any thread, however often: the poll returns, nothing stops, and nobody blocks."""
    thread = threading.Thread(target=lambda: [signals.wake() for _ in range(100_000)])
    thread.start()
    thread.join()
    assert heard(signals)
    while heard(signals):
        assert signals.read() == (False, 0)


def test_a_stop_is_heard_behind_any_number_of_wakes(signals: Signals) -> None:
    """The pipe is full when the signal comes."""
    for _ in range(70_000):
        signals.wake()
    send(signal.SIGTERM)
    assert heard(signals)
    assert signals.read()[0]


def test_a_late_wake_writes_nowhere(signals: Signals) -> None:
    """A lane that comes back after the end must not write into a file opened meanwhile."""
    signals.close()
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    try:
        signals.wake()
        with pytest.raises(BlockingIOError):
            os.read(reader, 1)
    finally:
        os.close(reader)
        os.close(writer)


def test_what_was_before_is_put_back() -> None:
    """After close, twice if need be, the process is as it was."""
    before = [signal.getsignal(number) for number in (*TICK, signal.SIGTERM, signal.SIGINT)]
    signals = Signals()
    signals.close()
    signals.close()
    assert before == [signal.getsignal(n) for n in (*TICK, signal.SIGTERM, signal.SIGINT)]


def test_ticks_before_anyone_listens_do_not_kill() -> None:
    """Left alone, each of them would end the process."""
    before = {number: signal.getsignal(number) for number in TICK}
    try:
        hold_ticks()
        send(*TICK)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
