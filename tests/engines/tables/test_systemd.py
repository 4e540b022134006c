"""systemd_units over the bus: what is asked, what it becomes, and a bus that misbehaves."""

import contextlib
import os
import shutil
import struct
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telegraf_osquery.clock import Deadline, SystemClock
from telegraf_osquery.engines.embedded import Embedded
from telegraf_osquery.engines.embedded_tables import dbus
from telegraf_osquery.engines.embedded_tables.dbus import Call, Reader, encode
from telegraf_osquery.errors import QueryError, QueryTimeout
from tests.engines.tables.asked import rows, schema, write
from tests.fakes.systemd_bus import SystemdBus, unit

UNIT, SERVICE = "org.freedesktop.systemd1.Unit", "org.freedesktop.systemd1.Service"
UNITS = [
    unit("cron.service", job=(12, "restart", "/org/freedesktop/systemd1/job/12")),
    unit("home.mount", sub="mounted"),
    unit("gone.service", "failed", sub="failed"),
]
PROPERTIES = {
    "cron_2eservice": {
        f"{UNIT} FragmentPath": "/lib/systemd/system/cron.service",
        f"{UNIT} SourcePath": "",
        f"{UNIT} UnitFileState": "enabled",
        f"{SERVICE} User": "root",
    },
    "home_2emount": {f"{UNIT} SourcePath": "/proc/self/mountinfo"},
}
ALL = "SELECT * FROM systemd_units"


def test_units_are_what_systemd_says(tmp_path: Path) -> None:
    """State, job and files of each; empty where systemd has no such property."""
    with SystemdBus(tmp_path, UNITS, PROPERTIES):
        cron, home, gone = rows(ALL, tmp_path)
    path = "/org/freedesktop/systemd1/unit/"
    about = ("cron.service", "About cron.service", "loaded", "active", "running", "enabled", "")
    job = (12, "restart", "/org/freedesktop/systemd1/job/12")
    assert cron == (
        *about, f"{path}cron_2eservice", *job, "/lib/systemd/system/cron.service", "root", ""
    )  # fmt: skip
    assert home[3:6] == ("active", "mounted", "")
    assert home[-3:] == ("", "", "/proc/self/mountinfo")
    assert gone[2:] == ("loaded", "failed", "failed", "", "", f"{path}gone_2eservice", 0, "", "/",
                        "", "", "")  # fmt: skip


def test_only_the_columns_that_are_read_are_asked_for(tmp_path: Path) -> None:
    """States need one call; only services have a user."""
    with SystemdBus(tmp_path, UNITS, PROPERTIES) as bus:
        assert (
            len(rows("SELECT id FROM systemd_units WHERE active_state = 'failed'", tmp_path)) == 1
        )
        assert bus.asked == ["Hello", "ListUnits"]
        bus.asked.clear()
        rows("SELECT user FROM systemd_units", tmp_path)
        assert bus.asked == ["Hello", "ListUnits", f"Get {SERVICE} User", f"Get {SERVICE} User"]


def test_a_thousand_units_come_in_order(tmp_path: Path) -> None:
    """Calls are sent some at a time; each answer finds its unit."""
    units = [unit(f"n{number}.service") for number in range(1000)]
    states = {f"n{n}_2eservice": {f"{UNIT} UnitFileState": f"state {n}"} for n in range(1000)}
    with SystemdBus(tmp_path, units, states):
        found = rows("SELECT id, unit_file_state FROM systemd_units", tmp_path)
    assert found == [(f"n{number}.service", f"state {number}") for number in range(1000)]


def test_the_other_byte_order_is_understood(tmp_path: Path) -> None:
    """Each message says its own."""
    with SystemdBus(tmp_path, UNITS, PROPERTIES, "big"):
        swapped = rows(ALL, tmp_path)
    shutil.rmtree(tmp_path / "run")
    with SystemdBus(tmp_path, UNITS, PROPERTIES):
        assert rows(ALL, tmp_path) == swapped


def test_startup_items_end_with_the_units(tmp_path: Path) -> None:
    """Type, state, files and user as systemd says; those of folders come first."""
    write(tmp_path, "/etc/init.d/cron", "#!/bin/sh\n")
    with SystemdBus(tmp_path, UNITS[:2], PROPERTIES):
        assert rows("SELECT * FROM startup_items", tmp_path) == [
            ("cron", "/etc/init.d/cron", "", "Startup Item", "/etc/init.d/", "enabled", ""),
            ("cron.service", "/lib/systemd/system/cron.service", "", "systemd unit", "", "active",
             "root"),
            ("home.mount", "", "", "systemd unit", "/proc/self/mountinfo", "active", ""),
        ]  # fmt: skip


@pytest.mark.parametrize("there", ["nothing", "a file", "nobody listens"])
def test_a_host_without_a_bus_has_no_units(tmp_path: Path, there: str) -> None:
    """Containers, images, other init systems: no rows, as in osquery."""
    if there == "a file":
        write(tmp_path, "/run/dbus/system_bus_socket", "")
    elif there == "nobody listens":
        with SystemdBus(tmp_path, []):
            pass
    assert rows(ALL, tmp_path) == []


