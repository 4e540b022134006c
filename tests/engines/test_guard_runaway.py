"""Statements that would never end, or fill the memory, are stopped in time; the process is well."""

import gc
import os
import random
import threading
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from telegraf_osquery.clock import Deadline, SystemClock
from telegraf_osquery.engines.embedded import MEMORY_MAX, Embedded
from telegraf_osquery.engines.guard import Guard, Limits
from telegraf_osquery.errors import BadItemError
from telegraf_osquery.schema.analyze import Analyzer
from telegraf_osquery.schema.tables import load

CLOCK = SystemClock()
ENDLESS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) "
LONG = "replace(hex(zeroblob(250000)), '0', 'a')"
ONES = "replace(hex(zeroblob(200000)), '0', '1,')"
NEARLY = "replace(hex(zeroblob(200000)), '0', 'a') || 'b'"
MANY_WINDOWS = ", ".join(f"sum(pid) OVER (PARTITION BY uid ORDER BY pid + {n})" for n in range(900))
ENDS = {
    "recursion": f"{ENDLESS} SELECT count(*) FROM c",
    "recursion without rows": f"{ENDLESS} SELECT x FROM c WHERE x < 0",
    "recursion that grows": "WITH RECURSIVE c(x) AS (SELECT 1 UNION SELECT x + 1 FROM c) "
    "SELECT count(*) FROM c",
    "a queue that grows": "WITH RECURSIVE c(x) AS (SELECT hex(zeroblob(9000)) UNION ALL "
    "SELECT x FROM c UNION ALL SELECT x FROM c) SELECT sum(length(x)) FROM c",
    "cross join": "SELECT count(*) FROM processes a, processes b, processes c, processes d, users",
    "cross join of texts": "SELECT max(a.cmdline || b.cmdline || c.cmdline) "
    "FROM processes a, processes b, processes c, users d, users e",
    "group_concat": f"{ENDLESS} SELECT group_concat(x) FROM c",
    "group_concat of long texts": f"{ENDLESS} SELECT group_concat(hex(randomblob(900))) FROM c",
    "json_group_array": f"{ENDLESS} SELECT json_group_array(x) FROM c",
    "sort": f"{ENDLESS} SELECT x, hex(randomblob(90)) AS h FROM c ORDER BY h",
    "sort of long texts": f"{ENDLESS} SELECT x, hex(randomblob(90000)) AS h FROM c ORDER BY h",
    "sort of a join": "SELECT * FROM processes a, processes b, processes c ORDER BY a.pid * c.pid",
    "groups": f"{ENDLESS} SELECT x, count(*) FROM c GROUP BY x * 7 % 1000000007",
    "distinct": f"{ENDLESS} SELECT count(DISTINCT hex(randomblob(50000))) FROM c",
    "materialized": f"{ENDLESS}, m AS MATERIALIZED (SELECT x, hex(randomblob(40000)) FROM c) "
    "SELECT count(*) FROM m",
    "window": f"{ENDLESS} SELECT sum(x) OVER (ORDER BY x ROWS BETWEEN UNBOUNDED PRECEDING AND "
    "UNBOUNDED FOLLOWING) FROM c",
    "median": f"{ENDLESS} SELECT median(x) FROM c",
    "union": f"{ENDLESS} SELECT x FROM c UNION SELECT -x FROM c",
    "sub-select for each row": f"SELECT (SELECT count(*) FROM ({ENDLESS} SELECT x FROM c "
    "WHERE x > pid)) FROM processes",
    "json_each of many": f"SELECT count(*) FROM json_each('[' || {ONES} || '1]') a, "
    "processes b, processes c, users d, users e",
    "text that doubles": "WITH RECURSIVE c(x) AS (SELECT 'aa' UNION ALL SELECT x || x FROM c) "
    "SELECT max(length(x)) FROM c",
    "text that doubles and is kept": "WITH RECURSIVE c(x) AS (SELECT 'aa' UNION ALL "
    "SELECT substr(x || x, 1, 900000) FROM c) SELECT count(DISTINCT x || random()) FROM c",
    "zeroblob": "SELECT zeroblob(2000000000)",
    "hex of zeroblob": "SELECT hex(zeroblob(1000000000))",
    "randomblob": "SELECT randomblob(2000000000)",
    "printf": "SELECT printf('%*d', 2000000000, 1)",
    "printf of a width": "SELECT printf('%.2000000000d', 1)",
    "replace": f"SELECT replace({LONG}, 'a', hex(zeroblob(1000)))",
    "many random texts in one row": "SELECT " + ", ".join(["hex(randomblob(200000))"] * 400),
    "many random texts in one value": "SELECT "
    + " + ".join(["length(hex(randomblob(500000)))"] * 900),
    "json_pretty with a wide indent": "SELECT length(json_pretty("
    f"'{'[' * 900}{']' * 900}', {LONG}))",
    "instr of halves": f"SELECT instr({LONG}, {NEARLY})",
    "replace of halves": f"SELECT length(replace({LONG}, {NEARLY}, 'x'))",
    "trim by many characters": f"SELECT length(trim({LONG}, {NEARLY}))",
    "LIKE of a long pattern": f"SELECT {LONG} LIKE '%{'a' * 250}b'",
    "GLOB of a long pattern": f"SELECT {LONG} GLOB '*{'[a-z]' * 50}b'",
    "many windows to plan": f"SELECT {MANY_WINDOWS} FROM processes",
    "regular expression": f"SELECT regex_match({LONG}, '(a*)*b', 0)",
    "regular expression without end": f"SELECT regex_match('{'a' * 40}', '(a|aa)+$b', 0)",
    "split by a regular expression": f"SELECT regex_split({LONG}, '(a|aa)+b', 0)",
    "paths in a command line": f"SELECT find_file_path_in_cmd(replace({LONG}, 'aa', '/ '))",
    "version orders": f"{ENDLESS} SELECT x FROM c ORDER BY {LONG} || x COLLATE version",
}
"""What it is → the statement. Each ends by the deadline, by a limit, or is done before."""


