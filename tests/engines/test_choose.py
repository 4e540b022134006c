"""The choice of the engine, once, at start."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from telegraf_osquery.clock import Deadline, SystemClock
from telegraf_osquery.engines import choose as module
from telegraf_osquery.engines.choose import Places, choose
from telegraf_osquery.errors import ConfigError, EngineUnavailable
from telegraf_osquery.schema.tables import Schema, load
from tests.fakes import osqueryi
from tests.fakes.clock import ManualClock
from tests.fakes.nobody import as_nobody
from tests.fakes.osqueryd import FakeOsqueryd

CLOCK = SystemClock()


@pytest.fixture(scope="module")
def schema() -> Schema:
    return load()


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host without osquery: ``bin`` is the only folder on PATH."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(module, "_DAEMONS", (str(tmp_path / "opt" / "osqueryd"),))
    return tmp_path


@pytest.fixture
def places(host: Path) -> Places:
    return Places(socket=str(host / "osquery.em"))


@pytest.fixture
def daemon(host: Path) -> Iterator[FakeOsqueryd]:
    started = FakeOsqueryd(host / "osquery.em")
    yield started
    started.close()


def test_auto_without_osquery_is_embedded_and_says_why(schema: Schema, places: Places) -> None:
    """Both places that were looked at are named."""
    choice = choose("auto", schema, CLOCK, places=places)
    assert choice.name == "embedded"
    assert choice.reason == f"no osqueryd socket at {places.socket}, no osqueryi on PATH"
    assert choice.version == "5.23.1"


def test_auto_takes_the_socket_before_the_program(
    schema: Schema, host: Path, places: Places, daemon: FakeOsqueryd
) -> None:
    """The version is the daemon's, its tables are asked once for all lanes."""
    osqueryi.install(host / "bin")
    choice = choose("auto", schema, CLOCK, places=places)
    assert (choice.name, choice.version) == ("socket", "5.23.1")
    assert choice.reason == f"osqueryd 5.23.1 answers at {daemon.path}"
    asked = len(daemon.asked)
    engine = choice.make()
    assert {"users", "osquery_schedule"} <= engine.tables()
    assert len(daemon.asked) == asked
    assert next(engine.execute("SELECT 1 AS a", Deadline(CLOCK, 5)).chunks) == [["1"]]
    engine.close()


def test_auto_takes_osqueryi_on_path(schema: Schema, host: Path, places: Places) -> None:
    """It is asked for its version; each lane gets a child of its own."""
    program = osqueryi.install(host / "bin")
    choice = choose("auto", schema, CLOCK, places=places)
    assert (choice.name, choice.version) == ("process", "5.23.1")
    assert choice.reason == f"{program} is osquery 5.23.1"
    one, two = choice.make(), choice.make()
    for engine in (one, two):
        assert "users" in engine.tables()
        assert next(engine.execute("SELECT 1 AS a", Deadline(CLOCK, 5)).chunks)
        engine.close()


def test_a_shell_has_no_events(
    schema: Schema, host: Path, places: Places, daemon: FakeOsqueryd
) -> None:
    """It would answer without rows for ever; a daemon has them."""
    osqueryi.install(host / "bin")
    shell = choose("process", schema, CLOCK, places=places).make()
    assert "process_events" not in shell.tables()
    shell.close()
    socket = choose("socket", schema, CLOCK, places=places).make()
    assert "process_events" in socket.tables()
    socket.close()


def test_a_daemon_is_its_own_shell(schema: Schema, host: Path, places: Places) -> None:
    """Where there is no osqueryi, osqueryd is called with -S."""
    (host / "opt").mkdir()
    program = osqueryi.install(host / "opt", name="osqueryd")
    assert module._program("") == (program, "-S")
    assert choose("process", schema, CLOCK, places=places).reason.startswith(program)


def test_a_stale_socket_is_an_error_with_the_cure(
    schema: Schema, host: Path, places: Places, daemon: FakeOsqueryd
) -> None:
    """No silent step down to osqueryi, which is there as well."""
    osqueryi.install(host / "bin")
    daemon.die()
    with pytest.raises(EngineUnavailable) as caught:
        choose("auto", schema, CLOCK, places=places)
    assert str(caught.value) == (
        f"socket {places.socket}: the file is there but nobody listens, an osqueryd that died left "
        'it behind; start osqueryd, or remove the file; or set engine = "embedded"'
    )


