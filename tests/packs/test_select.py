"""Which packs and queries run on a host, and how long a discovery verdict holds."""

import pytest

from telegraf_osquery.errors import EngineUnavailable, QueryError
from telegraf_osquery.packs.pack import Pack, ScheduledQuery
from telegraf_osquery.packs.select import Discovery, Host, machine_shard, obstacle, select

HOST = Host("linux", "5.23.1", "db-1.example.com")


class Engine:
    """Counts the questions and answers as told."""

    def __init__(self, rows: int = 1) -> None:
        self.rows = rows
        self.asked: list[str] = []
        self.error: Exception | None = None

    def ask(self, sql: str) -> int:
        self.asked.append(sql)
        if self.error:
            raise self.error
        return self.rows


def pack(**settings: object) -> Pack:
    query = ScheduledQuery(pack="p", name="q", sql="SELECT 1")
    return Pack(name="p", path="/p.conf", queries=(query,), **settings)  # type: ignore[arg-type]


def test_a_query_is_left_out_for_the_first_reason_that_holds() -> None:
    """The reason is said in words, for a list of packs."""
    assert obstacle(pack(), HOST) == ""
    assert obstacle(pack(platform="darwin"), HOST) == 'platform "darwin" is not linux'
    assert obstacle(pack(version="6"), HOST) == 'version "6" is above 5.23.1'
    own = machine_shard(HOST.identifier)
    assert obstacle(pack(shard=own - 1), HOST) == f"shard {own - 1} is below this host's {own}"
    assert obstacle(pack(shard=own), HOST) == ""


@pytest.mark.parametrize(
    ("name", "shard"), [("host-0", 84), ("host-8", 0), ("host-13", 63), ("host-59", 9)]
)
def test_a_host_has_the_shard_of_its_name(name: str, shard: int) -> None:
    """First byte of SHA-1 in percent of 255, so that all agents draw the same lot."""
    assert machine_shard(name) == shard


@pytest.mark.parametrize(
    ("platform", "text", "runs"),
    [
        ("darwin", "posix", True),
        ("darwin", "ubuntu", False),
        ("windows", "posix", False),
        ("windows", "any", True),
        ("freebsd", "freebsd", True),
    ],
)
def test_other_platforms_have_their_own_words(platform: str, text: str, runs: bool) -> None:
    """What Linux alone answers to does not run elsewhere."""
    assert (obstacle(pack(platform=text), Host(platform, "5.23.1")) == "") is runs


def test_a_discovery_verdict_holds_for_an_hour() -> None:
    """Within the hour nothing is asked; after it the pack follows the host."""
    engine = Engine()
    discovery = Discovery(engine.ask)
    waiting = pack(discovery=("SELECT a", "SELECT b"))
    assert discovery.active(waiting, 0.0)
    engine.rows = 0
    assert discovery.active(waiting, 3599.9)
    assert not discovery.active(waiting, 3600.0)
    assert engine.asked == ["SELECT a", "SELECT b", "SELECT a"]


def test_a_failing_discovery_query_is_reported_once() -> None:
    """The pack does not run, and the same failure is not repeated every hour."""
    engine = Engine()
    engine.error = QueryError("no such table: x")
    discovery = Discovery(engine.ask)
    waiting = pack(discovery=("SELECT * FROM x",))
    assert not discovery.active(waiting, 0.0)
    assert not discovery.active(waiting, 4000.0)
    assert [finding.message for finding in discovery.findings] == [
        "discovery failed, the pack does not run: no such table: x"
    ]


def test_an_engine_that_is_away_decides_nothing() -> None:
    """The last verdict stays, and the question is asked again at once."""
    engine = Engine()
    discovery = Discovery(engine.ask)
    waiting = pack(discovery=("SELECT a",))
    assert discovery.active(waiting, 0.0)
    engine.error = EngineUnavailable("gone")
    assert discovery.active(waiting, 4000.0)
    engine.error, engine.rows = None, 0
    assert not discovery.active(waiting, 4001.0)
    assert discovery.findings == []


def test_discovery_is_asked_only_of_packs_that_fit() -> None:
    """A pack for another platform costs no query."""
    engine = Engine()
    packs = [pack(discovery=("SELECT a",), platform="windows"), pack(discovery=("SELECT b",))]
    assert [query.name for query in select(packs, HOST, Discovery(engine.ask), 0.0)] == ["q"]
    assert engine.asked == ["SELECT b"]
