"""Table ``cpu_info``: the processors that the firmware describes (SMBIOS, structure type 4).

The layout is that of the SMBIOS specification (DMTF DSP0134, 7.5). Without the firmware's table, as
in most containers and many virtual machines, there are no rows: as in osquery, /proc/cpuinfo is not
a substitute.
"""

import struct
from collections.abc import Iterator
from typing import Any

import msgspec

from telegraf_osquery.engines.embedded_tables.ask import Ask, Table

_PROCESSOR, _END = 4, 127
_HEADER = struct.Struct("<BBH")  # type, length of the formatted part, handle
_WIDE = 0x4  # characteristics: 64-bit capable
_MORE = 0xFF  # 255 and more: the count stands in a later field of 16 bits


class Structure(msgspec.Struct, frozen=True):
    """One structure: its formatted part from the header on, and its strings."""

    type: int
    data: bytes
    strings: tuple[str, ...]

    def number(self, at: int, size: int = 1) -> int | None:
        """A little-endian field, None where this structure is too short to have it."""
        field = self.data[at : at + size]
        return int.from_bytes(field, "little") if len(field) == size else None

    def string(self, at: int) -> str:
        """The string that this field numbers from 1 on, ``""`` for none."""
        index = self.number(at) or 0
        return self.strings[index - 1] if 0 < index <= len(self.strings) else ""


def structures(table: bytes) -> Iterator[Structure]:
    """The structures in order, up to the end mark or the first that makes no sense."""
    at = 0
    while at + _HEADER.size <= len(table):
        kind, length, _ = _HEADER.unpack_from(table, at)
        end = table.find(b"\0\0", at + length)
        if length < _HEADER.size or end < 0:
            return
        texts = table[at + length : end].split(b"\0")
        strings = tuple(text.decode("utf-8", "replace") for text in texts)
        yield Structure(kind, table[at : at + length], strings)
        if kind == _END:
            return
        at = end + 2


def _count(cpu: Structure, at: int, wide: int) -> int | None:
    count = cpu.number(at)
    return cpu.number(wide, 2) or count if count == _MORE else count


def _cpu_info(ask: Ask) -> Iterator[tuple[Any, ...]]:
    table = ask.read("/sys/firmware/dmi/tables/DMI") or b""
    cpus = (found for found in structures(table) if found.type == _PROCESSOR)
    for index, cpu in enumerate(cpus):
        cores = _count(cpu, 0x23, 0x2A)
        traits = cpu.number(0x26, 2)
        yield (
            f"CPU{index}", cpu.string(0x10), cpu.string(0x07), str(cpu.number(0x05)),
            cpu.number(0x18), "" if cores is None else str(cores), _count(cpu, 0x25, 0x2E),
            "" if traits is None else "64" if traits & _WIDE else "32",
            cpu.number(0x16, 2), cpu.number(0x14, 2), cpu.string(0x04),
        )  # fmt: skip


TABLES: dict[str, Table] = {
    "cpu_info": Table(
        columns=(
            "device_id", "model", "manufacturer", "processor_type", "cpu_status",
            "number_of_cores", "logical_processors", "address_width", "current_clock_speed",
            "max_clock_speed", "socket_designation",
        ),
        generate=_cpu_info,
        lacks="all rows: the firmware's table is for root only",
    ),
}  # fmt: skip