def rss() -> int:
    """Resident bytes of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.fixture(scope="module")
def guard() -> Iterator[Guard]:
    schema = load()
    engine = Embedded(schema, CLOCK)
    made = Guard(engine, Analyzer(schema, engine.tables()), Limits())
    yield made
    made.close()


def stopped(guard: Guard, sql: str, seconds: float) -> float:
    """Ask; how many seconds after the deadline it was over (negative: before).

    All of these work without waiting, so what others on a busy machine took is not counted.
    """
    started, cpu = CLOCK.monotonic(), CLOCK.cpu()
    deadline = Deadline(CLOCK, seconds)
    try:
        for _ in guard.run(sql, deadline):
            pass
    except BadItemError:
        pass
    return min(CLOCK.monotonic() - started, CLOCK.cpu() - cpu) - seconds


@pytest.mark.parametrize("sql", ENDS.values(), ids=ENDS)
def test_it_is_over_in_time(guard: Guard, sql: str) -> None:
    """Within half a second after its deadline; afterwards the engine answers."""
    assert stopped(guard, sql, 0.1) < 0.5
    assert [list(r.tuples()) for r in guard.run("SELECT 1 AS a", Deadline(CLOCK, 5))] == [[(1,)]]


def test_memory_of_a_statement_is_capped(guard: Guard) -> None:
    """Long before the deadline, with the cure; and it is given back."""
    before = apsw.memory_used()
    sql = f"{ENDLESS} SELECT x, hex(randomblob(500)) AS h FROM c ORDER BY h"
    with pytest.raises(BadItemError, match="took more than 32 MiB of memory; sort"):
        list(guard.run(sql, Deadline(CLOCK, 60)))
    assert apsw.memory_used() - before < MEMORY_MAX // 8


@pytest.mark.slow
def test_a_thousand_runaways_leave_the_process_as_it_was(guard: Guard) -> None:
    """No growth, no descriptor, no thread; each one over in time."""
    chance = random.Random(20_261_122)  # noqa: S311 - a test wants repeatable chance
    statements = list(ENDS.values())
    for sql in statements * 3:
        stopped(guard, sql, 0.05)
    gc.collect()
    before, handles, threads = rss(), len(os.listdir("/proc/self/fd")), threading.active_count()
    late = [stopped(guard, chance.choice(statements), 0.05) for _ in range(1000)]
    gc.collect()
    assert max(late) < 0.5
    assert rss() - before < MEMORY_MAX  # what the allocator keeps; it goes up and down
    assert len(os.listdir("/proc/self/fd")) == handles
    assert threading.active_count() == threads
    assert [list(r.tuples()) for r in guard.run("SELECT 1 AS a", Deadline(CLOCK, 5))] == [[(1,)]]
