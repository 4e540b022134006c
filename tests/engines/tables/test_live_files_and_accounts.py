"""Each of these tables over this very host: no fault, and cells of the declared types."""

import pytest

from telegraf_osquery.engines.embedded_tables.accounts import TABLES as ACCOUNTS
from telegraf_osquery.engines.embedded_tables.ask import Table
from telegraf_osquery.engines.embedded_tables.cron import TABLES as CRON
from telegraf_osquery.engines.embedded_tables.dpkg import TABLES as DPKG
from telegraf_osquery.engines.embedded_tables.files import TABLES as FILES
from telegraf_osquery.engines.embedded_tables.hashes import TABLES as HASHES
from telegraf_osquery.engines.embedded_tables.hosts import TABLES as HOSTS
from telegraf_osquery.engines.embedded_tables.logins import TABLES as LOGINS
from telegraf_osquery.engines.embedded_tables.ssh import TABLES as SSH
from telegraf_osquery.engines.embedded_tables.suid import TABLES as SUID
from tests.engines.tables.asked import rows, schema

_TABLES: dict[str, Table] = {
    **ACCOUNTS,
    **CRON,
    **DPKG,
    **FILES,
    **HASHES,
    **HOSTS,
    **LOGINS,
    **SSH,
    **SUID,
}
_WHERE = {
    "file": "path LIKE '/etc/%' OR directory IN ('/dev', '/proc/self', '/run')",
    "hash": "directory='/etc'",
    "authorized_keys": "uid IN (SELECT uid FROM users)",
}
_FAMILIES = {"text": str, "integer": int, "double": float}


@pytest.mark.parametrize("name", sorted(_TABLES))
def test_every_cell_has_the_type_of_its_column(name: str) -> None:
    """TEXT is never NULL where the table gives the column, numbers are numbers or NULL."""
    spec = schema().table(name)
    assert spec is not None
    columns = [column for column in spec.columns if column.name in _TABLES[name].columns]
    listed = ", ".join(column.name for column in columns)
    for row in rows(f"SELECT {listed} FROM {name} WHERE {_WHERE.get(name, '1')}"):
        for column, cell in zip(columns, row, strict=True):
            if cell is not None or column.family == "text":
                assert type(cell) is _FAMILIES[column.family], (column.name, row)


@pytest.mark.parametrize("name", sorted(_TABLES))
def test_every_linux_column_is_given(name: str) -> None:
    """What osquery shows on Linux is there, and nothing osquery does not know."""
    spec = schema().table(name)
    assert spec is not None
    linux = {
        column.name
        for column in spec.columns_for("linux")
        if not column.alias_of
        and (not column.platforms or "linux" in column.platforms)
        and not column.until
    }
    given = set(_TABLES[name].columns)
    assert linux <= given
    assert given <= {column.name for column in spec.columns}
