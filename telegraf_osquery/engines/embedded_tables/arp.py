"""Table ``arp_cache``: /proc/net/arp (IPv4 neighbours only, as in osquery)."""

from collections.abc import Iterator

from telegraf_osquery.engines.embedded_tables import procfs
from telegraf_osquery.engines.embedded_tables.ask import Ask, Table

_PERMANENT = 0x4  # ATF_PERM of net/if_arp.h


def _arp_cache(ask: Ask) -> Iterator[tuple[str, ...]]:
    try:
        data = procfs.read_table(procfs.of_host(ask, "/proc/net/arp"))
    except OSError:
        return
    for line in data.decode("utf-8", "replace").split("\n")[1:]:
        fields = line.split()  # address, hardware type, flags, hardware address, mask, device
        if len(fields) == 6:
            permanent = int(fields[2], 16) & _PERMANENT
            yield fields[0], fields[3], fields[5], "1" if permanent else "0"


TABLES: dict[str, Table] = {
    "arp_cache": Table(
        columns=("address", "mac", "interface", "permanent"),
        generate=_arp_cache,
    ),
}
