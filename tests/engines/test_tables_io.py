"""Input tree in, rows out: the recorded cases of every table."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from telegraf_osquery.errors import QueryError
from telegraf_osquery.schema.tables import Schema, load
from tests.engines import tree

FOLDER = Path(__file__).parents[1] / "testcases" / "tables"


def _queries() -> Iterator[object]:
    for file in sorted(FOLDER.glob("*/*/case.json")):
        name = f"{file.parent.parent.name}/{file.parent.name}"
        for number, query in enumerate(tree.load(file.parent).cases):
            yield pytest.param(file.parent, query, id=f"{name}-{number}")


@pytest.fixture(scope="module")
def schema() -> Schema:
    return load()


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "root"
    path.mkdir()
    yield path
    tree.unlock(path)


def _comparable(rows: list[tree.Row], *, nulls: bool) -> list[list[tuple[str, str | None]]]:
    cells = [sorted((k, v if nulls else v or "") for k, v in row.items()) for row in rows]
    return sorted(cells, key=repr)


@pytest.mark.parametrize(("folder", "query"), list(_queries()))
def test_a_tree_gives_the_recorded_rows(
    schema: Schema, root: Path, folder: Path, query: tree.Query
) -> None:
    """Rows equal osquery's; where they knowingly do not, they are the ones written down."""
    case = tree.load(folder)
    tree.build(folder, case, root)
    if query.error:
        with pytest.raises(QueryError) as caught:
            tree.ask(schema, case, root, query.sql)
        assert caught.value.code == query.error
        return
    nulls = any(None in row.values() for row in (*query.rows, *query.ours))
    found = _comparable(tree.ask(schema, case, root, query.sql), nulls=nulls)
    recorded = _comparable(query.rows, nulls=nulls)
    if query.differs:
        assert found == _comparable(query.ours, nulls=nulls)
        assert found != recorded
    else:
        assert found == recorded
