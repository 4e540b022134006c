"""acpi_tables and secureboot: what the firmware left for the system.

Sources of the rules: osquery/tables/system/linux/acpi_tables.cpp and secureboot.cpp; UEFI 2.10, 3.3
(SecureBoot, SetupMode), Linux' efivarfs (four bytes of attributes, then the value).
"""

import os
from collections.abc import Iterator

from telegraf_osquery.engines.embedded_tables.ask import Ask, Table
from telegraf_osquery.engines.embedded_tables.content import clean
from telegraf_osquery.engines.embedded_tables.walk import listing
from telegraf_osquery.schema.sql_functions.digests import maker

_ACPI = "/sys/firmware/acpi/tables"
_EFI = "/sys/firmware/efi"
_GUID = "8be4df61-93ca-11d2-aa0d-00e098032b8c"
_VARIABLE_SIZE = 5


def _acpi_tables(ask: Ask) -> Iterator[tuple[str, int, str]]:
    """One that may not be read has size -1 and no digest."""
    for path in listing(ask, _ACPI, ()):
        data = ask.read(path)
        name = clean(path.rpartition("/")[2])
        if data is None:
            yield name, -1, ""
            continue
        digest = maker("md5")()
        digest.update(memoryview(data))
        yield name, len(data), digest.hexdigest()


def _secureboot(ask: Ask) -> Iterator[tuple[int | None, int | None]]:
    """No row where the system was not started by UEFI; NULL for what it does not say."""
    if os.path.isdir(ask.path(_EFI)):
        yield _variable(ask, "SecureBoot"), _variable(ask, "SetupMode")


def _variable(ask: Ask, name: str) -> int | None:
    data = ask.read(f"{_EFI}/efivars/{name}-{_GUID}") or b""
    return data[-1] if len(data) == _VARIABLE_SIZE else None


TABLES = {
    "acpi_tables": Table(
        ("name", "size", "md5"), _acpi_tables, lacks="sizes and digests: the tables are root's"
    ),
    "secureboot": Table(("secure_boot", "setup_mode"), _secureboot),
}
