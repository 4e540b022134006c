"""A scan of one virtual table: SQLite's cursor over a table's generator."""

from collections.abc import Callable, Generator, Iterator, Sequence
from itertools import chain
from typing import Any, Protocol

import msgspec

from telegraf_osquery.clock import Clock, Deadline
from telegraf_osquery.engines.embedded_tables.ask import Ask, Generate
from telegraf_osquery.errors import QueryError, QueryTimeout
from telegraf_osquery.model.column import Type

CODE_CONSTRAINT = 19
"""SQLITE_CONSTRAINT: osquery's answer where the required column is missing."""

_NOTHING: tuple[Any, ...] = ()
_INT64 = 1 << 63


class Host(msgspec.Struct):
    """What the scans of one engine share.

    Attributes:
        deadline: that of the running statement.
        denied: absolute paths; what lies at or below one is not looked at.
    """

    root: str
    clock: Clock
    deadline: Deadline
    warn: Callable[[str], None]
    denied: tuple[str, ...] = ()


class Plan(msgspec.Struct, frozen=True):
    """What one kind of scan reads and is handed: ``pushed`` is (column, family, ``=`` or ``~``)."""

    used: frozenset[str]
    numbers: tuple[int, ...]
    pushed: tuple[tuple[str, Type, str], ...]
    missing: bool


class _Table(Protocol):
    name: str
    generate: Generate
    host: Host
    required: tuple[str, ...]
    arrange: Callable[[Sequence[Any]], Sequence[Any]] | None

    def plan(self, text: str) -> Plan: ...


def _integer(value: Any) -> int | None:
    try:
        number = int(value) if isinstance(value, (int, str)) else int(float(value))
    except (ValueError, TypeError, OverflowError):
        return None
    return number if -_INT64 <= number < _INT64 else None


def _double(value: Any) -> float | None:
    try:
        return float(value)
    except (ValueError, TypeError):
        return None


def wanted(family: Type, value: Any) -> Any:
    """The value of a constraint in the column's own type; None when no row can be equal to it."""
    if value is None or isinstance(value, bytes):
        return None
    if family == "text":
        return str(value)
    return _double(value) if family == "double" else _integer(value)


class Scan:
    """SQLite's xFilter, xNext, xEof, xColumn, xRowid, xClose.

    ``Column`` is the row's own item access, set anew for each row: a cell costs no Python frame.
    """

    __slots__ = ("Column", "_arrange", "_done", "_plan", "_row", "_rows", "_seen", "_table")

    Column: Callable[[int], Any]

    def __init__(self, table: _Table) -> None:
        self._table = table
        self._arrange = table.arrange
        self._rows: Iterator[Sequence[Any]] = iter(())
        self._row: Sequence[Any] = _NOTHING
        self._seen: dict[str, int] = {}
        self._done = True

    def Filter(self, _number: int, text: str, values: tuple[Any, ...]) -> None:  # noqa: N802
        """Start the scan with the values of the pushed constraints."""
        self.Close()
        plan = self._plan = self._table.plan(text)
        if plan.missing:
            raise QueryError(missing(self._table.name, self._table.required), code=CODE_CONSTRAINT)
        self._seen = {}
        self._done = False
        self._rows = self._generate(plan, values)
        self.Next()

    def _generate(self, plan: Plan, values: tuple[Any, ...]) -> Iterator[Sequence[Any]]:
        equal: dict[str, Any] = {}
        likes: dict[str, list[str]] = {}
        for (column, family, sign), raw in zip(plan.pushed, values, strict=True):
            value = wanted(family if sign == "=" else "text", raw)
            if value is None:
                return iter(())
            if sign == "=":
                equal[column] = value
            else:
                likes.setdefault(column, []).append(value)
        if any(len(patterns) > 1 for patterns in likes.values()):
            return self._each_pattern(plan, equal, likes)
        one = {column: patterns[0] for column, patterns in likes.items()}
        return self._table.generate(self._ask(plan, equal, one))

    def _each_pattern(
        self, plan: Plan, equal: dict[str, Any], likes: dict[str, list[str]]
    ) -> Iterator[Sequence[Any]]:
        """Two patterns on one column: what either finds, once; SQLite keeps what fits both."""
        asks: list[dict[str, str]] = [{}]
        for column, patterns in likes.items():
            asks = [{**ask, column: pattern} for ask in asks for pattern in patterns]
        generators = (self._table.generate(self._ask(plan, equal, ask)) for ask in asks)
        return iter(dict.fromkeys(map(tuple, chain.from_iterable(generators))))

    def _ask(self, plan: Plan, equal: dict[str, Any], like: dict[str, str]) -> Ask:
        host = self._table.host
        ask = Ask(host.root, plan.used, equal, like, host.clock, host.deadline)
        ask.denied = host.denied
        return ask

    def Next(self) -> None:  # noqa: N802 - apsw's name
        if self._table.host.deadline.expired():
            raise QueryTimeout(f"table {self._table.name}: the deadline passed during the scan")
        try:
            row = next(self._rows)
            self._row = row if self._arrange is None else self._arrange(row)
        except StopIteration:
            self._done = True
            return
        except (QueryError, QueryTimeout):
            raise
        except Exception as error:  # one table's fault must not end the process
            raise self._fault(error) from error
        self.Column = self._row.__getitem__

    def Eof(self) -> bool:  # noqa: N802 - apsw's name
        return self._done

    def Rowid(self) -> int:  # noqa: N802 - apsw's name
        """An identity that another scan of the same statement gives the same row.

        SQLite asks for it when it unites the scans of an OR. Rows that are equal in every column
        the statement reads are told apart by how many of them came before.
        """
        row = self._row
        key = repr([row[number] for number in self._plan.numbers])
        self._seen[key] = count = self._seen.get(key, 0) + 1
        return hash((key, count))

    def Close(self) -> None:  # noqa: N802 - apsw's name
        """End the generator, so that it lets go of its files."""
        rows, self._rows = self._rows, iter(())
        if isinstance(rows, Generator):
            try:
                rows.close()
            except Exception as error:  # noqa: BLE001 - nobody is left to raise it to
                self._table.host.warn(f"{self._fault(error)}, while it was closed")

    def _fault(self, error: Exception) -> QueryError:
        return QueryError(f"table {self._table.name}: {type(error).__name__}: {error}")


def missing(table: str, columns: Sequence[str]) -> str:
    """The message of osquery for a query without its required column, and the cure."""
    return (
        f"Table {table} was queried without a required column in the WHERE clause: "
        f"constrain {' or '.join(columns)} by =, IN or LIKE"
    )
