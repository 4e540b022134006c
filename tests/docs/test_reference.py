"""The reference says what the code does: nothing stale, nothing left out."""

import argparse

import pytest

from docs import commands_page, exits_page, generate, settings_page
from telegraf_osquery.cli.app import COMMANDS, build
from telegraf_osquery.engines.embedded_tables import MODULES
from telegraf_osquery.model.names import OWN_MEASUREMENTS
from telegraf_osquery.model.run import COLUMNS
from telegraf_osquery.packs.library import Library, starter_names
from telegraf_osquery.runtime.settings import CollectSettings
from telegraf_osquery.telemetry.counters import METRICS, fields
from telegraf_osquery.telemetry.health import FIELDS


def page(name: str) -> str:
    with open(f"{generate.ROOT}/reference/{name}.md", encoding="utf-8") as file:
        return file.read()


@pytest.mark.parametrize("path", list(generate.pages()), ids=lambda path: path.split("docs/")[-1])
def test_a_page_is_as_it_would_be_generated_now(path: str) -> None:
    """``make docs`` would change nothing."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    assert generate.rendered(text) == text, "run make docs and commit what it writes"


def test_every_part_is_used() -> None:
    """A part that no page has is dead code."""
    used = set()
    for path in generate.pages():
        with open(path, encoding="utf-8") as file:
            used |= set(generate.parts(file.read()))
    assert used == set(generate.PARTS)


def test_a_stale_part_would_be_seen() -> None:
    """The comparison can fail: a changed part is put right again, prose stays."""
    text = "prose\n<!-- generated: exits -->\nstale\n<!-- end -->\nmore\n"
    made = generate.rendered(text)
    assert "stale" not in made
    assert "| 75 |" in made
    assert made.startswith("prose\n")
    assert made.endswith("<!-- end -->\nmore\n")


@pytest.mark.parametrize(("name", "_place", "_text"), COMMANDS, ids=[c[0] for c in COMMANDS])
def test_every_command_and_option_is_documented(name: str, _place: str, _text: str) -> None:
    """Its heading, and each option with a meaning."""
    text = page("commands")
    if name in commands_page.SERVICES:
        parser = commands_page.SERVICES[name]()
        assert f"\n## {parser.prog}\n" in text
        assert all(f"`{option}`" in text for option in _options(parser))
        return
    section = text.partition(f"\n## telegraf-osquery {name.replace('.', ' ')}\n")[2]
    section = section.partition("\n## ")[0]
    command = build()
    for word in name.split("."):
        command = command[word]
    assert section
    for argument in command.assemble_argument_collection(parse_docstring=True):
        if argument.show:
            assert f"| `{argument.name}` |" in section
            assert argument.parameter.help, f"{name} {argument.name} has no meaning"


def _options(parser: argparse.ArgumentParser) -> list[str]:
    shown = [action for action in parser._actions if action.dest != "help"]
    return [name for action in shown for name in action.option_strings]


def test_every_setting_is_documented() -> None:
    """Each key, also those of tables, and each with a description."""
    text = page("settings")
    for key in settings_page.keys(CollectSettings):
        row = next((line for line in text.splitlines() if line.startswith(f"| `{key}` |")), "")
        assert row, key
        assert not row.endswith("|  |"), f"{key} has no description"


def test_every_measurement_and_field_is_documented() -> None:
    """Our own measurements with all fields, and each starter query's measurement."""
    text = page("measurements")
    names = {*FIELDS, *(column.name for column in COLUMNS)}
    names |= {field for metric in METRICS for field in fields(metric)}
    library = Library(starter_names())
    library.load()
    names |= {query.measurement for pack in library.packs for query in pack.queries}
    assert [name for name in sorted(names) if f"| `{name}` |" not in text] == []
    assert all(f"\n## {name}\n" in text for name in OWN_MEASUREMENTS)


def test_every_table_and_exit_code_is_documented() -> None:
    """Each table has a section, each code and error a row."""
    tables, exits = page("tables"), page("exit-codes")
    assert all(f"\n## {name}\n" in tables for name in MODULES)
    assert all(f"| {code} |" in exits for code in exits_page.MEANING)
    assert all(f"`{kind.__name__}`" in exits for kind in exits_page.leaves())
    assert {kind.exit_code for kind in exits_page.leaves()} <= set(exits_page.MEANING)
