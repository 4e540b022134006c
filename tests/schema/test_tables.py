"""The bundled schema against what osquery itself declares."""

from pathlib import Path

import pytest

from telegraf_osquery.schema.spec import TableSpec, release
from telegraf_osquery.schema.tables import Schema, load

CASES = Path(__file__).parents[1] / "testcases" / "schema" / "declared"
LETTERS = {"I": "INTEGER", "B": "BIGINT", "U": "UNSIGNED_BIGINT", "D": "DOUBLE"}


def _lines(name: str) -> list[list[str]]:
    text = (CASES / name).read_text(encoding="ascii")
    return [line.split(" ") for line in text.splitlines() if not line.startswith("#")]


def _declared(text: str) -> tuple[str, str, bool]:
    name, _, code = text.partition(":")
    return name, LETTERS.get(code[:1], "TEXT"), code.endswith("h")


@pytest.fixture(scope="module")
def schema() -> Schema:
    return load()


def _table(schema: Schema, name: str) -> TableSpec:
    found = schema.table(name)
    assert found is not None, name
    return found


@pytest.mark.parametrize("line", _lines("linux-5.23.1.txt"), ids=lambda line: line[0])
def test_linux_tables_are_declared_as_osquery_does(schema: Schema, line: list[str]) -> None:
    """Order, type and hidden flag of every column equal what the real program reports."""
    name, *columns = line
    found = _table(schema, name).columns_for("linux", "5.23.1")
    assert [(c.name, c.type, c.hidden) for c in found] == [_declared(text) for text in columns]


def test_every_linux_table_of_the_release_was_compared(schema: Schema) -> None:
    """Only the cloud and BPF tables, which that build lacks, are not compared column by column."""
    compared = {line[0] for line in _lines("linux-5.23.1.txt")}
    assert set(schema.names("linux", "5.23.1")) - compared == {
        "bpf_process_events",
        "bpf_socket_events",
        "ec2_instance_metadata",
        "ec2_instance_tags",
    }
    assert len(compared) == 154


@pytest.mark.parametrize(("version", "count", "columns"), _lines("counts.txt"), ids=str)
def test_each_release_has_as_many_tables_and_columns_as_its_specs(
    schema: Schema, version: str, count: str, columns: str
) -> None:
    """Tables agree for all releases; columns from 5.14.0, as older ones had types not recorded."""
    names = schema.names(version=version)
    assert len(names) == int(count)
    if release(version) >= (5, 14):
        specs = [_table(schema, name).columns_for(version=version) for name in names]
        own = sum(1 for spec in specs for column in spec if not column.alias_of)
        assert own == int(columns)


def test_totals_by_platform_type_and_flag(schema: Schema) -> None:
    """The newest facts: 284 tables, 2587 columns, and how they divide."""
    names = schema.names(version="next")
    specs = [_table(schema, name) for name in names]
    columns = [c for s in specs for c in s.columns_for(version="next") if not c.alias_of]
    types = [column.type for column in columns]
    assert (len(names), len(columns)) == (284, 2587)
    assert [len(schema.names(p, "next")) for p in ("linux", "darwin", "windows")] == [156, 187, 118]
    assert sum(1 for spec in specs if len(spec.platforms) == 3) == 60
    assert (sum(s.evented for s in specs), sum(s.cacheable for s in specs)) == (20, 40)
    assert sum(s.user_data for s in specs) == 16
    assert {name: types.count(name) for name in sorted(set(types))} == {
        "BIGINT": 415,
        "DOUBLE": 13,
        "INTEGER": 518,
        "TEXT": 1632,
        "UNSIGNED_BIGINT": 9,
    }
    flags = ("required", "index", "hidden", "additional", "optimized", "platforms")
    counted = [sum(bool(getattr(column, flag)) for column in columns) for flag in flags]
    assert counted == [33, 102, 88, 114, 55, 134]


def test_one_name_has_different_types_in_different_tables(schema: Schema) -> None:
    """59 column names change their family from table to table, so a name alone is no key."""
    families: dict[str, set[str]] = {}
    for name in schema.names(version="next"):
        for column in _table(schema, name).columns_for(version="next"):
            if not column.alias_of:
                families.setdefault(column.name, set()).add(
                    column.family.replace("unsigned", "integer")
                )
    assert sum(len(found) > 1 for found in families.values()) == 59