@pytest.mark.parametrize("error", ["ServiceUnknown", "NameHasNoOwner", "Spawn.ServiceNotFound"])
def test_a_bus_without_systemd_has_no_units(tmp_path: Path, error: str) -> None:
    """dbus-daemon runs under other init systems too."""
    with SystemdBus(tmp_path, [], mode=f"org.freedesktop.DBus.Error.{error}"):
        assert rows(ALL, tmp_path) == []


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        ("chatters", "found b'HTTP/1.1 400 Bad Request' as greeting, expected OK"),
        ("rejects", "found b'REJECTED EXTERNAL' as greeting"),
        ("cuts", "the bus closed the connection"),
        ("garbage", "expected a D-Bus message"),
        ("huge", "expected a D-Bus message"),
        ("org.freedesktop.DBus.Error.AccessDenied", "does not list its units: .*AccessDenied"),
    ],
)
def test_a_bus_that_breaks_fails_the_query(tmp_path: Path, mode: str, reason: str) -> None:
    """No rows would look as if all units had gone."""
    with SystemdBus(tmp_path, UNITS, mode=mode), pytest.raises(QueryError, match=reason):
        rows(ALL, tmp_path)


def test_a_silent_bus_costs_the_deadline_and_no_more(tmp_path: Path) -> None:
    """Nothing waits in the kernel for longer."""
    clock = SystemClock()
    engine = Embedded(schema(), clock, root=str(tmp_path))
    with SystemdBus(tmp_path, UNITS, mode="silent"):
        begun = time.monotonic()
        with pytest.raises(QueryTimeout, match="system_bus_socket"):
            engine.execute(ALL, Deadline(clock, 0.2))
        assert time.monotonic() - begun < 1
    engine.close()


def test_a_silent_bus_is_given_up_before_a_long_deadline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five seconds are more than systemd ever needs."""
    monkeypatch.setattr(dbus, "SECONDS", 0.1)
    with (
        SystemdBus(tmp_path, UNITS, mode="silent"),
        pytest.raises(QueryError, match="no answer within"),
    ):
        rows(ALL, tmp_path)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), max_size=5))
def test_arguments_of_a_call_come_back(arguments: list[str]) -> None:
    """What is written can be read: header, padding, body."""
    message = encode(7, Call("a.b", "/c", "d.e", "F", tuple(arguments)))
    body, serial, fields = (int.from_bytes(message[at : at + 4], "little") for at in (4, 8, 12))
    start = 16 + fields + -fields % 8
    assert (serial, start + body) == (7, len(message))
    reader = Reader(message, "<", start)
    assert [reader.text() for _ in arguments] == arguments
    assert reader.at == len(message)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60))
def test_bytes_that_are_no_value_are_refused(data: bytes) -> None:
    """Never a crash, never beyond the end."""
    reader = Reader(data, "<")
    with contextlib.suppress(ValueError, LookupError, struct.error):
        reader.variant()
        assert reader.at <= len(data) + 1  # the NUL behind a text is not looked at


SCRIPT = """
mount -t tmpfs tmpfs /run/systemd && mkdir -p /run/systemd/system || exit 9
exec /lib/systemd/systemd --user --log-level=crit
"""


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Path]:
    """A real systemd (of a user, in a mount namespace of its own) behind a real dbus-daemon."""
    if os.geteuid() != 0 or not all(map(shutil.which, ("unshare", "dbus-daemon", "systemctl"))):
        pytest.skip("needs root, unshare(1), dbus-daemon and systemd")
    folder = tmp_path / "run"
    folder.mkdir(mode=0o700)
    environment = {"PATH": os.environ["PATH"], "XDG_RUNTIME_DIR": str(folder)}
    command = ["unshare", "-m", "--fork", "--kill-child", "sh", "-c", SCRIPT]
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        try:
            (tmp_path / "root/run/dbus").mkdir(parents=True)
            for _ in range(100):
                if (folder / "bus").exists() and (folder / "systemd/private").exists():
                    break
                if process.poll() is not None:
                    pytest.skip("systemd does not run here as a user's manager")
                time.sleep(0.1)
            else:
                pytest.skip("systemd does not run here as a user's manager")
            os.link(folder / "bus", tmp_path / "root/run/dbus/system_bus_socket")
            yield tmp_path
        finally:
            with contextlib.suppress(subprocess.SubprocessError):  # it ends what it has started
                _shown(tmp_path, "exit")
                process.wait(10)
            process.kill()


def _shown(folder: Path, *arguments: str) -> list[str]:
    environment = {"PATH": os.environ["PATH"], "XDG_RUNTIME_DIR": str(folder / "run")}
    command = ["systemctl", "--user", "--no-pager", *arguments]
    return subprocess.check_output(command, env=environment, text=True).splitlines()


def test_a_real_systemd_is_told_as_systemctl_tells_it(manager: Path) -> None:
    """Every unit, its states, its description and where it comes from."""
    sql = "SELECT id, load_state, active_state, sub_state, description FROM systemd_units"
    for _ in range(50):  # until it has started all; the first connection starts the bus itself
        found = sorted(rows(sql, manager / "root"))
        shown = _shown(manager, "list-units", "--all", "--plain", "--no-legend")
        if len(found) > 5 and found == sorted(tuple(line.split(None, 4)) for line in shown):
            break
        time.sleep(0.1)
    else:
        pytest.fail(f"{found} is not {shown}")
    columns = "id, fragment_path, source_path, unit_file_state"
    for name, *more in rows(f"SELECT {columns} FROM systemd_units", manager / "root"):
        lines = _shown(manager, "show", "-pFragmentPath,SourcePath,UnitFileState", "--", name)
        told = dict(line.split("=", 1) for line in lines)
        keys = ("FragmentPath", "SourcePath", "UnitFileState")
        assert more == [told.get(key, "") for key in keys]
