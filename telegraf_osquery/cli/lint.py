"""``packs lint``: what is wrong with packs, before they are rolled out."""

import os
import sys
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from telegraf_osquery.cli import render
from telegraf_osquery.cli.options import Shape
from telegraf_osquery.engines.embedded_tables import MODULES
from telegraf_osquery.errors import EXIT_FAILED, ConfigError
from telegraf_osquery.packs.lint.check import Linted, lint
from telegraf_osquery.packs.lint.target import Target
from telegraf_osquery.packs.pack import Finding
from telegraf_osquery.schema import tables

_STYLES = {"error": "bold red", "warning": "yellow", "info": "dim"}
_FAILS = {False: ("error",), True: ("error", "warning")}


def check(
    *paths: str,
    format: Shape = "table",  # noqa: A002 - the option's name
    platform: Literal["linux", "darwin", "windows"] | None = None,
    osquery_version: str | None = None,
    engine: Literal["embedded", "osquery"] | None = None,
    strict: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Find what is wrong with packs before they are rolled out.

    The exit code is 0 when they are clean, 1 when an error was found, 2 when a path is not there.

    Args:
        paths: Pack files, osquery configurations, folders of them, or names of starter packs.
        format: table for eyes, json for programs.
        platform: Only this platform; every one that a pack is for when left out.
        osquery_version: The release of osquery that answers; the newest one when left out.
        engine: embedded also finds tables that the embedded engine lacks.
        strict: Warnings are failures too.
    """
    if not paths:
        raise ConfigError(
            "packs lint: no packs are named, expected files, folders or names of starter packs: "
            "telegraf-osquery packs lint inventory"
        )
    target = Target(
        platform=platform,
        version=osquery_version,
        engine=engine,
        embedded=frozenset(MODULES),
    )
    found = lint(paths, tables.load(), target)
    if format == "json":
        render.json(describe(found), sys.stdout)
    else:
        _show(found)
    return EXIT_FAILED if any(found.count(severity) for severity in _FAILS[strict]) else 0


def describe(found: Linted) -> dict[str, Any]:
    """What ``--format json`` prints; a contract for programs."""
    return {
        "files": found.files,
        "queries": found.queries,
        "errors": found.count("error"),
        "warnings": found.count("warning"),
        "infos": found.count("info"),
        "findings": [_describe(finding) for finding in found.findings],
    }


def _describe(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "severity": finding.severity,
        "file": finding.file,
        "line": finding.line,
        "pack": finding.pack,
        "query": finding.query,
        "message": finding.message,
    }


def _show(found: Linted) -> None:
    if found.findings:
        rows = [
            (_place(one), one.severity, one.rule, "/".join(filter(None, (one.pack, one.query))),
             one.message)
            for one in found.findings
        ]  # fmt: skip
        names = ("place", "severity", "rule", "pack/query", "finding")
        render.table(names, rows, sys.stdout, styles=_STYLES)
    sys.stdout.write(
        f"{found.queries} queries in {found.files} files: {found.count('error')} errors, "
        f"{found.count('warning')} warnings, {found.count('info')} remarks\n"
    )


def _place(finding: Finding) -> str:
    path = os.path.relpath(finding.file)
    shown = finding.file if path.startswith("..") else path
    return f"{shown}:{finding.line}" if finding.line else shown
