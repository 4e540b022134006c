"""``doctor``: what works here, what is limited, and the cure."""

import sys

from telegraf_osquery.cli import checks, render
from telegraf_osquery.cli.checks import Check
from telegraf_osquery.cli.options import Shape
from telegraf_osquery.errors import EXIT_FAILED
from telegraf_osquery.runtime.serve import settings_from

STYLES = {"ok": "green", "note": "cyan", "warning": "yellow", "fault": "bold red"}


def doctor(*, config: str = "", format: Shape = "table") -> int:  # noqa: A002 - the option's name
    """Say what works here, what is limited, and the cure.

    Exit codes: 0 no fault; 1 at least one; 2 the settings are not usable.

    Args:
        config: The settings file of the collector; the usual one when left out.
        format: table for eyes, json for programs.
    """
    found = checks.all_checks(settings_from(config))
    if format == "json":
        render.json({"ok": not _faulty(found), "checks": found}, sys.stdout)
    else:
        _print(found)
    return EXIT_FAILED if _faulty(found) else 0


def _faulty(found: list[Check]) -> bool:
    return any(check.state == "fault" for check in found)


def _print(found: list[Check]) -> None:
    rows = [(check.state, check.subject, check.found) for check in found]
    render.table(("", "what", "found"), rows, sys.stdout, styles=STYLES)
    cures = dict.fromkeys(check.cure for check in found if check.cure)
    if cures:
        sys.stdout.write("\n")
        render.heading("what to do", sys.stdout)
    for cure in cures:
        about = dict.fromkeys(check.subject.split()[0] for check in found if check.cure == cure)
        sys.stdout.write(f"{', '.join(about)}: {render.cell(cure)}\n")
