"""Table cpu_info: odd firmware."""

import struct
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from telegraf_osquery.engines.embedded_tables.smbios import structures
from tests.engines.tables.asking import rows


def _processor(length: int, cores: int, strings: bytes = b"Socket\0\0", wide: int = 0) -> bytes:
    data = bytearray(length)
    data[:5] = struct.pack("<BBHB", 4, length, 1, 1)
    if length > 0x23:
        data[0x23] = cores
    if length >= 0x2C:
        struct.pack_into("<H", data, 0x2A, wide)
    return bytes(data) + strings


def _cpus(root: Path, table: bytes) -> list[dict[str, object]]:
    folder = root / "sys" / "firmware" / "dmi" / "tables"
    folder.mkdir(parents=True)
    (folder / "DMI").write_bytes(table)
    return rows("cpu_info", root)


def test_old_firmware_does_not_know_its_cores(tmp_path: Path) -> None:
    """A structure that ends before a field leaves it absent."""
    (row,) = _cpus(tmp_path, _processor(0x20, 0))
    assert (row["socket_designation"], row["number_of_cores"]) == ("Socket", "")
    assert (row["logical_processors"], row["address_width"]) == (None, "")


def test_more_than_254_cores_stand_in_the_wide_field(tmp_path: Path) -> None:
    """255 means: look there."""
    (row,) = _cpus(tmp_path, _processor(0x30, 255, wide=384))
    assert row["number_of_cores"] == "384"


def test_structures_after_the_end_mark_are_not_read(tmp_path: Path) -> None:
    """The rest of the table is not the firmware's."""
    end = struct.pack("<BBH", 127, 4, 9) + b"\0\0"
    assert len(_cpus(tmp_path, _processor(0x30, 1) + end + _processor(0x30, 2))) == 1


def test_without_the_firmwares_table_there_are_no_rows(tmp_path: Path) -> None:
    """As in a container."""
    assert rows("cpu_info", tmp_path) == []


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_end_in_a_list(table: bytes) -> None:
    """A broken table neither raises nor runs for ever, and no structure is larger than it."""
    assert sum(len(found.data) for found in structures(table)) <= len(table)
