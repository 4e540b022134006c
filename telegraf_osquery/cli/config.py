"""``config check`` and ``config sample``."""

import sys

from telegraf_osquery.cli import render
from telegraf_osquery.config.load import load
from telegraf_osquery.config.sample import sample as sample_of
from telegraf_osquery.packs.library import Library
from telegraf_osquery.runtime.settings import CollectSettings

TITLE = "Settings of telegraf-osquery execd input and of telegraf-osquery collect"


def check(file: str, /) -> int:
    """Check a settings file and the packs that it names.

    Exit codes: 0 usable; 1 usable, but a pack or query in it is not; 2 not usable.

    Args:
        file: The settings in TOML.
    """
    settings = load(file, CollectSettings, warn=render.warn)
    findings = Library(settings.packs).load()
    for finding in findings:
        render.warn(f"{finding.severity}: {finding}")
    sys.stdout.write(f"{file}: usable\n")
    return int(any(finding.severity == "error" for finding in findings))


def sample() -> None:
    """Print a settings file with every key, its meaning and its default."""
    sys.stdout.write(sample_of(CollectSettings, TITLE))
