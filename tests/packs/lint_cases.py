"""What ``packs lint`` says about the case folders under ``tests/testcases/packs/lint``."""

import os
import tomllib
from pathlib import Path
from typing import Any

from telegraf_osquery.packs.lint.check import Linted, lint
from telegraf_osquery.packs.lint.target import Target
from telegraf_osquery.schema.tables import load

CASES = Path(__file__).parents[1] / "testcases" / "packs" / "lint"
EMBEDDED = frozenset({"processes", "users", "file", "hash"})
SCHEMA = load()


def linted(folder: str) -> Linted:
    """The packs of a folder, judged for what its ``target.toml`` says."""
    path = os.path.join(folder, "target.toml")
    given: dict[str, Any] = {}
    if os.path.exists(path):
        with open(path, "rb") as file:
            given = tomllib.load(file)
    return lint([folder], SCHEMA, Target(embedded=EMBEDDED, **given))


def said(folder: str) -> list[str]:
    """One line per finding: place, severity, rule, pack and query, message."""
    lines = []
    for one in linted(folder).findings:
        place = f"{one.file}:{one.line}"
        about = "/".join(filter(None, (one.pack, one.query))) or "-"
        lines.append(f"{place} {one.severity} {one.rule} {about}: {one.message}")
    return [line.replace(f"{folder}/", "") for line in lines]
