"""From TOML to settings, and what is said when they do not fit."""

import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telegraf_osquery.config.decode import decode
from telegraf_osquery.config.settings import Settings
from telegraf_osquery.config.units import Duration, Size
from telegraf_osquery.errors import ConfigError
from tests.config.example import Disk, Example, Lane, Memory

WHERE = "x.toml"
BASE = 'endpoint = "e"\n'


def read(text: str) -> Example:
    return decode(tomllib.loads(BASE + text), Example, WHERE)


def refusal(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read(text)
    return str(caught.value)


class TestAccepted:
    """Settings that fit."""

    def test_defaults(self) -> None:
        """What is left out has its default."""
        assert read("") == Example("e")

    def test_everything(self) -> None:
        """Each kind of value arrives in its type."""
        found = read(
            'mode = "slow"\nrows = 9\nshare = 1\nquiet = true\npassword = "p"\ncolumns = ["a"]\n'
            'tags = {a = "1"}\nbuffer = {type = "disk", room = "2MiB"}\n'
            '[free."a.b"]\nname = "n"\n[main]\nname = "m"\ntimeout = "1m"\n[[lanes]]\nname = "l"\n'
        )
        assert found == Example(
            endpoint="e",
            mode="slow",
            rows=9,
            share=1.0,
            quiet=True,
            password="p",  # noqa: S106 - a setting under test
            columns=("a",),
            tags={"a": "1"},
            free={"a.b": Lane("n")},
            main=Lane("m", Duration(60)),
            lanes=(Lane("l"),),
            buffer=Disk(Size(2 << 20)),
        )

    def test_tag_chooses_the_table(self) -> None:
        """The key ``type`` chooses among tables."""
        assert read('buffer = {type = "memory", rows = 5}').buffer == Memory(5)


CASES = {
    # A key that nobody knows.
    "pasword = 1": "pasword: unknown key; expected one of buffer, columns, endpoint, free, key, "
    'lanes, main, mode, password, quiet, rows, share, tags; did you mean "password"?',
    "zzz = 1": "zzz: unknown key; expected one of buffer, columns, endpoint, free, key, lanes, "
    "main, mode, password, quiet, rows, share, tags; correct or remove it",
    '[[lanes]]\nname = "a"\n[[lanes]]\nnme = "b"': "lanes[1].nme: unknown key; expected one of "
    'name, timeout; did you mean "name"?',
    'buffer = {type = "memory", room = "1MiB"}': "buffer.room: unknown key; expected one of rows, "
    "type; correct or remove it",
    # A key that is missing.
    '[[lanes]]\ntimeout = "1s"': "lanes[0].name: missing; expected text that is not empty; add "
    'name = "slow"',
    "buffer = {}": "buffer.type: missing; expected a value; add the key",
    # A type that does not fit.
    'rows = "7"': 'rows: found "7"; expected an integer from 1 to 9; write rows = 7 without quotes',
    "rows = 1.5": "rows: found 1.5; expected an integer from 1 to 9; correct it or leave it out "
    "for the default 3",
    "rows = true": "rows: found true; expected an integer from 1 to 9; correct it or leave it out "
    "for the default 3",
    'quiet = "yes"': 'quiet: found "yes"; expected true or false; correct it or leave it out for '
    "the default false",
    "tags = {a = 1}": "tags.a: found 1; expected text; put it in quotes",
    "columns = [1]": "columns[0]: found 1; expected text; put it in quotes",
    'columns = "a"': 'columns: found "a"; expected a list, each item text; correct it or leave it '
    "out for the default []",
    "main = 3": "main: found 3; expected a table; correct it",
    "rows = [1, 2]": "rows: found a list of 2; expected an integer from 1 to 9; correct it or "
    "leave it out for the default 3",
    "mode = {}": 'mode: found a table; expected "fast" or "slow"; correct it or leave it out for '
    'the default "fast"',
    "rows = 2026-01-01": "rows: found 2026-01-01; expected an integer from 1 to 9; correct it or "
    "leave it out for the default 3",
    # A value that does not.
    "rows = 0": "rows: found 0; expected an integer from 1 to 9; correct it or leave it out for "
    "the default 3",
    "share = 0": "share: found 0; expected a number > 0; correct it or leave it out for the "
    "default 0.5",
    'mode = "fats"': 'mode: found "fats"; expected "fast" or "slow"; did you mean "fast"?',
    'mode = "zzz"': 'mode: found "zzz"; expected "fast" or "slow"; correct it or leave it out for '
    'the default "fast"',
    'main = {name = ""}': 'main.name: found ""; expected text that is not empty; write for '
    'instance name = "slow"',
    'buffer = {type = "tape"}': 'buffer.type: found "tape"; expected "disk" or "memory"; correct '
    "it",
    "share = nan": "share: found nan; expected a finite number",
    '[free.a]\nname = "n"\nextra = [{x = -inf}]': "free.a.extra[0].x: found -inf; expected a "
    "finite number",
    # Units.
    'main = {name = "m", timeout = 5}': "main.timeout: found 5; expected a duration (units ns, us, "
    'ms, s, m, h, d); did you mean "5s"?',
    'main = {name = "m", timeout = "500ms"}': 'main.timeout: found "500ms"; expected at least "1s"',
    '[free.a]\nname = "n"\n[free."b.c"]\nname = "n"\ntimeout = "61s"': 'free."b.c".timeout: found '
    '"1m1s"; expected at most "1m"',
    'buffer = {type = "disk", room = "2GiB"}': 'buffer.room: found "2GiB"; expected at most "1GiB"',
    # The key of a free table is named, though msgspec does not.
    '[free.a]\nname = "n"\n[free.b]\nname = 1': "free.b.name: found 1; expected text that is not "
    "empty; put it in quotes",
    # Secrets.
    "password = 12345": "password: found ********; expected text; correct it",
    "key = 12345": "key: found ********; expected text; correct it",
}


@pytest.mark.parametrize("text", CASES)
def test_message(text: str) -> None:
    """Where, what was found, what was expected, what to do."""
    assert refusal(text) == f"{WHERE}: {CASES[text]}"


def test_long_value_is_cut() -> None:
    """A message does not repeat a whole file."""
    assert len(refusal(f'rows = "{"x" * 5000}"')) < 250


def test_missing_at_the_top() -> None:
    """A required key of the file itself is named with an example."""
    with pytest.raises(ConfigError) as caught:
        decode({}, Example, WHERE)
    assert str(caught.value) == (
        'x.toml: endpoint: missing; expected text; add endpoint = "http://127.0.0.1:8086"'
    )


def test_rule_of_a_component() -> None:
    """What a Struct refuses itself is said with the place before it."""

    class Range(Settings):
        low: int = 0
        high: int = 1

        def __post_init__(self) -> None:
            if self.low > self.high:
                raise ValueError(f"low is {self.low}; expected at most high; swap them")

    class File(Settings):
        span: Range = Range()

    with pytest.raises(ConfigError) as caught:
        decode({"span": {"low": 5}}, File, WHERE)
    assert str(caught.value) == "x.toml: span: low is 5; expected at most high; swap them"


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["disk", "fast", "1s", "1MiB"])
    | st.dates(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["name", "timeout", "type", "room", "rows", "a.b", ""]), inner
        )
    ),
    max_leaves=6,
)


@settings(max_examples=80, deadline=None)
@given(st.dictionaries(st.sampled_from([*Example.__struct_fields__, "other"]), VALUES))
def test_anything_is_accepted_or_refused(data: dict[str, object]) -> None:
    """Whatever TOML holds, it is settings or a ConfigError that names the file."""
    try:
        found = decode(data, Example, WHERE)
    except ConfigError as error:
        assert str(error).startswith(f"{WHERE}: ")  # noqa: PT017 - either outcome is right
    else:
        assert isinstance(found, Example)


SECRET = "s3cr3t-value"  # noqa: S105 - what must not be shown


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(["password", "key"]),
    st.sampled_from([[SECRET], {SECRET: SECRET}, {"a": [SECRET]}, [[SECRET]]]),
)
def test_secrets_are_never_shown(name: str, value: object) -> None:
    """Whatever stands in a secret field, no part of it is in the message."""
    with pytest.raises(ConfigError) as caught:
        decode({"endpoint": "e", name: value}, Example, WHERE)
    assert SECRET not in str(caught.value)
