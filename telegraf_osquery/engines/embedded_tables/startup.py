"""startup_items: what starts by itself (osquery/tables/system/linux/startup_items.cpp).

Desktop entries and scripts in the homes of all users, /etc/init.d, the desktop entries of all, and
systemd's units. Any file in such a folder is an item; entries that are hidden or switched off are
``enabled`` too, as in osquery. Homes on network filesystems are not entered (see ``homes``).
"""

from collections.abc import Iterator

from telegraf_osquery.engines.embedded_tables.ask import Ask, Table
from telegraf_osquery.engines.embedded_tables.content import clean, pieces
from telegraf_osquery.engines.embedded_tables.homes import everyone
from telegraf_osquery.engines.embedded_tables.systemd import units
from telegraf_osquery.engines.embedded_tables.walk import listing, mount_points

_ENTRIES = ".config/autostart"
_SCRIPTS = ".config/autostart-scripts"
_SYSTEM_ENTRIES = "/etc/xdg/autostart"
_SYSTEM_SCRIPTS = "/etc/init.d"
_ITEM, _ENABLED = "Startup Item", "enabled"
_UNIT = "systemd unit"

Row = tuple[str, str, str, str, str, str, str]


def _startup_items(ask: Ask) -> Iterator[Row]:
    far = mount_points(ask)
    for home in everyone(ask):
        yield from _entries(ask, f"{home}/{_ENTRIES}", far)
        yield from _scripts(ask, f"{home}/{_SCRIPTS}", far)
    yield from _scripts(ask, _SYSTEM_SCRIPTS, far)
    yield from _entries(ask, _SYSTEM_ENTRIES, far)
    for unit in units(ask, ("fragment_path", "source_path", "user")):
        found = unit.properties
        path, source = found.get("fragment_path", ""), found.get("source_path", "")
        yield unit.id, path, "", _UNIT, source, unit.active_state, found.get("user", "")


def _entries(ask: Ask, folder: str, far: frozenset[str]) -> Iterator[Row]:
    """Desktop entries: the last Name and Exec count, one that holds another ``=`` does not."""
    for path in listing(ask, folder, far):
        fields = {"Name": "", "Exec": ""}
        for line in ask.text(path, far).split("\n"):
            parts = pieces(line.strip(), "=")
            if len(parts) == 2 and line.strip().startswith(("Name=", "Exec=")):
                fields[parts[0]] = parts[1]
        yield _item(folder, fields["Name"], fields["Exec"])


def _scripts(ask: Ask, folder: str, far: frozenset[str]) -> Iterator[Row]:
    for path in listing(ask, folder, far):
        yield _item(folder, path.rpartition("/")[2], path)


def _item(folder: str, name: str, path: str) -> Row:
    """Only below /home the folder tells the user."""
    parts = pieces(folder, "/")
    user = parts[1] if parts[0] == "home" else ""
    return clean(name), clean(path), "", _ITEM, f"{folder}/", _ENABLED, user


TABLES = {
    "startup_items": Table(
        ("name", "path", "args", "type", "source", "status", "username"),
        _startup_items,
        lacks="items in homes of other users do not show",
    )
}
