"""The converter that writes the data file."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from telegraf_osquery.schema.tables import Schema

TOOL = Path(__file__).parents[2] / "tools" / "schema_data.py"


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("schema_data", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _column(type_: str = "TEXT", **more: object) -> dict[str, object]:
    flags = dict.fromkeys(("required", "index", "hidden", "additional", "optimized"), False)
    return {"type": type_, **flags, **more}


def test_every_fact_survives_the_way_into_the_file(tool: ModuleType) -> None:
    """Types, flags, platforms, collation, life, type changes and second names come back."""
    columns = {
        "plain": _column(),
        "key": _column("BIGINT", required=True, index=True, optimized=True),
        "odd": _column("UNSIGNED_BIGINT", hidden=True, additional=True, platforms=["windows"]),
        "named": _column("DOUBLE", collate="VERSION_DPKG", aliases=["called"]),
        "raw": _column("BLOB"),
    }
    table = {"platforms": ["linux", "windows"], "evented": True, "cacheable": True}
    schema = {"tables": {"things": {**table, "columns": columns, "aliases": ["items"]}}}
    lives = {"odd": ["5.0.0", None], "lost": [None, "4.1.0"]}
    history = {
        "tables": {"things": {"since": "4.1.0", "columns": lives}, "old": {"until": "4.2.0"}},
        "type_changes": [["4.5.0", "things", "key", "TEXT", "BIGINT"]],
    }
    made = Schema("\n".join(tool.lines(schema, history)) + "\n")
    spec = made.table("items")
    assert spec is not None
    assert (spec.name, spec.platforms, spec.since) == ("things", ("linux", "windows"), "4.1.0")
    assert (spec.evented, spec.cacheable, spec.user_data) == (True, True, False)
    found = {column.name: column for column in spec.columns}
    assert list(found) == ["plain", "key", "odd", "named", "raw", "lost", "called"]
    assert (found["key"].type, found["key"].history) == ("BIGINT", (("4.5.0", "TEXT"),))
    assert (found["key"].required, found["key"].index, found["key"].optimized) == (True,) * 3
    assert (found["odd"].type, found["odd"].platforms) == ("UNSIGNED_BIGINT", ("windows",))
    assert (found["odd"].hidden, found["odd"].additional, found["odd"].since) == (
        True,
        True,
        "5.0.0",
    )
    assert (found["named"].type, found["named"].collation) == ("DOUBLE", "VERSION_DPKG")
    assert (found["called"].alias_of, found["called"].hidden) == ("named", True)
    assert (found["raw"].type, found["lost"].type, found["lost"].until) == (
        "BLOB",
        "UNKNOWN",
        "4.1.0",
    )
    assert made.table("old") is not None
