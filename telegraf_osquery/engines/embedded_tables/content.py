"""Reading files of the examined host: regular files only, up to osquery's limit, as clean text."""

import errno
import os
import re
import stat
from io import BufferedReader

from telegraf_osquery.engines.embedded_tables.ask import Ask
from telegraf_osquery.engines.embedded_tables.rooted import resolve

READ_MAX = 50 * 1024 * 1024
"""Bytes; a larger file is not read at all (osquery's default for --read_max)."""

_OPEN = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_NOCTTY | os.O_CLOEXEC
_ODD = re.compile("[\udc80-\udcff]")
_ESCAPED = re.compile(r"\\x([89A-Fa-f][0-9A-Fa-f])")


def clean(text: str) -> str:
    r"""The text with each byte that is no UTF-8 written as ``\xHH``, as osquery's log has it.

    ``text`` was decoded with surrogateescape, which is what the os module does to names.
    """
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return _ODD.sub(lambda odd: f"\\x{ord(odd[0]) - 0xDC00:02X}", text)
    return text


def original(text: str) -> str:
    r"""The name that ``clean`` may have made this of: ``\xHH`` above 7F becomes that byte again."""
    if "\\x" not in text:
        return text
    escaped = _ESCAPED.sub(lambda odd: chr(0xDC00 + int(odd[1], 16)), text)
    return os.fsdecode(os.fsencode(escaped))


def open_regular(root: str, real: str, limit: int = READ_MAX) -> BufferedReader:
    """Open a regular file for reading; a link at the end is followed to one, safely.

    The link is resolved first and the target opened without following another one, and what was
    opened is looked at again: between the steps nobody can slip in a pipe or a device, which would
    hang or have effects. Such files are not even opened to look at them.

    Args:
        root: the root folder, empty for this host.
        real: where the file lies, below ``root``.
        limit: bytes; a larger file is refused.

    Raises:
        OSError: not there, not readable, EINVAL not a regular file, EFBIG larger than ``limit``.
    """
    info = os.lstat(real)
    if stat.S_ISLNK(info.st_mode):
        real = resolve(root, real[len(root) :], remote=frozenset())
        info = os.lstat(real)
    _check(info, real, limit)
    descriptor = os.open(real, _OPEN)
    try:
        _check(os.fstat(descriptor), real, limit)
        return open(descriptor, "rb")
    except OSError:
        os.close(descriptor)
        raise


def _check(info: os.stat_result, path: str, limit: int) -> None:
    if not stat.S_ISREG(info.st_mode):
        raise OSError(errno.EINVAL, "not a regular file", path)
    if info.st_size > limit:
        raise OSError(errno.EFBIG, f"{info.st_size} bytes, at most {limit} are read", path)


def open_file(ask: Ask, path: str) -> BufferedReader:
    """Open a file of the examined host by its absolute path there (errors: ``open_regular``)."""
    return open_regular(ask.root, resolve(ask.root, path))


def read_text(ask: Ask, path: str) -> str:
    """The whole file as clean text; empty when it cannot be read, as osquery then has no rows."""
    try:
        with open_file(ask, path) as file:
            return clean(file.read(READ_MAX).decode("utf-8", "surrogateescape"))
    except OSError:
        return ""
