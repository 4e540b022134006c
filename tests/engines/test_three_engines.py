"""The same statements through all three engines: the same names, types and values."""

from collections.abc import Iterator
from typing import Any

import pytest

from telegraf_osquery.clock import Deadline, SystemClock
from telegraf_osquery.engines.embedded import Embedded
from telegraf_osquery.engines.guard import Guard, Limits
from telegraf_osquery.engines.process import Process
from telegraf_osquery.engines.socket import Socket
from telegraf_osquery.errors import QueryError
from telegraf_osquery.model.column import Column
from telegraf_osquery.schema.analyze import Analyzer
from telegraf_osquery.schema.tables import load
from tests.fakes import osqueryd, osqueryi

CLOCK = SystemClock()
SCHEMA = load()
KINDS = ("embedded", "process", "socket")

# Tables of this host that stand still for the length of a test, and every kind of expression.
STATEMENTS = """
SELECT * FROM users
SELECT username, uid, gid, directory AS home FROM users ORDER BY uid LIMIT 5
SELECT u.username, g.groupname FROM users u JOIN groups g USING (gid) ORDER BY u.uid
SELECT u.*, ug.gid AS other FROM users AS u JOIN user_groups ug ON u.uid = ug.uid ORDER BY 1, 2
SELECT u.uid AS a, g.gid AS a FROM users u, groups g WHERE u.gid = g.gid ORDER BY 1
SELECT count(*) FROM users
SELECT count(*) AS n, max(uid) AS top, min(username) AS first, avg(uid) AS mean FROM users
SELECT sum(uid) AS s, total(uid) AS t, group_concat(uid) AS g FROM users WHERE uid < 10
SELECT gid, count(*) AS n FROM users GROUP BY gid HAVING n > 1 ORDER BY gid
SELECT uid FROM users UNION SELECT gid FROM groups ORDER BY 1
SELECT uid AS n FROM users UNION ALL SELECT groupname FROM groups WHERE gid < 5
WITH big AS (SELECT uid, username FROM users WHERE uid > 5) SELECT * FROM big ORDER BY uid
WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c LIMIT 1200) SELECT x, x*2 AS d FROM c
SELECT uid, row_number() OVER (ORDER BY uid) AS place FROM users ORDER BY uid
SELECT uid, CASE WHEN uid = 0 THEN 'root' ELSE username END AS who FROM users ORDER BY uid
SELECT uid + 1 AS next, uid / 2.0 AS half, uid || 'x' AS text, -uid AS minus FROM users
SELECT CAST(uid AS TEXT) AS t, CAST(username AS INTEGER) AS i, CAST(uid AS REAL) AS r FROM users
SELECT (SELECT count(*) FROM groups) AS groups, uid FROM users WHERE uid = 0
SELECT uid IN (0, 1) AS low, username LIKE 'r%' AS r, uid IS NULL AS none FROM users ORDER BY uid
SELECT length(username) AS l, upper(username) AS u, substr(username, 1, 2) AS s FROM users
SELECT coalesce(NULL, uid) AS c, ifnull(NULL, 'x') AS i, nullif(uid, 0) AS n FROM users
SELECT 1 AS a, 1.5 AS b, 'x' AS c, NULL AS d, 9223372036854775807 AS e, -1 AS f, '' AS g
SELECT 1e20 AS big, 0.1 AS tenth, 100000.0 AS whole, 1e-7 AS small, 1/3.0 AS third, -0.0 AS zero
SELECT char(10) || char(27) || '"' || '\\' AS ctl, 'привет 🙂' AS u, char(0x2028, 127, 0x85) AS l
SELECT 1 AS "a b", 2 AS "q""uote", 3 AS "имя столбца", 4 AS time, 5 AS host
SELECT 1, 'x', count(*), 1+1, uid FROM users
SELECT * FROM etc_services ORDER BY port, protocol, name LIMIT 700
SELECT name, port, comment FROM etc_services WHERE protocol = 'tcp' ORDER BY port, name LIMIT 20
SELECT path, filename, size, mode, uid, type, symlink FROM file WHERE path = '/etc/passwd'
SELECT path, md5, sha1, sha256 FROM hash WHERE path = '/etc/passwd'
SELECT f.path, h.md5 FROM file f JOIN hash h USING (path) WHERE f.path = '/etc/passwd'
SELECT * FROM os_version
SELECT device, path, type, blocks_size FROM mounts ORDER BY path, device LIMIT 20
SELECT interface, address, mask FROM interface_addresses ORDER BY interface, address
SELECT version, arguments FROM kernel_info
SELECT name, hex(name) AS h, json_extract('{"a":[1,2]}', '$.a[1]') AS j FROM os_version
SELECT * FROM users WHERE uid = 424242
SELECT DISTINCT gid FROM users ORDER BY gid
SELECT value FROM json_each('[1,"b",null,2.5]')
SELECT printf('%05d', uid) AS p, uid % 2 AS odd, uid & 1 AS bit, NOT uid AS no FROM users
""".strip().splitlines()


