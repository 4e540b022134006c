"""Random statements that look for a way past a policy.

Most are valid SQL over a few tables; names are chosen so that they mean different things where a
column is missing: aliases, CTEs and outer columns are called like hidden columns and denied tables.
"""

import random
from collections.abc import Sequence

RESTRICTED = {
    "users": (("uid", "gid", "username", "shell"), ("uuid", "description")),
    "processes": (("pid", "name", "uid", "parent"), ("cmdline", "path")),
    "osquery_schedule": (("name", "interval"), ("denylisted", "blacklisted")),
    "hosts": (("address",), ("hostnames",)),
    "etc_hosts": (("address",), ("hostnames",)),
}
"""Table → columns that may be used, and columns that may not."""
PLAIN = {
    "groups": (("gid", "groupname"), ()),
    "uptime": (("days", "total_seconds"), ()),
}
DENIED = {
    "curl": (("url", "method"), ()),
    "carves": (("path", "carve"), ()),
    "yara": (("path", "matches"), ()),
    "configurations": (("node", "value"), ()),
    "file": (("path", "directory"), ()),
    "sqlite_schema": (("name", "sql"), ()),
    "pragma_table_list": (("name", "type"), ()),
}
TABLES = {**RESTRICTED, **PLAIN, **DENIED}
_OFTEN = (*RESTRICTED, *RESTRICTED, *PLAIN)
_HIDDEN = tuple(dict.fromkeys(name for _, hidden in RESTRICTED.values() for name in hidden))
_LITERALS = ("1", "0", "2", "NULL", "'alpha'", "'root'", "'1'", "''", "'b'", "x'61'", "1.5")
_FUNCTIONS = ("lower", "length", "abs", "typeof", "hex", "quote", "upper", "coalesce", "md5")
_AGGREGATES = ("count", "max", "min", "sum", "group_concat", "total")
_JOINS = (", ", " JOIN ", " LEFT JOIN ", " CROSS JOIN ", " INNER JOIN ", " FULL JOIN ")
_BY_NAME = (" NATURAL JOIN ", " NATURAL LEFT JOIN ", " natural join ")
_SHAPES = (
    "SELECT (SELECT {h} FROM {r} LIMIT 1) AS x FROM (SELECT {v} AS {h})",
    "SELECT (SELECT max({h}) FROM {r} WHERE {h} <> {v}) AS x FROM (SELECT {v} AS {h}) AS o",
    "SELECT count(*) FROM {r}, (SELECT {v} AS {h}) AS o WHERE {h} = {v}",
    "SELECT {v} AS {h}, {c} FROM {r} WHERE {h} = {v}",
    "SELECT {c} AS {h} FROM {r} WHERE {h} LIKE {v} OR {h} > {v}",
    "SELECT {v} AS {h} FROM {r} GROUP BY {h}",
    "SELECT {c} AS {h}, count(*) FROM {r} GROUP BY {h} || '' HAVING max({h}) > {v}",
    "SELECT {c} AS x, {v} AS {h} FROM {r} ORDER BY {h} || {c}, 1",
    "SELECT {c} FROM {r} ORDER BY ({h})",
    "SELECT {c}, row_number() OVER (ORDER BY {h}) AS {h} FROM {r}",
    "SELECT count(*) FILTER (WHERE {h} = {v}) AS x, {v} AS {h} FROM {r}",
    "SELECT {c} FROM {r} WHERE {v} IN (SELECT {h})",
    "SELECT {c} FROM {r} AS o WHERE EXISTS (SELECT 1 FROM {r} WHERE {h} = o.{c})",
    "SELECT {c} FROM {r} WHERE EXISTS (SELECT {v} AS {h} WHERE {h} = {v})",
    "SELECT x.{h} FROM (SELECT {v} AS {h}) AS x, {r} AS y WHERE y.{h} = x.{h}",
    "SELECT o.* FROM {r} AS o, (SELECT {v} AS {h}) AS p WHERE p.{h} IN (SELECT {h} FROM {r})",
    "SELECT * FROM (SELECT * FROM {r}) AS o, (SELECT {v} AS {h}) AS p WHERE {h} = {v}",
    "SELECT count(*) FROM (SELECT {v} AS {h}) NATURAL JOIN {r}",
    "SELECT count(*) FROM {r} NATURAL LEFT JOIN (SELECT {v} AS {h}, 1 AS q)",
    "SELECT count(*) FROM (SELECT {v} AS {h}) AS o JOIN {r} USING ({h})",
    "SELECT count(*) FROM (SELECT {v} AS url) AS o JOIN {d} USING (url)",
    "SELECT count(*) FROM (SELECT {v} AS path, 1 AS carve) NATURAL JOIN {d}",
    "SELECT 1 WHERE {v} IN {d}",
    "SELECT count(*) FROM {r} WHERE ({c}, {v}) IN {r}",
    "SELECT json_each.value FROM {r}, json_each({h})",
    "SELECT value FROM (SELECT {v} AS {h}), {r}, json_each(json_array({h}))",
    "SELECT {c} FROM {r} LIMIT (SELECT length({h}) FROM {r} LIMIT 1)",
    "WITH t({h}) AS (SELECT {c} FROM {r}) SELECT {h} FROM t WHERE {h} IN (SELECT {h} FROM {r})",
    "WITH {r} AS (SELECT {v} AS {h}) SELECT {h} FROM {r}",
    "WITH {r}({h}) AS (SELECT {v}), o AS (SELECT * FROM main.{r}) SELECT {h} FROM o, {r}",
    "WITH o AS (SELECT * FROM {r}) SELECT (SELECT {h} FROM o LIMIT 1) FROM (SELECT {v} AS {h})",
    "WITH RECURSIVE {d}({h}) AS (SELECT {v} UNION SELECT {h} FROM {d}) SELECT {h} FROM {d}",
    "WITH {d} AS (SELECT 1 AS url) SELECT * FROM main.{d}",
    "SELECT CASE WHEN {h} = {v} THEN 1 ELSE 0 END AS {h} FROM {r}",
    "SELECT {c} FROM {r} UNION SELECT {h} FROM (SELECT {v} AS {h}), {r}",
    "SELECT {c} FROM {r} WINDOW {h} AS (ORDER BY {c})",
    "SELECT sum(1) OVER w AS {h} FROM {r} WINDOW w AS (PARTITION BY {h})",
    "SELECT max({c}), {h} FROM (SELECT {v} AS {h}) LEFT JOIN {r} ON {h} = {v}",
    "SELECT {c} FROM {r} AS {h} WHERE {h} = {v}",
    "SELECT {r}.{h} FROM {r}",
    "SELECT {h} FROM main.{r}",
    "SELECT {c} FROM {r}({v})",
    "SELECT {c} FROM {r}({v}, {v})",
    "SELECT ({c}, {h}) = ({v}, {v}) AS x FROM {r}",
    "SELECT group_concat({c}, {h}) FROM {r}",
    "SELECT group_concat({c} ORDER BY {h}) FROM {r}",
    "SELECT iif({h} IS NULL, 1, 2) AS {h} FROM {r}",
    "SELECT md5({c}) FROM {r}",
    "SELECT {c} FROM {r} WHERE sleep(0) OR carve({c})",
    "SELECT * FROM {d}",
    "SELECT (SELECT count(*) FROM {d}) FROM {r}",
    "SELECT {c} FROM {r} LEFT JOIN {d} ON 1",
    "SELECT sql FROM sqlite_master",
    "SELECT name FROM pragma_table_info('{r}')",
    "DELETE FROM {r} RETURNING {h}",
    "UPDATE {r} SET {c} = 1 RETURNING {h}",
    "INSERT INTO {r}({c}) VALUES (1) RETURNING {h}",
    "EXPLAIN SELECT {h} FROM {r}",
    "SELECT 1; SELECT {h} FROM {r}",
    "SELECT 1;/**/SELECT {h} FROM {r}",
    "SELECT 1 --\n; /* */ -- \n SELECT {c} FROM {r}",
    "SELECT 1 /* ; */; /* ; */ VALUES (1) /*",
    "PRAGMA table_info({r})",
    "VALUES ((SELECT {h} FROM {r} LIMIT 1))",
    "SELECT {c} FROM {r} INDEXED BY {h}",
    "SELECT {r} FROM {r}",
    "TABLE {r}",
)
"""Ways past a check that were thought of; ``{r}`` is a restricted table, ``{c}`` one of its columns
and ``{h}`` a hidden one, ``{d}`` a denied table, ``{v}`` a value that a secret may equal."""


