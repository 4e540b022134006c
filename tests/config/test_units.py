"""Durations and sizes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telegraf_osquery.config.units import (
    Duration,
    Size,
    duration,
    show_duration,
    show_size,
    size,
)


class TestDuration:
    """Seconds with a unit."""

    @pytest.mark.parametrize(
        ("text", "seconds"),
        [
            ("10s", 10.0),
            ("1m30s", 90.0),
            ("500ms", 0.5),
            ("24h", 86400.0),
            ("7d", 604800.0),
            ("1.5h", 5400.0),
            ("250us", 0.00025),
            ("250µs", 0.00025),
            ("1ns", 1e-9),
            ("0s", 0.0),
        ],
    )
    def test_accepted(self, text: str, seconds: float) -> None:
        """Every unit of Telegraf's durations, alone and together."""
        assert duration(text) == pytest.approx(seconds)

    @pytest.mark.parametrize(
        "text",
        ["", "s", "10", "-1s", "+1s", "1 s", "10S", "1y", "1s2", "1e3s", "\u0661s", "9" * 13 + "s"],
    )
    def test_refused(self, text: str) -> None:
        """What is no duration is shown, with examples of what is."""
        with pytest.raises(ValueError, match=r'^found ".*"; expected a duration .*"'):
            duration(text)

    @pytest.mark.parametrize(("value", "meant"), [(60, '"60s"'), ("60", '"60s"')])
    def test_bare_number(self, value: object, meant: str) -> None:
        """A number without a unit is refused with the likely meaning."""
        with pytest.raises(ValueError, match=f"did you mean {meant}"):
            duration(value)

    @pytest.mark.parametrize("value", [True, None, 1.5, ["1s"]])
    def test_other_types(self, value: object) -> None:
        """What is no text is no duration."""
        with pytest.raises(ValueError, match='write "10s"'):
            duration(value)

    @settings(max_examples=300, deadline=None)
    @given(st.integers(0, 10**9 * 86400 * 365))
    def test_shown_text_reads_back(self, nanoseconds: int) -> None:
        """Every duration of whole nanoseconds survives being shown."""
        value = Duration(nanoseconds / 1e9)
        assert duration(str(value)) == pytest.approx(value, rel=1e-12, abs=1e-9)

    @pytest.mark.parametrize(
        ("seconds", "text"), [(90, "1m30s"), (0, "0s"), (0.5, "500ms"), (86400, "1d")]
    )
    def test_shown_short(self, seconds: float, text: str) -> None:
        """It is shown as a person would write it."""
        assert show_duration(seconds) == text


class TestSize:
    """Bytes with a unit."""

    @pytest.mark.parametrize(
        ("text", "count"),
        [
            ("64KiB", 65536),
            ("10MB", 10_000_000),
            ("2GiB", 2 << 30),
            ("1 TiB", 1 << 40),
            ("1.5kB", 1500),
            ("512B", 512),
            ("0B", 0),
        ],
    )
    def test_accepted(self, text: str, count: int) -> None:
        """Powers of 1000 and of 1024, told apart."""
        assert size(text) == count

    @pytest.mark.parametrize("text", ["", "64", "64K", "64kib", "-1B", "1  MB", "1e3B"])
    def test_refused(self, text: str) -> None:
        """K alone does not say which of the two: refused, with the units."""
        with pytest.raises(ValueError, match=r"expected a size \(units B, kB, .*KiB"):
            size(text)

    def test_bare_number(self) -> None:
        """A number without a unit is refused with the likely meaning."""
        with pytest.raises(ValueError, match='did you mean "65536B"'):
            size(65536)

    @settings(max_examples=300, deadline=None)
    @given(st.integers(0, 1 << 50))
    def test_shown_text_reads_back(self, count: int) -> None:
        """Every size survives being shown, up to the twelve digits that are read."""
        text = str(Size(count))
        if len(text) <= 13:
            assert size(text) == count

    def test_shown_short(self) -> None:
        """It is shown in the largest unit that divides it."""
        assert [show_size(n) for n in (65536, 10_000_000, 0, 1500)] == [
            "64KiB",
            "10MB",
            "0B",
            "1500B",
        ]
