"""Log lines."""

import random
import subprocess
import sys
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telegraf_osquery.errors import ConfigError
from telegraf_osquery.telemetry.log import (
    FRAMES_MAX,
    KEYS_MAX,
    LEVELS,
    LINE_MAX,
    Log,
    fold,
    quote,
)


@pytest.fixture
def lines() -> list[bytes]:
    return []


@pytest.fixture
def log(lines: list[bytes]) -> Log:
    return Log(lines.append, "trace")


class TestLines:
    """One event, one line."""

    def test_letters(self, log: Log, lines: list[bytes]) -> None:
        """Each level begins with the letter that Telegraf knows it by."""
        for level in LEVELS:
            getattr(log, level)("said")
        assert lines == [b"E! said\n", b"W! said\n", b"I! said\n", b"D! said\n", b"T! said\n"]

    @pytest.mark.parametrize("level", LEVELS)
    def test_level(self, lines: list[bytes], level: str) -> None:
        """A level lets through what is as grave or graver."""
        log = Log(lines.append, level)  # type: ignore[arg-type]
        for name in LEVELS:
            getattr(log, name)("said")
        assert len(lines) == LEVELS.index(level) + 1  # type: ignore[arg-type]

    def test_unknown_level(self) -> None:
        """A level that is none is refused with the list of them."""
        with pytest.raises(ConfigError, match='found "loud"; expected error, warn, info'):
            Log(print, "loud")  # type: ignore[arg-type]

    def test_name(self, log: Log, lines: list[bytes]) -> None:
        """A named log puts its name before the text."""
        log.named("lane 1").warn("slow")
        assert lines == [b"W! lane 1: slow\n"]

    def test_arguments(self, log: Log, lines: list[bytes]) -> None:
        """Arguments are filled in; without any a percent sign is one; misfits do no harm."""
        log.info("%s of %d", "one", 2)
        log.info("100% done")
        log.info("%d rows", "many")
        log.info("no hole", 1)  # noqa: PLE1205 - the slip under test
        assert lines == [
            b"I! one of 2\n",
            b"I! 100% done\n",
            b"I! %d rows ('many',)\n",
            b"I! no hole (1,)\n",
        ]

    def test_two_writers(self, lines: list[bytes]) -> None:
        """An output tells trouble and information to different ears."""
        told: list[bytes] = []
        log = Log(lines.append, "debug", info=told.append)
        log.warn("trouble")
        log.info("fine")
        log.named("x").debug("detail")
        assert (lines, told) == ([b"W! trouble\n"], [b"I! fine\n", b"D! x: detail\n"])

    def test_failing_writer(self) -> None:
        """A line that cannot be written is counted and ends nothing."""

        def broken(_: bytes) -> None:
            raise BrokenPipeError

        log = Log(broken)
        log.error("unheard")
        assert log.lost == 1

    def test_threads(self, log: Log, lines: list[bytes]) -> None:
        """Lines of several threads stay whole."""
        threads = [
            threading.Thread(target=lambda: [log.info("x" * 100) for _ in range(50)])
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert lines == [b"I! " + b"x" * 100 + b"\n"] * 200

    @settings(max_examples=300, deadline=None)
    @given(st.text(st.characters(), max_size=50), st.integers(0, 5))
    def test_any_text(self, text: str, power: int) -> None:
        """Any text is one line of valid UTF-8 without control characters, shorter than 64 KiB."""
        lines: list[bytes] = []
        Log(lines.append, name="n").info("%s", text * 10**power)
        (line,) = lines
        assert len(line) <= LINE_MAX < 64 * 1024
        assert line.endswith(b"\n")
        shown = line[:-1].decode("utf-8")
        assert not any(ord(char) < 32 or 127 <= ord(char) < 160 for char in shown)
        assert not set(shown) & {"\u2028", "\u2029"}

    @pytest.mark.parametrize("char", ["x", "\n", "я", "😀", "\udc80"])
    @pytest.mark.parametrize("length", [LINE_MAX - 10, LINE_MAX, LINE_MAX + 1, 1_000_000])
    def test_cut(self, log: Log, lines: list[bytes], char: str, length: int) -> None:
        """A line that is too long is cut between two characters, with a mark that says so."""
        log.info("%s", char * length)
        assert len(lines[0]) <= LINE_MAX
        lines[0].decode("utf-8")
        fits = len(char.encode("utf-8", "backslashreplace")) == 1 and char != "\n"
        if not fits or length > LINE_MAX - 10:
            assert lines[0].endswith(f" ... [cut, {length} characters]\n".encode())
        else:
            assert lines[0] == b"I! " + char.encode() * length + b"\n"


class TestQuote:
    """Foreign text inside a message."""

    def test_escapes(self) -> None:
        """Quotes, backslashes and control characters cannot end the quotation."""
        assert quote('a"b\\c\nd\x00\x1b[31m') == '"a\\"b\\\\c\\nd\\x00\\x1b[31m"'

    def test_cut(self) -> None:
        """Long text is cut after the quotation mark, so that a cut can be told from dots."""
        assert quote("x" * 10, 4) == '"xxxx"...'
        assert quote("xxxx", 4) == '"xxxx"'

    def test_other_values(self) -> None:
        """What is no text is quoted as its text."""
        assert quote(ValueError("no")) == '"no"'


class TestExceptions:
    """Exceptions on one line."""

    def test_causes(self, log: Log, lines: list[bytes]) -> None:
        """Kind, text, place and cause stand in one line, innermost frame first."""

        def deep() -> None:
            raise KeyError("k")

        try:
            try:
                deep()
            except KeyError as error:
                raise ValueError("100% wrong\nline") from error
        except ValueError as error:
            log.failure(error, "in %s", "here")
        line = lines[0].decode()
        assert line.startswith("E! in here: ValueError: 100% wrong\\nline [test_log.py:")
        assert "; caused by KeyError: 'k' [test_log.py:" in line
        assert " deep < test_log.py:" in line
        assert line.count("\n") == 1

    def test_hidden_cause(self) -> None:
        """``from None`` hides the cause here too."""

        def hide() -> None:
            try:
                int("x")
            except ValueError:
                raise KeyError("clear") from None

        with pytest.raises(KeyError) as caught:
            hide()
        assert "caused by" not in fold(caught.value)

    def test_endless_recursion(self) -> None:
        """Only the innermost frames of a deep stack are kept."""

        def again() -> None:
            again()

        with pytest.raises(RecursionError) as caught:
            again()
        assert fold(caught.value).count(" < ") == FRAMES_MAX - 1


class TestOnce:
    """Warnings that would repeat."""

    def test_held_back(self, log: Log, lines: list[bytes]) -> None:
        """The first is written, later ones are counted until the state ends."""
        written = [log.once("disk", "no room on %s", "/var") for _ in range(5)]
        assert written == [True, False, False, False, False]
        assert lines == [b"W! no room on /var\n"]
        assert log.again("disk") == 4
        assert log.again("disk") == 0
        assert log.once("disk", "again")

    def test_bounded(self, log: Log) -> None:
        """Endless keys do not fill the memory."""
        for number in range(KEYS_MAX * 2):
            log.once(str(number), "x")
        assert len(log._held) == KEYS_MAX


def test_start_is_light() -> None:
    """The module brings neither logging nor traceback along."""
    heavy = "{'logging', 'traceback'} & set(sys.modules)"
    program = f"import sys, telegraf_osquery.telemetry.log; print({heavy})"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "set()\n"


def test_long_foreign_text_is_cheap() -> None:
    """A huge message is cut before it is worked on: ten megabytes cost no second."""
    lines: list[bytes] = []
    chance = random.Random(1)  # noqa: S311 - any text will do
    Log(lines.append).info("".join(chance.choice("ab\n") for _ in range(1000)) * 10_000)
    assert len(lines[0]) <= LINE_MAX
