"""Settings of what may be asked of an engine."""

from collections.abc import Iterable
from typing import Annotated

import msgspec
from msgspec import Meta

from telegraf_osquery.config.settings import Settings
from telegraf_osquery.schema.functions import ALLOWED
from telegraf_osquery.schema.policy import Policy, check
from telegraf_osquery.schema.spec import TableSpec
from telegraf_osquery.schema.tables import Schema

Names = tuple[str, ...]


class PolicySettings(Settings, frozen=True, kw_only=True):
    """What may be asked. A second name of a table or column (hosts) stands for what it repeats."""

    tables: Annotated[Names, Meta(description="Tables that may be used; empty: every table.")] = ()
    denied_tables: Annotated[
        Names, Meta(description="Tables that may not be used, such as curl or carves.")
    ] = ()
    denied_columns: Annotated[
        dict[str, Names],
        Meta(
            description="Table = columns of it that may not be used. * then stands for the others; "
            "NATURAL and USING over such a table are refused."
        ),
    ] = msgspec.field(default_factory=dict)
    denied_functions: Annotated[Names, Meta(description="SQL functions that may not be used.")] = ()
    risky_functions: Annotated[
        Names, Meta(description="Allowed only where they are named: carve, json_patch, sleep.")
    ] = ()
    denied_paths: Annotated[
        Names,
        Meta(
            description="Absolute paths; files at or below one do not show in file and hash. Links "
            "are followed first. Only the embedded engine can see to it."
        ),
    ] = ()
    statements: Annotated[
        int, Meta(ge=0, description="Statements at work at once in this process; 0: no limit.")
    ] = 0


def policy(settings: PolicySettings, schema: Schema, extra: Iterable[TableSpec] = ()) -> Policy:
    """The policy of these settings.

    Raises:
        ConfigError: a table, column or function that does not exist: it would forbid nothing.
    """
    columns = settings.denied_columns.items()
    made = Policy(
        tables=frozenset(settings.tables) or None,
        denied_tables=frozenset(settings.denied_tables),
        denied_columns={table: frozenset(names) for table, names in columns},
        functions=ALLOWED | {name.lower() for name in settings.risky_functions},
        denied_functions=frozenset(settings.denied_functions),
        denied_paths=settings.denied_paths,
    )
    check(made, schema, extra)
    return made
