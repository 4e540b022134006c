"""system_info: who this host is (osquery/tables/system/linux/system_info.cpp).

The host name is looked up in /etc/hosts alone, never in DNS, which may hang. The identifier is the
board's (root only); without it, one that is derived from the machine id and as stable.
"""

import os
from _blake2 import blake2b
from collections.abc import Iterator
from typing import Any

from telegraf_osquery.engines.embedded_tables.ask import Ask, Table
from telegraf_osquery.engines.embedded_tables.gauges import meminfo
from telegraf_osquery.engines.embedded_tables.release import machine

_DMI = "/sys/class/dmi/id"
_BOARD_FILES = (
    "sys_vendor",
    "product_name",
    "product_version",
    "product_serial",
    "board_vendor",
    "board_name",
    "board_version",
    "board_serial",
)
# what makers leave in the field (osquery/core/system.cpp keeps such a list)
_NO_UUIDS = frozenset(
    {
        "00000000-0000-0000-0000-000000000000",
        "03000200-0400-0500-0006-000700080009",
        "03020100-0504-0706-0809-0a0b0c0d0e0f",
        "10000000-0000-8000-0040-000000000000",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
    }
)


def as_uuid(secret: bytes, purpose: bytes) -> str:
    """A UUID that tells nothing about what it was made from."""
    text = blake2b(secret, digest_size=16, key=b"telegraf-osquery", person=purpose).hexdigest()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def host_uuid(ask: Ask) -> str:
    """The board's UUID; without the right or without a real one, derived from the machine id."""
    uuid = ask.text(f"{_DMI}/product_uuid").strip().lower()
    if len(uuid) == 36 and uuid not in _NO_UUIDS:
        return uuid
    machine = ask.text("/etc/machine-id").strip()
    return as_uuid(machine.encode(), b"host") if machine else ""


def _cpus(text: str) -> list[dict[str, str]]:
    """One dict per ``processor`` block of /proc/cpuinfo."""
    cpus = []
    for block in text.split("\n\n"):
        pairs = [line.partition(":") for line in block.splitlines()]
        fields = {name.strip(): value.strip() for name, _, value in pairs}
        if "processor" in fields:
            cpus.append(fields)
    return cpus


def _cpu_columns(ask: Ask) -> tuple[Any, ...]:
    cpus = _cpus(ask.text("/proc/cpuinfo"))
    first = cpus[0] if cpus else {}
    cores = {(cpu.get("physical id"), cpu.get("core id", cpu["processor"])) for cpu in cpus}
    return (
        machine(ask),
        first.get("model", ""),
        first.get("model name", ""),
        len(cores) or None,
        len(cpus) or None,
        len({cpu.get("physical id") for cpu in cpus}) or None,
        first.get("microcode", ""),
    )


def _full_name(hosts: str, short: str) -> str:
    for line in hosts.splitlines():
        words = line.partition("#")[0].split()[1:]
        if short in words:
            return words[0]
    return short


def _names(ask: Ask) -> tuple[str, str]:
    """The host's full and short name."""
    short = ask.text("/proc/sys/kernel/hostname").strip() or os.uname().nodename
    return short if "." in short else _full_name(ask.text("/etc/hosts"), short), short


def _system_info(ask: Ask) -> Iterator[tuple[Any, ...]]:
    full, short = _names(ask)
    yield (
        full,
        host_uuid(ask),
        *_cpu_columns(ask),
        meminfo(ask).get("MemTotal"),
        *(ask.text(f"{_DMI}/{name}").strip() for name in _BOARD_FILES),
        short,
        full,
    )


TABLES = {
    "system_info": Table(
        (
            "hostname",
            "uuid",
            "cpu_type",
            "cpu_subtype",
            "cpu_brand",
            "cpu_physical_cores",
            "cpu_logical_cores",
            "cpu_sockets",
            "cpu_microcode",
            "physical_memory",
            "hardware_vendor",
            "hardware_model",
            "hardware_version",
            "hardware_serial",
            "board_vendor",
            "board_model",
            "board_version",
            "board_serial",
            "computer_name",
            "local_hostname",
        ),
        _system_info,
        lacks="serial numbers are empty and uuid is derived from the machine id",
    )
}
