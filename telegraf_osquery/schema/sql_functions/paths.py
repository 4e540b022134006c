"""Paths in command lines (osquery/sql/sqlite_filesystem.cpp)."""

from collections.abc import Callable, Mapping
from typing import Any

from telegraf_osquery.errors import QueryTimeout
from telegraf_osquery.schema.sql_functions.around import Around
from telegraf_osquery.schema.sql_functions.text import SPACE
from telegraf_osquery.schema.sql_functions.values import c_string, failure, int32, text

_QUOTE, _ESCAPE = ord('"'), ord("\\")
_PATH_MAX = 4096  # no longer path is a file; a command line has up to 2 MiB, and that many blanks


def functions(around: Around) -> Mapping[str, Callable[..., Any]]:
    """Name → function."""
    finder = _Finder(around)
    return {
        "find_file_path_in_cmd": finder.path,
        "is_path_deterministic": finder.deterministic,
        "parent_directory": _parent,
    }


class _Finder:
    """Looks for the program at the begin of a command line."""

    def __init__(self, around: Around) -> None:
        self._is_file = around.is_file
        self._expired = around.expired

    def path(self, *arguments: Any) -> str | bytes:
        """The shortest prefix that ends at white space and is a file; ``''`` for none."""
        found = self._shortest(_candidates("find_binary_path_from_cmd", arguments))
        return text(found)

    def deterministic(self, *arguments: Any) -> int:
        """0 where a longer prefix is a file too: the path without quotes is open to misuse."""
        candidates = _candidates("is_path_deterministic", arguments)
        shortest = self._shortest(candidates)
        if len(shortest) in {0, len(c_string(arguments[0]))}:
            return 1
        longest = self._shortest(candidates[::-1])
        return int(len(longest) == len(shortest))

    def _shortest(self, candidates: list[bytes]) -> bytes:
        return next((path for path in candidates if self._exists(path)), b"")

    def _exists(self, path: bytes) -> bool:
        if self._expired():
            raise QueryTimeout("the deadline passed while the paths of a command line were tried")
        found = text(path)
        return bool(path) and isinstance(found, str) and self._is_file(found)


def _candidates(name: str, arguments: tuple[Any, ...]) -> list[bytes]:
    """Each prefix that ends at white space outside of quotes, and the whole.

    The first argument is the command line, the second whether double quotes count, the third the
    escape character, which must be one byte. Others are ignored.
    """
    if not arguments or None in arguments:
        raise failure(f"Invalid inputs to {name}")
    quoting = len(arguments) > 1 and int32(arguments[1]) != 0
    escape = c_string(arguments[2]) if len(arguments) > 2 else bytes([_ESCAPE])
    if len(escape) != 1:
        raise failure(f"Invalid inputs to {name}")
    return list(_prefixes(c_string(arguments[0]), escape[0], quoting=quoting))


def _prefixes(command: bytes, escape: int, *, quoting: bool) -> list[bytes]:
    found = []
    path = bytearray()
    quoted = escaped = False
    for byte in command.lstrip(SPACE):
        if escaped:
            escaped = False
        elif quoting and byte == _QUOTE:
            quoted = not quoted
            continue
        elif byte == escape:
            escaped = True
            continue
        elif byte in SPACE and not quoted:
            found.append(bytes(path))
        path.append(byte)
        if len(path) > _PATH_MAX:
            return found
    return [*found, bytes(path)]


def _parent(path: Any) -> str | bytes | None:
    """What stands before the last slash; NULL where there is none."""
    if not isinstance(path, str):
        raise failure("Invalid inputs to parent_directory, TEXT was expected")
    head, slash, _ = path.partition("\0")[0].rpartition("/")
    return head if slash else None
