"""Reading a settings file."""

import os
import re
import stat
import tomllib
from collections.abc import Callable
from typing import Any

from telegraf_osquery.config.decode import decode
from telegraf_osquery.config.trail import T
from telegraf_osquery.errors import ConfigError

BYTES_MAX = 1 << 20
"""A settings file is written by a person; what is larger is another file."""

_PLACE = re.compile(r"^(.*) \(at (?:line (\d+), column (\d+)|end of document)\)$", re.DOTALL)
Warn = Callable[[str], object]


def load(path: str, struct: type[T], *, warn: Warn | None = None) -> T:
    """The settings in the TOML file ``path``; ``warn`` is told of what is allowed but unwise.

    Raises:
        ConfigError: the file cannot be read, is not TOML, or does not fit ``struct``.
    """
    return decode(read(path, warn=warn), struct, path)


def read(path: str, *, warn: Warn | None = None) -> dict[str, Any]:
    """The TOML file ``path``, parsed; raises as ``load``."""
    try:
        data = _bytes(path, warn)
    except FileNotFoundError:
        raise ConfigError(
            f"{path}: no such file; expected settings in TOML; create it or correct the path"
        ) from None
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read ({error.strerror}); expected a readable file; "
            f"let uid {_uid()} read it"
        ) from None
    return parse(data, path)


def parse(data: bytes, where: str) -> dict[str, Any]:
    """TOML text, parsed. A byte order mark, as Windows editors write it, is passed over.

    Raises:
        ConfigError: not UTF-8 or not TOML; the message has line and column.
    """
    try:
        return tomllib.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        found = f"byte 0x{data[error.start]:02x}"
        raise ConfigError(
            f"{where}: line {line}: found {found}; expected UTF-8; save the file as UTF-8"
        ) from None
    except RecursionError:
        raise ConfigError(f"{where}: nested too deep; expected settings in TOML") from None
    except ValueError as error:
        raise ConfigError(_syntax(str(error), where)) from None


def _bytes(path: str, warn: Warn | None) -> bytes:
    # Without O_NONBLOCK opening a FIFO would wait for a writer that never comes.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    with open(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ConfigError(f"{path}: not a regular file; expected settings in TOML; name a file")
        if status.st_mode & stat.S_IWOTH and warn is not None:
            warn(f"{path}: anyone on this host may write it; expected not; chmod o-w {path}")
        data = file.read(BYTES_MAX + 1)
    if len(data) > BYTES_MAX:
        raise ConfigError(
            f"{path}: larger than {BYTES_MAX} bytes; expected settings in TOML; name another file"
        )
    return data


def _syntax(message: str, where: str) -> str:
    match = _PLACE.match(message)
    if match is None:
        return f"{where}: {message}; expected TOML; correct the line"
    text, line, column = match.groups()
    place = f"line {line}, column {column}" if line else "end of file"
    return f"{where}: {place}: {text[:1].lower()}{text[1:]}; expected TOML; correct the line"


def _uid() -> int:
    return os.getuid() if hasattr(os, "getuid") else 0
