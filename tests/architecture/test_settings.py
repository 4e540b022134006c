"""Every settings Struct is documented, and its sample is true."""

import importlib
import tomllib
from collections.abc import Iterator
from typing import Annotated

import pytest
from msgspec import Meta

from telegraf_osquery.config.decode import decode
from telegraf_osquery.config.fields import fields_of
from telegraf_osquery.config.json_schema import json_schema
from telegraf_osquery.config.sample import sample
from telegraf_osquery.config.settings import Settings
from tests.architecture.reading import Module


def undocumented(struct: type[Settings]) -> list[str]:
    """The keys without a description."""
    return [field.name for field in fields_of(struct) if not field.description.strip()]


def subclasses(of: type[Settings]) -> Iterator[type[Settings]]:
    for one in of.__subclasses__():
        yield one
        yield from subclasses(one)


@pytest.fixture(scope="module")
def every(package: list[Module]) -> list[type[Settings]]:
    """The settings of all components."""
    for module in package:
        if module.room != "__main__":
            importlib.import_module(module.name)
    return [
        one
        for one in subclasses(Settings)
        if one.__module__.startswith("telegraf_osquery.") and one.__name__.endswith("Settings")
    ]


def test_found(every: list[type[Settings]]) -> None:
    """The settings of the collector are among those that are looked at."""
    assert "CollectSettings" in {one.__name__ for one in every}


def test_every_key_is_documented(every: list[type[Settings]]) -> None:
    """No key of any settings is without a description."""
    assert {one.__name__: undocumented(one) for one in every if undocumented(one)} == {}


def test_unknown_keys_are_refused(every: list[type[Settings]]) -> None:
    """No settings pass over a key they do not know."""
    assert [one for one in every if not one.__struct_config__.forbid_unknown_fields] == []


def test_samples_are_true(every: list[type[Settings]]) -> None:
    """The sample of each is valid, and is the default where nothing is required."""
    for one in every:
        made = decode(tomllib.loads(sample(one)), one, "sample")
        if not any(field.required for field in fields_of(one)):
            assert made == one()


def test_schemas_are_whole(every: list[type[Settings]]) -> None:
    """The schema of each has every key."""
    for one in every:
        assert set(json_schema(one, "x")["properties"]) == {f.name for f in fields_of(one)}


def test_planted_key() -> None:
    """A key without a description is seen."""

    class Planted(Settings):
        told: Annotated[int, Meta(description="Told.")] = 1
        untold: int = 1
        blank: Annotated[int, Meta(description=" ")] = 1

    assert undocumented(Planted) == ["untold", "blank"]