def test_a_folder_that_may_not_be_entered(schema: Schema, host: Path) -> None:
    """What cannot be seen is not taken for absent."""
    (host / "closed").mkdir(mode=0)
    hidden = Places(socket=str(host / "closed" / "osquery.em"))
    with (
        as_nobody(),
        pytest.raises(EngineUnavailable, match=r"permission denied.*folder may not be entered"),
    ):
        choose("auto", schema, CLOCK, places=hidden)


def test_an_osqueryi_that_does_not_work_is_an_error(
    schema: Schema, host: Path, places: Places
) -> None:
    """Its last words are in the message."""
    program = osqueryi.install(host / "bin", "--start=exit")
    with pytest.raises(EngineUnavailable) as caught:
        choose("auto", schema, CLOCK, places=places)
    assert str(caught.value).startswith(f"{program}: ended with exit status 1")
    assert "unknown command line flag 'no_such_flag'" in str(caught.value)
    assert str(caught.value).endswith('; or set engine = "embedded"')


def test_the_socket_setting_without_a_socket(schema: Schema, places: Places) -> None:
    """It may come yet, so this is to be tried later; the cure is named."""
    with pytest.raises(EngineUnavailable, match=r"there is none.*start osqueryd") as caught:
        choose("socket", schema, CLOCK, places=places)
    assert caught.value.exit_code == 75


def test_the_process_setting_without_a_program(schema: Schema, places: Places) -> None:
    """Only a person can cure this."""
    with pytest.raises(ConfigError, match='engine = "process": found no osqueryi on PATH'):
        choose("process", schema, CLOCK, places=places)


def test_a_path_that_is_set_must_be_a_program(schema: Schema, host: Path) -> None:
    """The setting is printed."""
    wrong = Places(osqueryi=str(host / "nothing"), socket=str(host / "osquery.em"))
    for setting in ("auto", "process"):
        with pytest.raises(ConfigError, match=f'osqueryi = "{host}/nothing": found no program'):
            choose(setting, schema, CLOCK, places=wrong)


def test_a_path_that_is_set_wins(schema: Schema, host: Path) -> None:
    """PATH is not looked at."""
    osqueryi.install(host / "bin", "--start=exit")
    program = osqueryi.install(host, name="own-osqueryi")
    choice = choose(
        "auto", schema, CLOCK, places=Places(osqueryi=program, socket=str(host / "osquery.em"))
    )
    assert choice.reason.startswith(program)


@pytest.mark.parametrize("setting", ["thrift", "", "Embedded"])
def test_other_engines_are_refused_with_what_is_allowed(schema: Schema, setting: str) -> None:
    """The message prints the value and the allowed ones."""
    wanted = f'engine = "{setting}".*expected one of auto, socket, process, embedded'
    with pytest.raises(ConfigError, match=wanted):
        choose(setting, schema, ManualClock())


def test_nothing_is_asked_of_osquery_when_embedded_is_set(
    schema: Schema, host: Path, daemon: FakeOsqueryd, places: Places
) -> None:
    """Neither socket nor program is touched."""
    osqueryi.install(host / "bin", "--start=hang")
    choice = choose("embedded", schema, CLOCK, places=places)
    assert (choice.name, choice.reason, daemon.asked) == ("embedded", "set so", [])


def test_each_lane_gets_an_engine_of_its_own(schema: Schema) -> None:
    """And all show the schedule they were given."""
    clock = ManualClock()
    row = ("pack_a_b", "SELECT 1", 60, 3, 1_795_000_000, 0, 10, 1, 900, 300, 1, 1, 0, 0, 5, 5)
    choice = choose("embedded", schema, clock, own={"osquery_schedule": lambda: [row]})
    one, two = choice.make(), choice.make()
    assert one is not two
    for engine in (one, two):
        answer = engine.execute("SELECT * FROM osquery_schedule", Deadline(clock, 1))
        assert [cell[0] for cell in next(answer.chunks)] == list(row)
        engine.close()
