"""An engine that has everything, with secrets and canaries in it, behind a guard with a policy."""

from collections.abc import Iterator, Sequence
from typing import Any

from telegraf_osquery.clock import Deadline, SystemClock
from telegraf_osquery.engines.embedded import Embedded
from telegraf_osquery.engines.embedded_tables.ask import Ask, Table
from telegraf_osquery.engines.guard import Guard, Limits
from telegraf_osquery.errors import BadItemError, QueryRefused
from telegraf_osquery.schema.analyze import Analysis, Analyzer
from telegraf_osquery.schema.policy import Policy
from telegraf_osquery.schema.tables import Schema, load

Row = Sequence[Any]
POLICY = Policy(
    denied_tables=frozenset({"curl", "carves", "yara_file", "configurations", "file", "hash"}),
    denied_columns={
        "users": frozenset({"UUID", "description"}),
        "processes": frozenset({"cmdline", "path"}),
        "osquery_schedule": frozenset({"denylisted"}),
        "hosts": frozenset({"hostnames"}),
    },
    denied_functions=frozenset({"MD5", "sha1"}),
)
CANARIES = ("curl", "carves", "yara_file", "augeas", "file", "hash", "shell_history")
SECRETS = (("alpha", "b", "root", 1), ("zeta", "", "1", 0))
"""Two worlds that differ in the hidden columns only; the values meet those of the statements."""
Answer = tuple[str, Any]
"""``rows``, ``refused`` or ``error``, with the rows or the kind of error."""


class Judge(Analyzer):
    """Remembers the last verdict: the worlds are asked the same statement one after another."""

    def __init__(self, schema: Schema, tables: frozenset[str]) -> None:
        super().__init__(schema, tables, policy=POLICY, platform="linux")
        self._last: tuple[str, Analysis | BadItemError] | None = None

    def analyze(self, sql: str, deadline: Deadline | None = None) -> Analysis:
        if self._last is None or self._last[0] != sql:
            try:
                self._last = (sql, super().analyze(sql, deadline))
            except BadItemError as error:
                self._last = (sql, error)
        verdict = self._last[1]
        if isinstance(verdict, BadItemError):
            raise verdict
        return verdict


class World:
    """One host with its secrets."""

    def __init__(
        self,
        schema: Schema,
        secret: tuple[Any, ...],
        policy: Policy | None,
        judge: "Judge | None" = None,
    ) -> None:
        """``policy`` is for the engine itself; the guard before it has ``POLICY`` in any case."""
        self.reached: list[str] = []
        tables = {name: Table(("path",), self._canary(name)) for name in CANARIES}
        tables |= {name: _constant(columns, rows) for name, columns, rows in _tables(secret)}
        self.engine = Embedded(schema, SystemClock(), tables=tables, policy=policy)
        connection = self.engine._connection
        assert connection is not None
        for name in ("md5", "sha1", "sleep"):
            connection.create_scalar_function(name, self._function(name), 1)
        self.guard = Guard(self.engine, judge or Judge(schema, self.engine.tables()), Limits())

    def ask(self, sql: str, seconds: float = 5.0) -> Answer:
        """What a caller gets to see."""
        deadline = Deadline(SystemClock(), seconds)
        try:
            guarded = self.guard.run(sql, deadline)
            names = [column.name for column in guarded.columns]
            found = [row for rows in guarded for row in rows.tuples()]
        except QueryRefused as error:
            return "refused", str(error)
        except BadItemError as error:
            return "error", str(error)
        return "rows" if guarded.outcome != "partial" else guarded.reason, (names, found)

    def _canary(self, name: str) -> Any:
        def generate(_: Ask) -> Iterator[Row]:
            self.reached.append(name)
            return iter([("canary",)])

        return generate

    def _function(self, name: str) -> Any:
        def call(*_: Any) -> str:
            self.reached.append(name)
            return "canary"

        return call

    def close(self) -> None:
        self.guard.close()


def worlds() -> tuple[World, World, World]:
    """Two that differ in their secrets, and the first once more with the policy in the engine."""
    schema = load()
    one = World(schema, SECRETS[0], None)
    # The third engine has fewer tables, but the verdict is about those of the first.
    judge = Judge(schema, one.engine.tables())
    more = ((SECRETS[1], None), (SECRETS[0], POLICY))
    two, three = (World(schema, secret, policy, judge) for secret, policy in more)
    return one, two, three


def _constant(columns: Sequence[str], rows: Sequence[Row]) -> Table:
    return Table(tuple(columns), lambda _: iter(rows))


def _tables(secret: tuple[Any, ...]) -> Iterator[tuple[str, Sequence[str], Sequence[Row]]]:
    one, two, three, number = secret
    yield (
        "users",
        ("uid", "gid", "username", "shell", "uuid", "description"),
        [
            (0, 0, "root", "sh", one, two),
            (1, 1, "alpha", "", two, three),
            (2, 0, "b", "x", three, one),
        ],
    )
    yield (
        "processes",
        ("pid", "name", "uid", "parent", "cmdline", "path"),
        [(1, "init", 0, 0, one, two), (2, "alpha", 1, 1, three, one), (3, "b", 2, 1, two, two)],
    )
    yield (
        "osquery_schedule",
        ("name", "interval", "denylisted"),
        [("a", 60, number), ("alpha", 1, 1 - number)],
    )
    yield "etc_hosts", ("address", "hostnames"), [("1", one), ("alpha", three)]
    yield "groups", ("gid", "groupname"), [(0, "root"), (1, "alpha")]
    yield "uptime", ("days", "total_seconds"), [(1, 100)]
