"""Tables about the host itself, over trees written here: what recorded cases do not show."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from telegraf_osquery.clock import Deadline
from telegraf_osquery.engines.embedded import Embedded
from telegraf_osquery.engines.embedded_tables import system
from telegraf_osquery.schema.tables import load
from tests.fakes.clock import ManualClock

SCHEMA = load()
Ask = Callable[[str], list[dict[str, Any]]]


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    def run(sql: str, clock: ManualClock | None = None) -> list[dict[str, Any]]:
        clock = clock or ManualClock()
        engine = Embedded(SCHEMA, clock, root=str(tmp_path))
        answer = engine.execute(sql, Deadline(clock, 10))
        rows = [row for chunk in answer.chunks for row in zip(*chunk, strict=True)]
        engine.close()
        return [dict(zip(answer.names, row, strict=True)) for row in rows]

    return run


def _put(root: Path, path: str, content: str | bytes) -> None:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content if isinstance(content, bytes) else content.encode())


def test_kernel_modules_drops_incomplete_lines(ask: Ask, tmp_path: Path) -> None:
    """Users without the final comma, a lone dash, flags behind the address."""
    lines = (
        "nf_tables 372736 2 nft_ct,nft_chain, Live 0xffffffffc0a00000",
        "loop 40960 0 - Live 0x0000000000000000 (OE)",
        "cut 40960 0 -",
        "odd size 0 - Live 0x0",
        "",
    )
    _put(tmp_path, "proc/modules", "\n".join(lines))
    assert [tuple(row.values()) for row in ask("SELECT * FROM kernel_modules")] == [
        ("nf_tables", 372736, "nft_ct,nft_chain", "Live", "0xffffffffc0a00000"),
        ("loop", 40960, "-", "Live", "0x0000000000000000"),
    ]


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("93784.56 180000.00\n", (1, 2, 3, 4, 93784)),
        ("0.99 0.00\n", (0, 0, 0, 0, 0)),
        ("", None),
        ("never\n", None),
    ],
)
def test_uptime_is_cut_into_days_hours_minutes_seconds(
    ask: Ask, tmp_path: Path, text: str, row: tuple[int, ...] | None
) -> None:
    """Whole seconds; no row where the kernel does not say."""
    _put(tmp_path, "proc/uptime", text)
    assert [tuple(found.values()) for found in ask("SELECT * FROM uptime")] == (
        [row] if row else []
    )


def test_time_is_the_clock_in_utc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The day of the month is padded with a blank in ``timestamp``, as C's asctime does."""
    monkeypatch.delenv("TZ", raising=False)
    clock = ManualClock(1_793_602_803_999_999_999)
    engine = Embedded(SCHEMA, clock, root=str(tmp_path))
    answer = engine.execute("SELECT *, date_time FROM time", Deadline(clock, 1))
    row = dict(zip(answer.names, (cell[0] for cell in next(answer.chunks)), strict=True))
    engine.close()
    assert row.pop("local_timezone")
    assert row == {
        "weekday": "Monday",
        "year": 2026,
        "month": 11,
        "day": 2,
        "hour": 7,
        "minutes": 0,
        "seconds": 3,
        "timezone": "UTC",
        "unix_time": 1793602803,
        "timestamp": "Mon Nov  2 07:00:03 2026 UTC",
        "datetime": "2026-11-02T07:00:03Z",
        "iso_8601": "2026-11-02T07:00:03Z",
        "date_time": "2026-11-02T07:00:03Z",
    }


def _cpu(number: int, package: int, core: int) -> str:
    fields = {
        "processor": number,
        "model": 142,
        "model name": "Example CPU @ 2.60GHz",
        "microcode": "0xf4",
        "physical id": package,
        "core id": core,
    }
    return "".join(f"{name}\t: {value}\n" for name, value in fields.items())


def test_system_info_tells_board_cpu_and_name(ask: Ask, tmp_path: Path) -> None:
    """Cores by (package, core), the full name from /etc/hosts, the rest from DMI."""
    cpus = [_cpu(0, 0, 0), _cpu(1, 0, 0), _cpu(2, 0, 1), _cpu(3, 1, 0)]
    _put(tmp_path, "proc/cpuinfo", "\n".join(cpus))
    _put(tmp_path, "proc/meminfo", "MemTotal:        8000000 kB\n")
    _put(tmp_path, "proc/sys/kernel/hostname", "web-1\n")
    _put(tmp_path, "proc/sys/kernel/arch", "x86_64\n")
    _put(
        tmp_path, "etc/hosts", "127.0.0.1 localhost\n127.0.1.1 web-1.example.com web-1 # web-1 x\n"
    )
    for name in ("sys_vendor", "product_name", "product_version", "product_serial"):
        _put(tmp_path, f"sys/class/dmi/id/{name}", f" {name} 1 \n")
    for name in ("board_vendor", "board_name", "board_version"):
        _put(tmp_path, f"sys/class/dmi/id/{name}", f"{name} 2\n")
    _put(tmp_path, "sys/class/dmi/id/product_uuid", "4C4C4544-0043-3010-8052-B4C04F564831\n")
    assert ask("SELECT * FROM system_info") == [
        {
            "hostname": "web-1.example.com",
            "uuid": "4c4c4544-0043-3010-8052-b4c04f564831",
            "cpu_type": "x86_64",
            "cpu_subtype": "142",
            "cpu_brand": "Example CPU @ 2.60GHz",
            "cpu_physical_cores": 3,
            "cpu_logical_cores": 4,
            "cpu_sockets": 2,
            "cpu_microcode": "0xf4",
            "physical_memory": 8_192_000_000,
            "hardware_vendor": "sys_vendor 1",
            "hardware_model": "product_name 1",
            "hardware_version": "product_version 1",
            "hardware_serial": "product_serial 1",
            "board_vendor": "board_vendor 2",
            "board_model": "board_name 2",
            "board_version": "board_version 2",
            "board_serial": "",
            "computer_name": "web-1",
            "local_hostname": "web-1.example.com",
        }
    ]


