"""The starter packs: sound, typed, and answered by the embedded engine."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from telegraf_osquery.clock import Deadline, SystemClock
from telegraf_osquery.engines.embedded import Embedded
from telegraf_osquery.model.names import clean
from telegraf_osquery.packs import library
from telegraf_osquery.packs.library import Library, starter_folder, starter_names
from telegraf_osquery.packs.pack import ScheduledQuery
from telegraf_osquery.schema import tables
from telegraf_osquery.schema.analyze import Analysis, Analyzer
from telegraf_osquery.schema.functions import OSQUERY

# Tags multiply series: only columns with few values on any host.
FEW_VALUES = {"protocol", "state", "interface", "path", "type", "period", "name", "groupname"}


def queries() -> list[ScheduledQuery]:
    found = Library(starter_names())
    assert found.load() == []
    return [query for pack in found.packs for query in pack.queries]


QUERIES = [pytest.param(query, id=query.measurement) for query in queries()]


@pytest.fixture(scope="module")
def analyzer() -> Iterator[Analyzer]:
    found = Analyzer(tables.load())
    yield found
    found.close()


@pytest.fixture(scope="module")
def engine() -> Iterator[Embedded]:
    found = Embedded(tables.load(), SystemClock())
    yield found
    found.close()


def analysis(analyzer: Analyzer, query: ScheduledQuery) -> Analysis:
    return analyzer.analyze(query.sql)


def test_there_are_three_packs_with_enough_queries() -> None:
    """Each theme has its folder, its pack and its sidecar."""
    assert starter_names() == ("inventory", "network", "users")
    assert len(QUERIES) >= 20
    for name in starter_names():
        assert os.path.isfile(os.path.join(starter_folder(), name, f"{name}.toml"))


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_is_described_and_bounded(query: ScheduledQuery) -> None:
    """A clean name, a description, an interval from a minute to an hour, a full budget."""
    assert clean(query.name) == query.name
    assert query.description
    assert 60 <= query.interval <= 3600
    assert min(query.additions.budget.cpu_ms, query.additions.budget.wall_ms) > 0
    assert query.additions.budget.rows > 0
    assert {*query.additions.tags} <= FEW_VALUES


@pytest.mark.parametrize("query", QUERIES)
def test_every_column_has_a_type(query: ScheduledQuery, analyzer: Analyzer) -> None:
    """Derived by a rule or declared; where both are, they agree. No column is named twice."""
    columns = analysis(analyzer, query).columns
    for column in columns:
        declared = query.additions.types.get(column.name)
        assert column.derived or declared
        assert not (column.derived and declared) or column.type == declared
    names = [column.name for column in columns]
    assert len(set(names)) == len(names)
    assert query.additions.columns() <= set(names)
    assert not {"host", "time"} & set(names)


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_uses_nothing_that_only_osquery_has(
    query: ScheduledQuery, analyzer: Analyzer, engine: Embedded
) -> None:
    """Plain SQLite functions over tables that the embedded engine can show."""
    found = analysis(analyzer, query)
    assert found.tables
    assert found.tables <= engine.tables()
    assert not found.functions & frozenset(OSQUERY)


@pytest.mark.parametrize("query", QUERIES)
def test_the_embedded_engine_answers(query: ScheduledQuery, engine: Embedded) -> None:
    """On this host, within the query's own budget of rows."""
    answer = engine.execute(query.sql, Deadline(SystemClock(), 60.0))
    rows = sum(len(chunk[0]) for chunk in answer.chunks)
    assert rows <= query.additions.budget.rows


def test_an_installed_package_finds_its_packs_inside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wheel carries them as `starter`; a checkout has them at its root."""
    root = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))
    assert starter_folder() == os.path.join(root, "packs")
    inside = tmp_path / "packs" / "starter" / "web"
    inside.mkdir(parents=True)
    (inside / "web.conf").write_text('{"queries": {}}')
    monkeypatch.setattr(library, "_HERE", str(tmp_path / "packs"))
    assert starter_names() == ("web",)
    monkeypatch.setattr(library, "_HERE", str(tmp_path / "elsewhere" / "packs"))
    assert starter_names() == ()
