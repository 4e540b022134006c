"""The sample and the schema that are made from settings."""

import json
import re
import tomllib
from pathlib import Path
from typing import Annotated

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Meta

from telegraf_osquery.config.decode import decode
from telegraf_osquery.config.fields import toml
from telegraf_osquery.config.json_schema import json_schema
from telegraf_osquery.config.sample import WIDTH, sample
from telegraf_osquery.config.settings import Settings
from telegraf_osquery.config.units import DURATION_PATTERN, SIZE_PATTERN
from tests.config.example import Disk, Example, Lane

CASE = Path(__file__).parent.parent / "testcases" / "config" / "sample"


class Plain(Settings):
    """Keys with defaults only."""

    name: Annotated[str, Meta(description="A name.")] = "x"
    count: Annotated[int, Meta(description="A count.", ge=0)] = 1


class TestSample:
    """The commented file."""

    def test_look(self) -> None:
        """It looks as the recorded one does."""
        assert sample(Example, "Settings with one of everything.") == (
            CASE / "expected.toml"
        ).read_text(encoding="utf-8")

    def test_decodes_to_the_defaults(self) -> None:
        """The sample as it stands is valid and changes nothing but what is required."""
        found = decode(tomllib.loads(sample(Example)), Example, "sample")
        assert found == Example("http://127.0.0.1:8086")

    def test_every_commented_key_is_valid(self) -> None:
        """With every key switched on it is valid too."""
        text = re.sub(r"^(\s*)# ", r"\1", sample(Example), flags=re.MULTILINE)
        found = decode(tomllib.loads(text), Example, "sample")
        assert found == Example(
            "http://127.0.0.1:8086", password="", lanes=(Lane("slow"),), buffer=Disk()
        )

    def test_every_key_is_there(self) -> None:
        """No key of the Struct is missing."""
        text = sample(Example)
        for name in Example.__struct_fields__:
            assert re.search(rf"^(# )?(\[*{name}\]*|{name} =)", text, re.MULTILINE), name

    def test_prose_is_wrapped(self) -> None:
        """Long descriptions are wrapped behind their mark."""
        assert all(len(line) <= WIDTH + 4 for line in sample(Example).splitlines())

    def test_plain(self) -> None:
        """Optional keys stand with their default behind a mark."""
        assert sample(Plain) == (
            '## A name.\n# name = "x"\n\n## A count.\n## Allowed: an integer >= 0.\n# count = 1\n'
        )


@settings(max_examples=150, deadline=None)
@given(
    st.recursive(
        st.booleans()
        | st.integers(-(2**63), 2**63 - 1)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(st.characters(exclude_categories=("Cs",))),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.text(st.characters(exclude_categories=("Cs",))), inner, max_size=3)
        ),
        max_leaves=5,
    )
)
def test_values_read_back(value: object) -> None:
    """Every value is written as TOML that says the same."""
    assert tomllib.loads(f"a = {toml(value)}")["a"] == value


class TestJsonSchema:
    """The schema for editors."""

    def test_recorded(self) -> None:
        """It is as the recorded one."""
        expected = json.loads((CASE / "expected.json").read_text(encoding="utf-8"))
        assert json.loads(json.dumps(json_schema(Example, "Example"))) == expected

    @pytest.mark.parametrize(
        ("pattern", "good", "bad"),
        [
            (DURATION_PATTERN, ["1m30s", "500ms"], ["5", "1 m", "s"]),
            (SIZE_PATTERN, ["64KiB", "1 MB"], ["64", "64K"]),
        ],
    )
    def test_units(self, pattern: str, good: list[str], bad: list[str]) -> None:
        """An editor accepts the units that we accept."""
        assert all(re.search(pattern, text) for text in good)
        assert not any(re.search(pattern, text) for text in bad)
