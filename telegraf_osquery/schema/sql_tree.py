"""What the parser keeps of a SELECT: result columns and where their names come from.

Conditions, grouping, order and limits do not change the type of a column, so they are not kept.
"""

import msgspec

from telegraf_osquery.schema.functions import Known


class Literal(msgspec.Struct, frozen=True):
    """A value written out, or anything whose type is fixed by its form; None: cannot be told."""

    type: Known


class Name(msgspec.Struct, frozen=True):
    """A column: ``parts`` are (column,), (table, column) or (schema, table, column).

    In double quotes and alone it is a text where there is no such column, as SQLite takes it.
    """

    parts: tuple[str, ...]
    quoted: bool = False


class Star(msgspec.Struct, frozen=True):
    """``*``, or ``table.*``; ``start`` and ``end`` are its place in the text."""

    table: str = ""
    start: int = 0
    end: int = 0


class Call(msgspec.Struct, frozen=True):
    """A function with its arguments; aggregate and window forms alike."""

    name: str
    arguments: tuple["Expression", ...]


class Same(msgspec.Struct, frozen=True):
    """An operator that keeps the value: ``+x``, ``x COLLATE y``. The origin is lost."""

    operand: "Expression"


class Arithmetic(msgspec.Struct, frozen=True):
    """``+ - * / %`` and unary minus."""

    operands: tuple["Expression", ...]


class Case(msgspec.Struct, frozen=True):
    """The values of all branches of a CASE; NULL stands for a missing ELSE."""

    branches: tuple["Expression", ...]


class Scalar(msgspec.Struct, frozen=True):
    """A SELECT in parentheses that stands for a value."""

    query: "Query"


Expression = Literal | Name | Star | Call | Same | Arithmetic | Case | Scalar

UNKNOWN = Literal(None)


class Item(msgspec.Struct, frozen=True):
    """One result column as written, with its alias if it has one and the text of its expression."""

    value: Expression
    alias: str = ""
    text: str = ""


class Source(msgspec.Struct, frozen=True):
    """One term of FROM: a table by name, a sub-select, or a join in parentheses.

    Attributes:
        using: columns that are merged with those on the left.
        natural: all columns of equal name are merged.
    """

    alias: str
    table: str = ""
    query: "Query | None" = None
    group: tuple["Source", ...] = ()
    using: tuple[str, ...] = ()
    natural: bool = False


class Core(msgspec.Struct, frozen=True):
    """One SELECT without what follows it; ``operator`` is what joins it to the one before."""

    items: tuple[Item, ...]
    sources: tuple[Source, ...] = ()
    operator: str = ""


class Cte(msgspec.Struct, frozen=True):
    """One table of a WITH."""

    name: str
    columns: tuple[str, ...]
    query: "Query"


class Query(msgspec.Struct, frozen=True):
    """One or more SELECTs, joined by UNION and the like, with the tables of their WITH."""

    cores: tuple[Core, ...]
    ctes: tuple[Cte, ...] = ()
