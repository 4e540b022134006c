"""What osquery 5.23.1 did, and the same question asked of this package."""

import json
import os
import shutil
from collections.abc import Iterator
from typing import Any

from telegraf_osquery.errors import QueryError
from telegraf_osquery.model.names import MAIN_PACK
from telegraf_osquery.packs.document import Document, load
from telegraf_osquery.packs.pack import Pack
from telegraf_osquery.packs.select import Discovery, Host, obstacle, select

CASES = os.path.join(os.path.dirname(os.path.dirname(__file__)), "testcases", "packs")
HOST = Host("linux", "5.23.1", "host-0")  # shard 84: between the recorded 50 (out) and 99 (in)

# Rows that the discovery queries of the recordings gave; what is missing here was an SQL error.
_ROWS = {
    "SELECT 1": 1,
    "SELECT 2": 1,
    "SELECT 1 WHERE 0": 0,
    "SELECT count(*) FROM users WHERE 0": 1,
    "SELECT 1 UNION SELECT 2": 2,
    "SELECT NULL": 1,
}


def ask(sql: str) -> int:
    if sql not in _ROWS:
        raise QueryError("refused", sql=sql)
    return _ROWS[sql]


def osquery_name(pack: str, query: str) -> str:
    return query if pack == MAIN_PACK else f"pack_{pack}_{query}"


def active(packs: tuple[Pack, ...]) -> list[tuple[str, bool]]:
    """Pack name and whether it runs here, sorted."""
    return sorted(
        (pack.name, not obstacle(pack, HOST) and Discovery(ask).active(pack, 0.0)) for pack in packs
    )


def schedule(packs: tuple[Pack, ...]) -> list[tuple[str, int, str]]:
    """Name as osquery has it, seconds and SQL of what runs here, sorted."""
    queries = select(packs, HOST, Discovery(ask), 0.0)
    return sorted((osquery_name(q.pack, q.name), q.interval, q.sql) for q in queries)


def value_cases() -> Iterator[tuple[str, dict[str, Any]]]:
    folder = os.path.join(CASES, "values")
    for file in sorted(os.listdir(folder)):
        with open(os.path.join(folder, file), encoding="utf-8") as lines:
            for number, line in enumerate(lines):
                yield f"{file.removesuffix('.jsonl')}-{number}", json.loads(line)


def config_names() -> list[str]:
    return sorted(os.listdir(os.path.join(CASES, "configs")))


def config_case(name: str, folder: str) -> tuple[list[Document], dict[str, Any]]:
    """The case's files in ``folder``, read in osquery's order, and what osquery made of them."""
    source = os.path.join(CASES, "configs", name)
    shutil.copytree(source, folder, dirs_exist_ok=True)
    with open(os.path.join(folder, "expected.json"), encoding="utf-8") as file:
        expected = json.load(file)
    main = os.path.join(folder, "osquery.conf")
    with open(main, "rb") as config:
        text = config.read().replace(b"/etc/osquery", os.fsencode(folder))
    with open(main, "wb") as config:
        config.write(text)
    extra = f"{main}.d"
    names = sorted(os.listdir(extra)) if os.path.isdir(extra) else []
    files = [os.path.join(extra, name) for name in names if name.endswith(".conf")]
    return [load(path) for path in [*files, main]], expected
