"""Regular expressions answer as libc++ does, and never run away."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from telegraf_osquery.errors import QueryError, QueryTimeout
from telegraf_osquery.schema.sql_functions.around import Around
from telegraf_osquery.schema.sql_functions.regex import functions
from telegraf_osquery.schema.sql_functions.regex_bound import Wild, bound
from telegraf_osquery.schema.sql_functions.regex_machine import At, Machine, Run, match
from telegraf_osquery.schema.sql_functions.regex_parse import parse
from telegraf_osquery.schema.sql_functions.regex_python import translated
from telegraf_osquery.schema.sql_functions.regex_search import Expression
from telegraf_osquery.schema.sql_functions.regex_tree import Invalid

FOLDER = Path(__file__).parents[2] / "testcases" / "regex"
RUNAWAY = [b"(a+)+b", b"(a|a)*b", b"(a+a+)+b", b"(a?){20}a{20}b", b"(.*)(.*)(.*)(.*)x"]


def recorded(name: str) -> list[Any]:
    lines = (FOLDER / name).read_text().split("\n")
    return [json.loads(line) for line in lines if line]


def nothing() -> None:
    """No deadline."""


def searched(pattern: bytes, subject: bytes) -> Any:
    """Whole match and groups as text, as the recorded answers have them."""
    try:
        expression = Expression(pattern, nothing)
        spans = [expression.search(subject, group) for group in range(expression.groups + 1)]
    except Invalid:
        return "error"
    found = [span for span in spans if span is not None]
    assert len(found) in {0, len(spans)}
    return [subject[a:b].decode("latin-1") if a >= 0 else "" for a, b in found] or None


@pytest.mark.parametrize(("pattern", "subject", "answer"), recorded("search.jsonl"))
def test_search(pattern: str, subject: str, answer: Any) -> None:
    """Match, groups, no match and errors are libc++'s, also its limit on steps."""
    assert searched(pattern.encode("latin-1"), subject.encode("latin-1")) == answer


@pytest.mark.parametrize(("pattern", "subject", "answer"), recorded("split.jsonl"))
def test_split(pattern: str, subject: str, answer: Any) -> None:
    """The pieces between matches are libc++'s."""
    try:
        pieces = Expression(pattern.encode("latin-1"), nothing).split(subject.encode("latin-1"))
    except Invalid:
        assert answer == "error"
        return
    assert [piece.decode("latin-1") for piece in pieces] == answer


ATOMS = st.sampled_from(
    ["a", "b", "1", "ab", ".", r"\d", r"\w", r"\W", "[ab]", "[^a]", "[b-d1]", "^", "$", r"\b"]
)
REPEATS = st.sampled_from(["", "*", "+", "?", "{2}", "{1,2}", "{0,3}", "*?", "+?", "??", "{2,}"])


def repeated(atom: str, repeat: str) -> str:
    return atom if atom in {"^", "$", r"\b"} else atom + repeat


def group(opening: str, body: str, repeat: str) -> str:
    return f"{opening}{body})" + ("" if opening in {"(?=", "(?!"} else repeat)


