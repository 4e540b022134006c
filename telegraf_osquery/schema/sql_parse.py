"""A reader of SQLite's SELECT that follows result columns and FROM, and skips the rest.

SQLite has accepted the text (https://www.sqlite.org/lang_select.html), so only valid SQL needs to
be understood. What is not understood in a result column makes that column unknown; what is not
understood elsewhere raises ``Lost``, and nothing is said about the whole statement.
"""

from telegraf_osquery.schema.sql_expr import ExpressionReader
from telegraf_osquery.schema.sql_tokens import tokenize
from telegraf_osquery.schema.sql_tree import (
    Core,
    Cte,
    Item,
    Query,
    Source,
    Star,
)

_COMPOUND = frozenset({"UNION", "EXCEPT", "INTERSECT"})
_TAIL = _COMPOUND | {"ORDER", "LIMIT"}
_AFTER_ITEMS = _TAIL | {"FROM", "WHERE", "GROUP", "HAVING", "WINDOW"}
_AFTER_SOURCES = _AFTER_ITEMS - {"FROM"}
_JOINS = frozenset({",", "NATURAL", "LEFT", "RIGHT", "FULL", "OUTER", "INNER", "CROSS", "JOIN"})
_NO_ALIAS = _AFTER_SOURCES | _JOINS | {"ON", "USING", "INDEXED", "NOT", ";"}


def parse(sql: str) -> Query:
    """The tree of one SELECT, VALUES or WITH statement.

    Raises:
        Lost: the text is beyond this reader.
    """
    return Reader(sql, tokenize(sql)).query()


class Reader(ExpressionReader):
    """Reads queries; the base class reads expressions."""

    def query(self) -> Query:
        ctes: tuple[Cte, ...] = ()
        if self.take("WITH"):
            self.take("RECURSIVE")
            ctes = self.listed(self._cte)
        cores = self._cores("")
        while self.upper() in _COMPOUND:
            operator = self.next().upper
            self.take("ALL")
            cores += self._cores(operator)
        self.skip(frozenset())
        return Query(tuple(cores), ctes)

    def _cte(self) -> Cte:
        name = self.identifier()
        columns = self._names() if self.upper() == "(" else ()
        self.expect("AS")
        self.take("NOT")
        self.take("MATERIALIZED")
        self.expect("(")
        query = self.query()
        self.expect(")")
        return Cte(name, columns, query)

    def _names(self) -> tuple[str, ...]:
        self.expect("(")
        names = self.listed(self.identifier)
        self.expect(")")
        return names

    def _cores(self, operator: str) -> list[Core]:
        """One SELECT, or the rows of a VALUES, which are joined as by UNION ALL."""
        if not self.take("VALUES"):
            return [self._core(operator)]
        rows = self.listed(self._row)
        self.skip(_COMPOUND)
        return [Core(row, (), "UNION" if index else operator) for index, row in enumerate(rows)]

    def _row(self) -> tuple[Item, ...]:
        self.expect("(")
        values = self.listed(lambda: self.guarded(_AFTER_ITEMS | {","}))
        self.expect(")")
        return tuple(Item(value, f"column{number}") for number, value in enumerate(values, 1))

    def _core(self, operator: str) -> Core:
        self.expect("SELECT")
        self.take("DISTINCT")
        self.take("ALL")
        items = self.listed(self._item)
        sources: tuple[Source, ...] = ()
        if self.take("FROM"):
            sources = self._sources()
        self.skip(_COMPOUND)
        return Core(items, sources, operator)

    def _item(self) -> Item:
        first = self.at
        star = self._star()
        if star:
            return Item(star)
        value = self.guarded(_AFTER_ITEMS | {"AS", ","})
        text = self.sql[self.tokens[first].start : self.tokens[self.at - 1].end]
        return Item(value, self._alias(_AFTER_ITEMS), text)

    def _star(self) -> Star | None:
        start = self.peek().start
        if self.take("*"):
            return Star("", start, start + 1)
        if self.upper(1) == "." and self.upper(2) == "*":
            table = self.identifier()
            self.at += 2
            return Star(table, start, self.tokens[self.at - 1].end)
        return None

    def _alias(self, closing: frozenset[str]) -> str:
        if self.take("AS"):
            return self.identifier()
        token = self.peek()
        if token.kind in {"name", "string"} or (
            token.kind == "word" and token.upper not in closing
        ):
            return self.identifier()
        return ""

    def _sources(self) -> tuple[Source, ...]:
        sources = [self._source(natural=False)]
        while self.upper() in _JOINS:
            natural = False
            while self.upper() in _JOINS:
                natural = self.next().upper == "NATURAL" or natural
            sources.append(self._source(natural=natural))
        return tuple(sources)

    def _source(self, *, natural: bool) -> Source:
        table, query = "", None
        group: tuple[Source, ...] = ()
        if self.take("("):
            if self.upper() in {"SELECT", "WITH", "VALUES"}:
                query = self.query()
            else:
                group = self._sources()
            self.expect(")")
        else:
            table = self.identifier()
            if self.take("."):
                table = self.identifier()
            if self.upper() == "(":
                self.skip_group()
        alias = self._alias(_NO_ALIAS)
        return Source(alias or table, table, query, group, self._constraint(), natural)

    def _constraint(self) -> tuple[str, ...]:
        if self.take("INDEXED"):
            self.expect("BY")
            self.identifier()
        elif self.take("NOT"):
            self.expect("INDEXED")
        if self.take("USING"):
            return self._names()
        if self.take("ON"):
            self.skip(_AFTER_SOURCES | _JOINS)
        return ()
