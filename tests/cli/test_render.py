"""What a terminal is shown."""

import io
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telegraf_osquery.cli import render


class Terminal(io.StringIO):
    """Says that it is a terminal."""

    def isatty(self) -> bool:
        return True


@given(st.text(max_size=40))
@settings(max_examples=200, deadline=None)
def test_a_cell_never_holds_a_control_or_turning_character(value: str) -> None:
    """Whatever a process calls itself, the terminal only shows it."""
    shown = render.cell(value)
    assert not any(unicodedata.category(char) in {"Cc", "Zl", "Zp"} for char in shown)
    assert not set(shown) & set("\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u200b\ufeff")


def test_an_absent_value_is_empty() -> None:
    """NULL and the text "None" are told apart."""
    assert render.cell(None) == ""
    assert render.cell("None") == "None"


def test_a_file_gets_cells_in_full_and_no_colours() -> None:
    """A pipe has no width."""
    out = io.StringIO()
    render.table(("a", "b"), [("x" * 300, "ok")], out, styles={"ok": "green"})
    assert "x" * 300 in out.getvalue()
    assert "\x1b" not in out.getvalue()


def test_a_terminal_gets_colours_and_its_own_width(monkeypatch: pytest.MonkeyPatch) -> None:
    """Long cells are folded, not cut."""
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    out = Terminal()
    render.table(("a", "b"), [("x" * 60, "ok")], out, styles={"ok": "green"})
    lines = out.getvalue().splitlines()
    assert sum(line.count("x") for line in lines) == 60
    assert "\x1b[32m" in out.getvalue()


def test_no_color_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_COLOR takes the colours away on a terminal too."""
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    out = Terminal()
    render.table(("a",), [("ok",)], out, styles={"ok": "green"})
    assert "\x1b[32m" not in out.getvalue()


def test_no_line_ends_in_blanks() -> None:
    """What is copied from a terminal is what was meant."""
    out = io.StringIO()
    render.table(("a", "b"), [("x", "y"), ("long one", "")], out)
    assert all(line == line.rstrip() for line in out.getvalue().splitlines())
