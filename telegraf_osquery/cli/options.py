"""Options that several commands share."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from cyclopts import Parameter, Token

from telegraf_osquery.cli.formats import Format
from telegraf_osquery.config.units import Duration, duration

Shape = Literal["table", "json"]
TIMEOUT = Duration(60)
Packs = Annotated[tuple[str, ...], Parameter(negative="")]
"""May be given several times."""


def _duration(_type: Any, tokens: Sequence[Token]) -> Duration:
    return duration(tokens[0].value)


def _count(_type: Any, value: int) -> None:
    if value < 0:
        raise ValueError("Expected 0 or more.")


@Parameter(name="*")
@dataclass(frozen=True)
class Asked:
    """How to ask and how to print the answer.

    Attributes:
        format: table and line for eyes; json, csv and influx (line protocol) for programs.
        timeout: Work one query may take: "500ms", "10s", "1m30s".
        limit: Rows to print at most; 0: all of them.
        engine: What answers the SQL; auto chooses.
    """

    format: Format = "table"
    timeout: Annotated[Duration, Parameter(converter=_duration, n_tokens=1)] = TIMEOUT
    limit: Annotated[int, Parameter(validator=_count)] = 0
    engine: Literal["auto", "embedded", "process", "socket"] = "auto"


PLAIN = Asked()