class Writer:
    """Writes statements; the same seed writes the same ones."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)  # noqa: S311 - a test wants repeatable chance
        self._number = 0
        self._ctes: dict[str, tuple[str, ...]] = {}

    def statement(self) -> str:
        """One statement."""
        self._number = 0
        self._ctes = {}
        if self._one_in(3):
            return self._shape()
        head = self._with() if self._one_in(3) else ""
        return head + self._query(2, [], self._chance.randint(1, 3))

    def _shape(self) -> str:
        """One of the shapes, some of them in another statement."""
        table = self._pick(tuple(RESTRICTED))
        shown, hidden = RESTRICTED[table]
        text = self._pick(_SHAPES).format(
            r=self._quoted(table),
            c=self._quoted(self._pick(shown)),
            h=self._quoted(self._pick(hidden)),
            d=self._quoted(self._pick(tuple(DENIED))),
            v=self._pick(_LITERALS),
        )
        around = self._pick((
            "{}", "{}", "{}", "SELECT * FROM ({})", "WITH o AS ({}) SELECT * FROM o",
            "SELECT EXISTS ({}) AS x", "{} UNION ALL SELECT 1",
            "SELECT 1 FROM uptime WHERE 1 IN ({})",
            "SELECT * FROM (SELECT 'alpha' AS uuid, 'b' AS cmdline), ({}) AS q", "{} LIMIT 2",
        ))  # fmt: skip
        return around.format(text) if ";" not in text else text

    def _pick(self, choices: Sequence[str]) -> str:
        return self._chance.choice(choices)

    def _one_in(self, count: int) -> bool:
        return self._chance.randrange(count) == 0

    def _fresh(self) -> str:
        self._number += 1
        return f"t{self._number}"

    def _alias(self) -> str:
        """A name for a term or a column: often one that means something else too."""
        odd = (*_HIDDEN, "users", "curl", "hosts")
        return self._pick(odd) if self._one_in(3) else self._fresh()

    def _quoted(self, name: str) -> str:
        forms = ("{}", "{}", "{}", "{}", '"{}"', "[{}]", "`{}`", "/**/{}", "{} --\n")
        if self._one_in(12):
            name = "".join(c.upper() if self._one_in(2) else c for c in name)
        return self._pick(forms).format(name)

    def _with(self) -> str:
        parts = []
        for _ in range(self._chance.randint(1, 2)):
            name = self._pick((*TABLES, *_HIDDEN, "w", "w2")) if self._one_in(2) else self._fresh()
            columns = tuple(self._alias() for _ in range(self._chance.randint(1, 2)))
            body = self._query(1, [], len(columns))
            if self._one_in(5) and " LIMIT " not in body:
                body = f"{body} UNION SELECT {', '.join(columns)} FROM {name} WHERE 0"
            kept = self._pick(("", "", " MATERIALIZED", " NOT MATERIALIZED"))
            parts.append(f"{self._quoted(name)}({', '.join(columns)}) AS{kept} ({body})")
            self._ctes[name] = columns
        recursive = self._pick(("", "", "RECURSIVE "))
        return f"WITH {recursive}{', '.join(parts)} "

    def _query(self, depth: int, outer: list[str], width: int) -> str:
        text = self._core(depth, outer, width)
        if self._one_in(6):
            operator = self._pick((" UNION ", " UNION ALL ", " EXCEPT ", " INTERSECT "))
            return text + operator + self._core(max(0, depth - 1), outer, width)
        if self._one_in(4):
            text += f" ORDER BY {self._pick(('1', *outer, *_HIDDEN))}"
        if self._one_in(5):
            text += f" LIMIT {self._pick(('1', '2', '(SELECT 1)', '10 OFFSET 1'))}"
        return text

    def _core(self, depth: int, outer: list[str], width: int) -> str:
        source, names = self._sources(depth)
        known = names + outer[: self._chance.randint(0, len(outer))]
        items = ", ".join(self._item(known, depth) for _ in range(width))
        if self._one_in(6):
            items = self._pick(("*", "*", "*, 1 AS uuid"))
        distinct = self._pick(("", "", "", "DISTINCT "))
        text = f"SELECT {distinct}{items} FROM {source}"
        if self._one_in(2):
            text += f" WHERE {self._condition(known, depth)}"
        if self._one_in(6):
            text += f" GROUP BY {self._expression(known, 1)}"
            if self._one_in(2):
                text += f" HAVING {self._condition(known, 0)}"
        return text

    def _item(self, names: list[str], depth: int) -> str:
        value = self._expression(names, depth)
        if self._one_in(6):
            value = f"{self._pick(_AGGREGATES)}({value})"
            if self._one_in(3):
                value += f" OVER (PARTITION BY {self._expression(names, 0)})"
        return f"{value} AS {self._alias()}" if self._one_in(2) else value

    def _sources(self, depth: int) -> tuple[str, list[str]]:
        text, names = self._source(depth)
        while self._one_in(2):
            more, added = self._source(depth)
            shared = sorted(
                {n.rpartition(".")[2] for n in names} & {n.rpartition(".")[2] for n in added}
            )
            if shared and self._one_in(4):
                joined = f" JOIN {more} USING ({self._pick(shared)})"
            elif self._one_in(16):
                joined = self._pick(_BY_NAME) + more
            else:
                joined = self._pick(_JOINS) + more
                if not joined.startswith(", ") and self._one_in(2):
                    joined += f" ON {self._condition(names + added, 0)}"
            text, names = text + joined, names + added
            if self._one_in(10):
                text = f"({text})"
        return text, names

    def _source(self, depth: int) -> tuple[str, list[str]]:
        alias = self._alias()
        kind = self._chance.randrange(10)
        if kind == 0 and depth:
            columns = tuple(self._alias() for _ in range(self._chance.randint(1, 2)))
            values = ", ".join(f"{self._pick(_LITERALS)} AS {name}" for name in columns)
            return f"(SELECT {values}) AS {alias}", self._names(alias, columns)
        if kind == 1 and depth:
            width = self._chance.randint(1, 2)
            return f"({self._query(depth - 1, [], width)}) AS {alias}", [f"{alias}.uid"]
        if kind == 2:
            return f"json_each('[1, \"alpha\"]') AS {alias}", [f"{alias}.value", "value"]
        if kind in {3, 4} and self._ctes:
            name = self._pick(tuple(self._ctes))
            return f"{self._quoted(name)} AS {alias}", self._names(alias, self._ctes[name])
        name = self._pick(tuple(DENIED)) if self._one_in(30) else self._pick(_OFTEN)
        shown, hidden = TABLES[name]
        columns = shown + (hidden if self._one_in(5) else ())
        quoted = f"'{name}'" if self._one_in(20) else self._quoted(name)
        place = f"{self._pick(('main.', 'temp.'))}{quoted}" if self._one_in(25) else quoted
        if self._one_in(3):
            return place, self._names(name, columns)
        return f"{place} AS {alias}", self._names(alias, columns)

    def _names(self, alias: str, columns: Sequence[str]) -> list[str]:
        plain = [self._quoted(column) for column in columns]
        return [f"{alias}.{column}" for column in columns] + plain

    def _expression(self, names: list[str], depth: int) -> str:
        kind = self._chance.randrange(12)
        if kind < 5 and names:
            return self._pick(names)
        if kind == 5:
            odd = "rowid" if self._one_in(8) else self._quoted(self._pick(_HIDDEN))
            return odd if self._one_in(3) else self._pick(names or _LITERALS)
        if kind == 6 and depth:
            return f"({self._query(depth - 1, names, 1)})"
        if kind == 7 and depth:
            return f"{self._pick(_FUNCTIONS)}({self._expression(names, depth - 1)})"
        if kind in {8, 9} and depth:
            return self._joined(names)
        return self._pick(_LITERALS)

    def _joined(self, names: list[str]) -> str:
        left, right = self._expression(names, 0), self._expression(names, 0)
        if self._one_in(2):
            return f"CASE WHEN {self._condition(names, 0)} THEN {left} ELSE {right} END"
        return f"({left} {self._pick(('||', '+', '=', '<', 'IS', 'AND'))} {right})"

    def _condition(self, names: list[str], depth: int) -> str:
        kind = self._chance.randrange(8)
        left = self._expression(names, 0)
        if kind == 0 and depth:
            return f"EXISTS ({self._query(depth - 1, names, 1)})"
        if kind == 1 and depth:
            return f"{left} IN ({self._query(depth - 1, names, 1)})"
        if kind == 2:
            table = self._quoted(self._pick((*TABLES, *self._ctes)))
            listed = table if self._one_in(3) else "(1, 'alpha')"
            return f"{left} {self._pick(('IN', 'NOT IN'))} {listed}"
        if kind == 3:
            return f"{left} BETWEEN {self._expression(names, 0)} AND {self._expression(names, 0)}"
        sign = self._pick(("=", "<", ">", "IS", "<>", "LIKE"))
        return f"{left} {sign} {self._expression(names, 0)}"
