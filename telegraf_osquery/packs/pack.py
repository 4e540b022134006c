"""Packs, scheduled queries and decorators as the rest of the package sees them."""

from _blake2 import blake2b
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from telegraf_osquery.config.settings import Settings
from telegraf_osquery.model.column import Type
from telegraf_osquery.model.names import measurement

Severity = Literal["error", "warning", "info"]

DEFAULT_INTERVAL = 3600
"""Seconds between two runs of a query that names none."""


class Finding(msgspec.Struct, frozen=True):
    """Something in a pack that is not as its author meant it.

    Attributes:
        severity: ``error``: something does not run; ``warning``: it runs otherwise than written;
            ``info``: it has no effect here.
        pack: empty when the whole file is meant; ``query`` is empty when the whole pack is.
        message: what was found, what was expected, what to do.
        rule: the id of the rule of ``packs.lint`` that it breaks.
        line: 1-based line in the file, 0 where it is not known.
    """

    severity: Severity
    file: str
    pack: str
    query: str
    message: str
    rule: str = ""
    line: int = 0

    def __str__(self) -> str:
        return ": ".join(part for part in (self.file, self.pack, self.query, self.message) if part)


class Budget(Settings, frozen=True):
    """What one run may cost; 0 is the agent's own limit."""

    cpu_ms: Annotated[int, Meta(ge=0, description="CPU milliseconds, user and system")] = 0
    wall_ms: Annotated[int, Meta(ge=0, description="milliseconds from question to last row")] = 0
    rows: Annotated[int, Meta(ge=0, description="rows of the answer")] = 0


Names = tuple[str, ...]


class Additions(Settings, frozen=True):
    """What we know of a query beyond osquery's own keys."""

    tags: Annotated[Names, Meta(description="columns written as tags: few distinct values")] = ()
    key: Annotated[
        Names, Meta(description="columns that name a row, so that diff can say `changed`")
    ] = ()
    ignore: Annotated[Names, Meta(description="columns whose change is no difference")] = ()
    types: Annotated[
        dict[str, Type], Meta(description="column = type, where the schema cannot tell")
    ] = msgspec.field(default_factory=dict)
    unit: Annotated[dict[str, str], Meta(description='column = unit, such as "B" or "%"')] = (
        msgspec.field(default_factory=dict)
    )
    kuma: Annotated[dict[str, str], Meta(description="column = field of a KUMA event")] = (
        msgspec.field(default_factory=dict)
    )
    budget: Annotated[Budget, Meta(description="limits of one run")] = Budget()
    time_column: Annotated[
        str, Meta(description="column with an event's own time, unix seconds")
    ] = ""

    def __post_init__(self) -> None:
        both = sorted({*self.key} & {*self.ignore})
        if both:
            raise ValueError(f'"{both[0]}" stands in key and in ignore; remove it from one')

    def columns(self) -> frozenset[str]:
        """Every column named anywhere here."""
        named = {*self.tags, *self.key, *self.ignore, *self.types, *self.unit, *self.kuma}
        return frozenset(named | {self.time_column} - {""})


class ScheduledQuery(msgspec.Struct, frozen=True, kw_only=True):
    """One query of a pack.

    Attributes:
        interval: seconds, 1 to 604800.
        timed: whether the document gives the interval.
        snapshot: whole results; otherwise differences.
        removed: whether a difference reports rows that went away.
        denylist: whether a query that broke its budget may be put aside.
        platform: words, see ``values.platform_fits``; empty is everywhere.
        version: lowest osquery version; empty is any.
        shard: percent of hosts, 0 is all.
    """

    pack: str
    name: str
    sql: str
    interval: int = DEFAULT_INTERVAL
    timed: bool = True
    snapshot: bool = False
    removed: bool = True
    denylist: bool = True
    platform: str = ""
    version: str = ""
    shard: int = 0
    description: str = ""
    additions: Additions = Additions()

    @property
    def measurement(self) -> str:
        """``osquery_<pack>_<query>``."""
        return measurement(self.pack, self.name)

    @property
    def sql_digest(self) -> str:
        """16 hex digits (blake2b-8) that change when the SQL does."""
        return blake2b(self.sql.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


class Pack(msgspec.Struct, frozen=True, kw_only=True):
    """A named set of scheduled queries.

    Attributes:
        path: the file it was read from.
        discovery: SQL; the pack runs where each gives at least one row.
    """

    name: str
    path: str
    queries: tuple[ScheduledQuery, ...] = ()
    platform: str = ""
    version: str = ""
    shard: int = 0
    discovery: tuple[str, ...] = ()
    description: str = ""


class Decorators(msgspec.Struct, frozen=True):
    """SQL whose first row is added to every result.

    Attributes:
        load: asked once per load.
        always: asked before every query.
        interval: seconds (a multiple of 60) -> SQL asked that often.
    """

    load: tuple[str, ...] = ()
    always: tuple[str, ...] = ()
    interval: Mapping[int, tuple[str, ...]] = msgspec.field(default_factory=dict)

    def __add__(self, other: "Decorators") -> "Decorators":
        merged: dict[int, tuple[str, ...]] = dict(self.interval)
        for seconds, queries in other.interval.items():
            merged[seconds] = merged.get(seconds, ()) + queries
        return Decorators(self.load + other.load, self.always + other.always, merged)


Options = dict[str, Any]