@pytest.fixture(scope="module")
def guards(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Guard]]:
    folder = tmp_path_factory.mktemp("three")
    program = osqueryi.install(folder)
    with osqueryd.beside(folder / "osquery.em"):
        engines = (
            Embedded(SCHEMA, CLOCK),
            Process(CLOCK, [program], Analyzer(SCHEMA)),
            Socket(CLOCK, str(folder / "osquery.em")),
        )
        made = {e.kind: Guard(e, Analyzer(SCHEMA, e.tables()), Limits()) for e in engines}
        yield made
        for guard in made.values():
            guard.close()


Told = tuple[tuple[Column, ...], list[tuple[Any, ...]], dict[str, int]]


def _told(guard: Guard, sql: str) -> Told:
    """Columns, rows and the number of cells that did not fit, by column."""
    guarded = guard.run(sql, Deadline(CLOCK, 10))
    rows = [tuple(map(_rounded, row)) for chunk in guarded for row in chunk.tuples()]
    assert guarded.outcome in {"ok", "empty"}
    return guarded.columns, rows, guarded.faults


def _rounded(cell: Any) -> Any:
    """Text has 15 digits of a double; a double of our own has all."""
    return float(f"{cell:.15g}") if isinstance(cell, float) else cell


@pytest.mark.parametrize("sql", STATEMENTS)
def test_the_same_answer(guards: dict[str, Guard], sql: str) -> None:
    """Names, types and values do not depend on what answers."""
    told = {kind: _told(guards[kind], sql) for kind in KINDS}
    assert told["process"] == told["embedded"]
    assert told["socket"] == told["embedded"]


def test_statements_give_rows(guards: dict[str, Guard]) -> None:
    """Else the comparison above would compare nothing."""
    empty = [sql for sql in STATEMENTS if not _told(guards["embedded"], sql)[1]]
    assert empty == ["SELECT * FROM users WHERE uid = 424242"]
    assert len(STATEMENTS) >= 30


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_finite_is_absent_and_counted(guards: dict[str, Guard], kind: str) -> None:
    """``inf.0`` of the daemon, ``Inf`` of the shell, a native infinity."""
    columns, rows, faults = _told(guards[kind], "SELECT CAST(9e999 AS REAL) AS i, 1 AS n")
    assert ([c.type for c in columns], rows) == (["double", "integer"], [(None, 1)])
    assert faults == {"i": 1}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sql", ["SELECT * FROM file", "SELECT md5 FROM hash WHERE md5 = 'x'"])
def test_a_missing_column_is_told_alike(guards: dict[str, Guard], kind: str, sql: str) -> None:
    """With osquery's words and SQLite's code."""
    with pytest.raises(QueryError, match="queried without a required column") as caught:
        _told(guards[kind], sql)
    assert caught.value.code == 19


def test_null_and_empty_text_cannot_be_told_apart(guards: dict[str, Guard]) -> None:
    """Osquery writes both as an empty text; our own engine's answer is brought to the same."""
    sql = "SELECT NULL AS t, '' AS e, CAST(NULL AS INTEGER) AS i FROM users WHERE uid = 0"
    for kind in KINDS:
        assert _told(guards[kind], sql)[1] == [("", "", None)]


@pytest.mark.parametrize("kind", ["process", "socket"])
def test_bytes_that_are_no_utf8(guards: dict[str, Guard], kind: str) -> None:
    """Osquery passes on what SQLite holds; each byte that is no text becomes U+FFFD."""
    sql = "SELECT CAST(x'636166e9' AS TEXT) AS latin1, 'é' AS utf8"
    assert _told(guards[kind], sql)[1] == [("caf\ufffd", "é")]
