"""Reading files of the examined host: regular files only, up to osquery's limit, as clean text."""

import errno
import os
import re
import stat
from io import BufferedReader

from telegraf_osquery.engines.embedded_tables.rooted import resolve

READ_MAX = 50 * 1024 * 1024
"""Bytes; a larger file is not read at all (osquery's default for --read_max)."""

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


def pieces(text: str, delimiter: str) -> list[str]:
    """The parts between delimiters, without blanks around them: osquery's way to take text apart.

    Empty parts are dropped before blanks are, so a part of blanks alone stays as an empty one.
    """
    return [part.strip() for part in text.split(delimiter) if part]


def open_regular(root: str, real: str, limit: int = READ_MAX) -> BufferedReader:
    """Open a regular file for reading, and only that; a link leads to one.

    The file is first pinned by a handle that opens nothing (O_PATH): no pipe waits for its writer,
    no device acts. Only if it is regular that very file, not its name once more, is opened: nobody
    can slip in another one between. (By way of /proc, without which there is not much to ask.)

    Args:
        root: the root folder, empty for this host.
        real: where the file lies, below ``root``.
        limit: bytes; a larger file is refused.

    Raises:
        OSError: not there, not readable, EINVAL not a regular file, EFBIG larger than ``limit``.
    """
    handle = os.open(resolve(root, real[len(root) :]), os.O_PATH | os.O_CLOEXEC)
    try:
        _check(os.fstat(handle), real, limit)
        return open(f"/proc/self/fd/{handle}", "rb", opener=_without_waiting)
    finally:
        os.close(handle)


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)


def _check(info: os.stat_result, path: str, limit: int) -> None:
    if not stat.S_ISREG(info.st_mode):
        raise OSError(errno.EINVAL, "not a regular file", path)
    if info.st_size > limit:
        raise OSError(errno.EFBIG, f"{info.st_size} bytes, at most {limit} are read", path)
