"""What one caller may use of osquery's tables, columns and functions."""

from collections.abc import Iterable, Mapping

import msgspec

from telegraf_osquery.errors import ConfigError
from telegraf_osquery.schema.functions import ALLOWED, RULES
from telegraf_osquery.schema.spec import TableSpec
from telegraf_osquery.schema.tables import Schema


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """Names in any case; a second name of a table or column stands for what it repeats.

    Attributes:
        tables: what may be used; None is every table.
        denied_tables: what may not, even if it stands in ``tables``.
        denied_columns: table → columns that may not be used; the rest of the table may.
        functions: SQL functions that may be used; None is all but the risky ones.
        denied_functions: what may not, even if it stands in ``functions``.
        denied_paths: absolute paths; what lies at or below one is kept from tables that look at
            the files they are asked for. Only the embedded engine can see to it.
    """

    tables: frozenset[str] | None = None
    denied_tables: frozenset[str] = frozenset()
    denied_columns: Mapping[str, frozenset[str]] = {}
    functions: frozenset[str] | None = None
    denied_functions: frozenset[str] = frozenset()
    denied_paths: tuple[str, ...] = ()


EVERYTHING = Policy()
"""All tables and columns, all functions but the risky ones."""


class Permits:
    """A policy over a schema: answers for one name at a time.

    Attributes:
        functions: the functions that may be used, in lower case.
        restricted: the tables of which columns are missing, in lower case.
    """

    def __init__(self, policy: Policy, schema: Schema) -> None:
        self._schema = schema
        self._tables = None if policy.tables is None else self._real(policy.tables)
        self._denied = self._real(policy.denied_tables)
        self._columns = {
            self._name(table): self._hidden(table, columns)
            for table, columns in policy.denied_columns.items()
        }
        allowed = ALLOWED if policy.functions is None else _lower(policy.functions)
        self.functions = allowed - _lower(policy.denied_functions)
        self.restricted = frozenset(table for table, columns in self._columns.items() if columns)

    def table(self, name: str) -> bool:
        """Whether the table may be used."""
        if self._tables is None and not self._denied:
            return True  # without looking: a name is a line of the schema to parse
        name = self._name(name)
        return name not in self._denied and (self._tables is None or name in self._tables)

    def hidden(self, name: str) -> frozenset[str]:
        """The columns of a table that may not be used, in lower case; some it may not even have."""
        return self._columns.get(self._name(name), frozenset()) if self._columns else frozenset()

    def _name(self, name: str) -> str:
        spec = self._schema.table(name)
        return spec.name.lower() if spec else name.lower()

    def _real(self, names: Iterable[str]) -> frozenset[str]:
        return frozenset(map(self._name, names))

    def _hidden(self, table: str, columns: Iterable[str]) -> frozenset[str]:
        """With a column go its second names, and with a second name the column."""
        found = set(_lower(columns))
        spec = self._schema.table(table)
        own = spec.columns if spec else ()
        found |= {one.alias_of.lower() for one in own if one.name.lower() in found} - {""}
        found |= {one.name.lower() for one in own if one.alias_of.lower() in found}
        return frozenset(found)


def check(policy: Policy, schema: Schema, extra: Iterable[TableSpec] = ()) -> None:
    """See that every name of a policy exists: one that is misspelt would forbid nothing.

    Raises:
        ConfigError: with the nearest name.
    """
    more = {spec.name.lower(): spec for spec in extra}
    for key, names in (
        ("tables", policy.tables or ()),
        ("denied_tables", policy.denied_tables),
        ("denied_columns", policy.denied_columns),
    ):
        for name in sorted(names):
            if schema.table(name) is None and name.lower() not in more:
                near = " or ".join(schema.nearest(name)) or "one of: telegraf-osquery schema"
                raise ConfigError(f'policy.{key}: no table "{name}"; did you mean {near}?')
    for table, columns in sorted(policy.denied_columns.items()):
        spec = more.get(table.lower()) or schema.table(table)
        if spec:
            _check_columns(spec, columns)
    _check_words(policy)


def _check_columns(spec: TableSpec, columns: Iterable[str]) -> None:
    for name in sorted(columns):
        if spec.column(name) is None:
            known = ", ".join(column.name for column in spec.columns if not column.hidden)
            raise ConfigError(
                f'policy.denied_columns.{spec.name}: no column "{name}"; expected one of {known}'
            )


def _check_words(policy: Policy) -> None:
    for name in sorted((policy.functions or frozenset()) | policy.denied_functions):
        if name.lower() not in RULES:
            raise ConfigError(f'policy: no SQL function "{name}"; correct or remove it')
    for path in policy.denied_paths:
        if not path.startswith("/"):
            raise ConfigError(f'policy.denied_paths: "{path}" is relative; write it from /')


def _lower(names: Iterable[str]) -> frozenset[str]:
    return frozenset(map(str.lower, names))