@pytest.mark.parametrize(
    ("table", "column", "version", "type_"),
    [
        ("kernel_modules", "size", "4.5.1", "TEXT"),
        ("kernel_modules", "size", "4.6.0", "BIGINT"),
        ("carves", "size", "5.20.0", "INTEGER"),
        ("carves", "size", "5.21.0", "BIGINT"),
        ("os_version", "install_date", "4.4.0", "TEXT"),
        ("chassis_info", "chassis_types", "4.4.0", "INTEGER"),
        ("chassis_info", "chassis_types", "5.23.1", "TEXT"),
    ],
)
def test_old_releases_have_old_types(
    schema: Schema, table: str, column: str, version: str, type_: str
) -> None:
    """A type change is seen from the release on that made it."""
    found = {c.name: c.type for c in _table(schema, table).columns_for(version=version)}
    assert found[column] == type_


def test_columns_come_and_go_with_releases(schema: Schema) -> None:
    """A column is offered between its first and its last release."""
    spec = _table(schema, "time")
    assert "local_time" in {c.name for c in spec.columns_for(version="5.1.0")}
    assert "local_time" not in {c.name for c in spec.columns_for(version="5.2.0")}
    assert "local_time" not in {c.name for c in spec.columns_for()}
    processes = _table(schema, "processes")
    assert "cgroup_path" not in {c.name for c in processes.columns_for(version="5.5.0")}
    assert "cgroup_path" in {c.name for c in processes.columns_for(version="5.5.1")}


def test_foreign_columns_are_hidden(schema: Schema) -> None:
    """``upid`` can be asked for on Linux, but ``*`` does not show it; on macOS it does."""
    spec = _table(schema, "processes")
    linux = {c.name: c.hidden for c in spec.columns_for("linux")}
    darwin = {c.name: c.hidden for c in spec.columns_for("darwin")}
    assert (linux["upid"], darwin["upid"], linux["cgroup_path"], darwin["cgroup_path"]) == (
        True,
        False,
        False,
        True,
    )


@pytest.mark.parametrize(
    ("alias", "table"),
    [
        ("hosts", "etc_hosts"),
        ("syslog", "syslog_events"),
        ("yara", "yara_file"),
        ("packages", "package_receipts"),
        ("programs_and_features", "programs"),
        ("Processes", "processes"),
    ],
)
def test_second_names_and_any_case_resolve(schema: Schema, alias: str, table: str) -> None:
    """Aliases that osquery resolves are resolved; table names have no case."""
    assert _table(schema, alias).name == table
    assert set(schema.aliases().values()) <= set(schema.names())


def test_a_gone_table_is_known_by_its_last_release(schema: Schema) -> None:
    """A table that was removed before types were recorded has its life and no columns."""
    spec = _table(schema, "opera_extensions")
    assert (spec.until, spec.columns) == ("4.6.0", ())
    assert "opera_extensions" in schema.names(version="4.6.0")
    assert "opera_extensions" not in schema.names()


@pytest.mark.parametrize("name", ["", "no_such", "users ldw", "users\n", "a b", "pro cesses"])
def test_unknown_names_give_nothing(schema: Schema, name: str) -> None:
    """What is no table is None, also text that stands in the data file by chance."""
    assert schema.table(name) is None


def test_the_nearest_names_are_offered(schema: Schema) -> None:
    """A slip of the keyboard finds the table that was meant."""
    assert schema.nearest("proceses")[0] == "processes"
    assert schema.nearest("zzzzqqqq") == []


def test_the_data_is_small_and_parsed_per_table() -> None:
    """The text stays below 45 kB and asking for one table parses one line."""
    fresh = load()
    fresh.table("users")
    assert list(fresh._parsed) == ["users"]
    assert len(fresh._text) < 45_000
    assert fresh.table("users") is fresh.table("USERS")


@pytest.mark.parametrize(
    ("version", "expected"),
    [("5.23.0-38-ga5b14f63d", (5, 23, 0)), ("5.9.1", (5, 9, 1)), ("next", (1 << 30,))],
)
def test_versions_compare_by_number(version: str, expected: tuple[int, ...]) -> None:
    """Releases are compared part by part; builds between releases count as the release before."""
    assert release(version) == expected
    assert release("5.10.0") > release("5.9.1")