def larger(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    several = st.lists(parts, min_size=1, max_size=3)
    opening = st.sampled_from(["(", "(?:", "(?=", "(?!"])
    groups = st.builds(group, opening, parts, REPEATS)
    return st.one_of(several.map("".join), several.map("|".join), groups)


PATTERNS = st.recursive(st.builds(repeated, ATOMS, REPEATS), larger, max_leaves=8)
SUBJECTS = st.text("aab1 -", max_size=10).map(str.encode)


@settings(max_examples=400, deadline=None)
@given(PATTERNS, SUBJECTS)
@example("(a|ab)(c|bcd)(d*)", b"abcd")
@example(r"x(y)?|b", b"abc")
def test_python_and_the_machine_agree(pattern: str, subject: bytes) -> None:
    """Where Python's re is used at all it finds what the matcher of our own finds."""
    tree = parse(pattern.encode())
    machine = Machine(tree)
    for wanted in range(tree.groups + 1):
        compiled = translated(tree, wanted)
        assume(compiled is not None)
        assert compiled is not None
        for place in range(len(subject)):
            at = At(place, first=not place, known=place > 0)
            mine = match(machine, Run(subject, nothing), at)
            found = compiled.match(subject, place)
            spans = None if found is None else found.span(compiled.groups)
            assert spans == (None if mine is None else mine[wanted])


class Counting(Run):
    """Counts what is looked at: every 4096th step."""

    steps = 0

    def look(self, steps: int, start: int, states: int) -> None:
        self.steps = max(self.steps, steps)
        super().look(steps, start, states)


@settings(max_examples=200, deadline=None)
@given(PATTERNS, st.sampled_from([b"a" * 400, b"ab1" * 120, b"a-" * 150 + b"b"]))
@example("(.*)b(.*)1$", b"a" * 400)
def test_no_attempt_takes_more_steps_than_foretold(pattern: str, subject: bytes) -> None:
    """What decides between re and the matcher is a bound."""
    tree = parse(pattern.encode())
    try:
        most = bound(tree.body, len(subject))
    except Wild:
        most = float("inf")
    assume(most < 1 << 18)
    run = Counting(subject, nothing)
    match(Machine(tree), run, At(0, first=True, known=False))
    assert run.steps <= most


@pytest.mark.parametrize("pattern", RUNAWAY)
@pytest.mark.parametrize("length", [40, 5000])
def test_a_deadline_ends_a_runaway_pattern(pattern: bytes, length: int) -> None:
    """However long the subject is: re is not used for such patterns."""
    asked = 0

    def expired() -> bool:
        nonlocal asked
        asked += 1
        return asked > 3

    functions_ = functions(Around(expired=expired))
    for name in ("regex_match", "regex_split"):
        asked = 0
        with pytest.raises(QueryTimeout, match="regular expression"):
            functions_[name]("a" * length, pattern, 0)


def test_a_deadline_ends_a_long_search_by_python_too() -> None:
    """A subject of a megabyte, tried at every place, is left in between."""
    match_ = functions(Around(expired=lambda: True))["regex_match"]
    with pytest.raises(QueryTimeout):
        match_("a" * (1 << 20), ".*b", 0)


def test_without_a_deadline_steps_are_counted() -> None:
    """A pattern that libc++ would try for hours is an error after some seconds at most."""
    with pytest.raises(QueryError, match="Invalid regex: it takes too many steps"):
        functions(Around())["regex_match"]("a" * 26, "(a+)+b", 0)


def test_a_megabyte_is_no_trouble_for_plain_patterns() -> None:
    """What repeats single bytes is found at once, whatever the length."""
    subject = b"ab" * (1 << 19)
    for pattern in (b"(a|b)+", b"[ab]+$", b"^.*b"):
        assert Expression(pattern, nothing).search(subject) == (0, len(subject))


@pytest.mark.parametrize("pattern", [b"(?:ab)+", b"((a)|b)+c", b"(a+b)+"])
def test_long_texts_take_no_memory_without_end(pattern: bytes) -> None:
    """Where every turn must be remembered a text of a megabyte is an error."""
    with pytest.raises(Invalid, match="it keeps too many ways open; match a shorter text"):
        Expression(pattern, nothing).search(b"ab" * (1 << 19))


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("(?i)a", r"Invalid regex: found '\?i\)a' at byte 2, expected something to repeat"),
        ("a(b", r"Invalid regex: found the end at byte 4, expected \)"),
        ("[[:nosuch:]]", "Invalid regex: found the class 'nosuch', known are alnum, alpha"),
        ("[[.nosuch.]]", "Invalid regex: found 'nosuch', which names no character"),
        (r"\q", "Invalid regex: found 'q' at byte 2, which is no escape of ECMAScript"),
        (r"(a)\2", "expected a group's number, there are 1 before it"),
        ("a{3,2}", "expected a larger second number"),
        ("x" * 257, "Invalid regex: too big, max size is 256 bytes"),
    ],
)
def test_an_error_says_where_and_what(pattern: str, message: str) -> None:
    """The words of osquery first, then what was found and expected."""
    for function in functions(Around()).values():
        with pytest.raises(QueryError, match=message):
            function("a", pattern, 0)


def test_many_patterns_are_not_kept() -> None:
    """The store of known patterns does not grow without end, and forgets nothing that matters."""
    match_ = functions(Around())["regex_match"]
    assert [match_(f"x{n}", f"x({n})", 1) for n in range(200)] == [str(n) for n in range(200)]
