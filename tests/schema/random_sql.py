"""Random SELECTs over a few tables, valid by construction."""

from hypothesis import strategies as st

COLUMNS = {
    "users": ("uid", "gid", "username", "shell", "uuid"),
    "groups": ("gid", "groupname", "gid_signed"),
    "processes": ("pid", "name", "uid", "gid", "parent", "resident_size"),
    "cpu_time": ("core", "user", "idle"),
}
_UNARY = ("-{}", "+{}", "~{}", "NOT {}", "({})", "abs({})", "length({})", "typeof({})", "lower({})")
_UNARY += (
    "CAST({} AS TEXT)",
    "CAST({} AS INTEGER)",
    "CAST({} AS REAL)",
    "{} IS NULL",
    "{} COLLATE NOCASE",
)
_UNARY += (
    "round({})",
    "hex({})",
    "quote({})",
    "{} NOT NULL",
    "{} BETWEEN 1 AND 5",
    "{} IN (1, 'a')",
)
_BINARY = (
    "{}+{}",
    "{}-{}",
    "{} * {}",
    "{}/{}",
    "{} % {}",
    "{}||{}",
    "{}<{}",
    "{} = {}",
    "{} AND {}",
)
_BINARY += ("coalesce({}, {})", "ifnull({}, {})", "nullif({}, {})", "max({}, {})", "min({}, {})")
_BINARY += ("CASE WHEN {} THEN {} END", "{} LIKE {}", "{} & {}", "iif(1, {}, {})", "{} IS NOT {}")
_LITERALS = ("1", "-7", "2.5", "1e3", "'x'", "NULL", "x'41'", "0x10", "'it''s'", "true")
_AGGREGATES = (
    "count(*)",
    "sum({})",
    "avg({})",
    "total({})",
    "min({})",
    "max({})",
    "group_concat({})",
)


class Writer:
    """Writes one statement; keeps numbers for names so that none is used twice."""

    def __init__(self, draw: st.DrawFn, tables: dict[str, tuple[str, ...]]) -> None:
        self.draw = draw
        self.tables = dict(tables)
        self.number = 0

    def pick(self, *choices: str) -> str:
        return self.draw(st.sampled_from(choices))

    def chance(self, one_in: int) -> bool:
        return self.draw(st.integers(1, one_in)) == 1

    def fresh(self, letter: str) -> str:
        self.number += 1
        return f"{letter}{self.number}"

    def expression(self, names: list[str], depth: int) -> str:
        kind = self.draw(st.integers(0, 9)) if depth else 0
        if kind < 3:
            return self.pick(*names)
        if kind == 3:
            return self.pick(*_LITERALS)
        if kind < 6:
            return self.pick(*_UNARY).format(f"({self.expression(names, depth - 1)})")
        if kind == 6:
            return f"({self.query(depth - 1, 1, names)[0]} LIMIT 1)"
        parts = [f"({self.expression(names, depth - 1)})" for _ in range(2)]
        return self.pick(*_BINARY).format(*parts)

    def source(self, depth: int) -> tuple[str, str, tuple[str, ...]]:
        alias = self.fresh("t")
        if depth and self.chance(3):
            sql, columns = self.query(depth - 1, self.draw(st.integers(1, 3)), [])
            return f"({sql}) {self.pick('AS ', '')}{alias}", alias, columns
        table = self.pick(*self.tables)
        return f"{table} {alias}", alias, self.tables[table]

    def sources(self, depth: int) -> tuple[str, list[str]]:
        text, alias, columns = self.source(depth)
        names = [f"{alias}.{column}" for column in columns]
        if self.chance(2):
            more, other, others = self.source(depth)
            names += [f"{other}.{column}" for column in others]
            shared = [column for column in columns if column in others]
            joins = [
                ", {}",
                " JOIN {} ON 1",
                " LEFT JOIN {} ON 0",
                " CROSS JOIN {}",
                " NATURAL JOIN {}",
            ]
            joins += [f" JOIN {{}} USING ({shared[0]})"] if shared else []
            text += self.pick(*joins).format(more)
        return text, names

    def item(self, names: list[str], depth: int) -> str:
        if self.chance(8):
            return self.pick(*_AGGREGATES).format(self.pick(*names))
        return self.expression(names, depth)

    def core(self, depth: int, width: int, outer: list[str]) -> tuple[str, tuple[str, ...]]:
        text, names = self.sources(depth)
        columns = tuple(self.fresh("c") for _ in range(width))
        items = [f"{self.item(names + outer, depth)} AS {column}" for column in columns]
        where = " WHERE 1" if self.chance(3) else ""
        return f"SELECT {', '.join(items)} FROM {text}{where}", columns

    def query(self, depth: int, width: int, outer: list[str]) -> tuple[str, tuple[str, ...]]:
        sql, columns = self.core(depth, width, outer)
        if self.chance(5):
            other, _ = self.core(depth, width, outer)
            sql = f"{sql} {self.pick('UNION ALL', 'UNION', 'EXCEPT', 'INTERSECT')} {other}"
        return sql, columns

    def statement(self) -> str:
        head = ""
        if self.chance(3):
            name = self.fresh("w")
            sql, columns = self.query(1, 2, [])
            head = f"WITH {name} AS ({sql}) "
            self.tables[name] = columns
        if self.chance(4):
            text, _ = self.sources(1)
            return f"{head}SELECT * FROM {text}"
        return head + self.query(2, self.draw(st.integers(1, 4)), [])[0]


@st.composite
def statements(draw: st.DrawFn, extra: tuple[str, ...] = ()) -> str:
    """One statement; ``extra`` names more tables to read, each with the column ``url``."""
    more = dict.fromkeys(extra, ("url", "uid"))
    return Writer(draw, {**COLUMNS, **more}).statement()
