"""The SQL functions that osquery has beside SQLite's, with osquery's answers.

Registering costs a few microseconds per name and imports nothing; the module behind a name is
loaded when a statement first calls it. Each module offers ``functions(around)``: name → callable.

What holds for all of them (osquery/sql/sqlite_*.cpp, answers recorded from osquery 5.23.1):

- Arguments are C strings: a text ends at its first NUL byte, a number counts as SQLite writes it.
- They work on bytes. A result that is no valid UTF-8 is a blob here, since the binding of Python
  knows no other text; osquery calls it text. The bytes are the same.
- A text argument that is no valid UTF-8 (``x'FF' || 'a'``) is an error; a blob is not.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import apsw

from telegraf_osquery.schema.sql_functions.around import ALONE, Around

__all__ = ["ALONE", "CARVE", "FUNCTIONS", "Around", "Function", "carve", "register"]

Function = Callable[..., Any]

_MODULES = {
    "encoding": "conditional_to_base64/1 from_base64/1 to_base64/1",
    "flows": """
        community_id_v1/5 community_id_v1/6 community_id_v1_strict/5 community_id_v1_strict/6
    """,
    "hashes": "md5/1 sha1/1 sha256/1",
    "maths": """
        acos/1 asin/1 atan/1 ceil/1 cos/1 cot/1 degrees/1 exp/1 floor/1 log/1 log10/1 pi/0 power/2
        radians/1 sin/1 sqrt/1 tan/1
    """,
    "network": "in_cidr_block/2 inet_aton/1",
    "paths": "find_file_path_in_cmd/-1 is_path_deterministic/-1 parent_directory/1",
    "refused": "sleep/1",
    "regex": "regex_match/3 regex_split/3",
    "text": "concat/-1 concat_ws/-1 soundex/1 split/3",
    "versions": "version_compare/-1",
}
FUNCTIONS = tuple(
    (module, name, int(count))
    for module, names in _MODULES.items()
    for name, _, count in (entry.partition("/") for entry in names.split())
)
"""Module, name and number of arguments (-1: any) of each scalar function."""

CARVE = "carve"
"""An aggregate; it answers as osquery's does while carving is off, which is the default."""


def register(connection: apsw.Connection, around: Around = ALONE) -> None:
    """Make the functions known to a connection, in place of SQLite's own of the same name.

    Args:
        connection: also gets osquery's way to write a double as text (15 digits).
        around: what the functions may know of the world outside SQL.
    """
    digits = getattr(apsw, "SQLITE_DBCONFIG_FP_DIGITS", None)  # SQLite 3.52 and later write 17
    if digits is not None:
        connection.config(digits, 15)
    loaded: dict[str, Mapping[str, Function]] = {}
    for module, name, count in FUNCTIONS:
        function = _lazy(loaded, around, module, name)
        connection.create_scalar_function(name, function, count, deterministic=name != "sleep")
    connection.create_aggregate_function(CARVE, carve, 1)


def _lazy(
    loaded: dict[str, Mapping[str, Function]], around: Around, module: str, name: str
) -> Function:
    """A function that loads what it stands for when it is first called."""
    real: Function | None = None

    def call(*arguments: Any) -> Any:
        nonlocal real
        if real is None:
            if module not in loaded:
                loaded[module] = import_module(f"{__name__}.{module}").functions(around)
            real = loaded[module][name]
        return real(*arguments)

    return call


def carve() -> tuple[None, Function, Function]:
    """Start the aggregate ``carve``, which takes no file."""

    def step(_: None, __: Any) -> None:
        """Leave the file where it is."""

    def final(_: None) -> str:
        return "Carve Failed:"  # osquery cuts "Carve Failed: function disabled" there

    return None, step, final