@pytest.mark.parametrize("uuid", [*sorted(system._NO_UUIDS), "", "not a uuid"])
def test_a_board_without_a_real_uuid_gets_one_from_the_machine_id(
    ask: Ask, tmp_path: Path, uuid: str
) -> None:
    """Stable for one machine id, different for another, and the machine id does not show in it."""
    _put(tmp_path, "sys/class/dmi/id/product_uuid", uuid.upper())
    found = []
    for machine in ("0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"):
        _put(tmp_path, "etc/machine-id", f"{machine}\n")
        rows = [ask("SELECT uuid FROM system_info")[0]["uuid"] for _ in range(2)]
        assert rows[0] == rows[1]
        assert rows[0].replace("-", "") != machine
        found.append(rows[0])
    assert found[0] != found[1]
    assert all(len(one) == 36 and one.lower() not in system._NO_UUIDS for one in found)


def test_a_host_that_shows_nothing_still_has_one_row(ask: Ask) -> None:
    """Empty texts and NULL numbers, never an error."""
    row = ask("SELECT * FROM system_info")[0]
    assert (row["uuid"], row["cpu_brand"], row["hardware_serial"]) == ("", "", "")
    assert (row["cpu_physical_cores"], row["physical_memory"]) == (None, None)
    assert ask("SELECT * FROM memory_info")[0]["memory_total"] is None
    assert ask("SELECT * FROM load_average") == []
    assert ask("SELECT * FROM system_controls") == []


def test_osquery_info_says_what_it_is(ask: Ask) -> None:
    """The release that is followed, this process, and that it is the embedded engine."""
    row = ask("SELECT * FROM osquery_info")[0]
    assert row["pid"] == os.getpid()
    assert (row["version"], row["build_platform"]) == ("5.23.1", "linux")
    assert (row["extensions"], row["build_distro"]) == ("embedded", "telegraf-osquery")
    assert (row["config_hash"], row["config_valid"], row["watcher"]) == ("", 0, -1)
    assert ask("SELECT * FROM osquery_info")[0]["instance_id"] == row["instance_id"]
    now = float(Path("/proc/uptime").read_text().split()[0])
    boot = next(line for line in Path("/proc/stat").read_text().splitlines() if "btime" in line)
    assert 0 < row["start_time"] - int(boot.split()[1]) <= now + 1


def test_osquery_schedule_is_empty_until_it_is_fed(ask: Ask) -> None:
    """``run`` and other commands without a schedule."""
    assert ask("SELECT * FROM osquery_schedule") == []


@pytest.mark.parametrize("subsystem", ["..", ".", "", "net/ipv4", "nosuch"])
def test_a_subsystem_never_leads_out_of_proc_sys(ask: Ask, tmp_path: Path, subsystem: str) -> None:
    """The value of a constraint is no path."""
    _put(tmp_path, "proc/secret", "secret")
    _put(tmp_path, "proc/sys/net/ipv4/ip_forward", "1")
    assert ask(f"SELECT * FROM system_controls WHERE subsystem = '{subsystem}'") == []


@pytest.mark.parametrize("name", ["../secret", "..secret", "/etc/passwd", "net.", "net"])
def test_a_control_name_never_leads_out_of_proc_sys(ask: Ask, tmp_path: Path, name: str) -> None:
    """It gives osquery's row without a value."""
    _put(tmp_path, "proc/secret", "secret")
    _put(tmp_path, "etc/passwd", "root")
    _put(tmp_path, "proc/sys/net/ipv4/ip_forward", "1")
    rows = ask(f"SELECT name, current_value FROM system_controls WHERE name = '{name}'")
    assert rows == [{"name": name, "current_value": ""}]


def test_bytes_that_are_not_utf8_are_written_out(ask: Ask, tmp_path: Path) -> None:
    """In file contents and in names of files."""
    _put(tmp_path, "etc/os-release", b'NAME="caf\xe9"\n')
    assert ask("SELECT name FROM os_version") == [{"name": r"caf\xE9"}]
    _put(tmp_path, os.fsdecode(b"proc/sys/net/caf\xe9"), b"\xff1\n")
    rows = ask("SELECT name, current_value FROM system_controls")
    assert rows == [{"name": r"net.caf\xE9", "current_value": r"\xFF1"}]


def test_single_quotes_stay_and_make_the_numbers_unknown(ask: Ask, tmp_path: Path) -> None:
    """As osquery reads os-release: only double quotes are quotes."""
    _put(tmp_path, "etc/os-release", "NAME='Odd OS'\nVERSION_ID='12.5'\n")
    row = ask("SELECT name, major, minor, patch FROM os_version")[0]
    assert row == {"name": "'Odd OS'", "major": None, "minor": 5, "patch": 0}


def test_a_later_sysctl_file_wins(ask: Ask, tmp_path: Path) -> None:
    """Comments and lines without a value are left out; only .conf files count."""
    _put(tmp_path, "proc/sys/vm/swappiness", "60\n")
    _put(
        tmp_path,
        "etc/sysctl.conf",
        "vm.swappiness = 1\n# vm.swappiness = 2\n; vm.swappiness = 3\nvm\n",
    )
    _put(tmp_path, "usr/lib/sysctl.d/10-a.conf", "vm.swappiness=4\n")
    _put(tmp_path, "usr/lib/sysctl.d/20-b", "vm.swappiness=5\n")
    rows = ask("SELECT config_value FROM system_controls WHERE name = 'vm.swappiness'")
    assert rows == [{"config_value": "4"}]
