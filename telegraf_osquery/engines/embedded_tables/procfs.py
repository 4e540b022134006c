"""Reading of /proc as it is: small files, links, processes that are gone in the next moment."""

import os
from collections.abc import Iterator
from typing import Any

from telegraf_osquery.engines.embedded_tables.ask import Ask
from telegraf_osquery.engines.embedded_tables.content import clean

_CHUNK = 65536
_PAGE = 4096  # the smallest there is
_LINE = 512


def read(path: str) -> bytes:
    """The whole content of a file of /proc.

    Those files have no size; they end where a read gives nothing. One read is enough for what is
    smaller than the buffer only where the kernel makes the file in one piece; tables such as
    /proc/net/tcp come page by page: see ``read_table`` and ``lines``.

    Raises:
        OSError: no such file, no permission, or the process is gone (also ESRCH while reading).
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        data = os.read(descriptor, _CHUNK)
        return data if len(data) < _CHUNK else data + _rest(descriptor)
    finally:
        os.close(descriptor)


def read_table(path: str) -> bytes:
    """As ``read``, for files that the kernel hands out in pieces of any size.

    Raises:
        OSError: as ``read``.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return _rest(descriptor)
    finally:
        os.close(descriptor)


def _rest(descriptor: int) -> bytes:
    return b"".join(iter(lambda: os.read(descriptor, _CHUNK), b""))


def lines(path: str) -> Iterator[bytes]:
    """The lines of a table of any length, without holding it whole; each at most 500 bytes long.

    The kernel fills at least one page as long as the next line fits, so a read that leaves more
    room than a line needs was the last. To be told so by one more, empty read would be dear: for
    /proc/net/tcp the kernel walks its whole hash table again (2.5 ms on a host of 24 GB).

    Raises:
        OSError: as ``read``.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        rest = b""
        more = True
        while more:
            chunk = os.read(descriptor, _CHUNK)
            more = len(chunk) > _PAGE - _LINE
            *whole, rest = (rest + chunk).split(b"\n")
            yield from whole
        if rest:
            yield rest
    finally:
        os.close(descriptor)


def text(data: bytes) -> str:
    r"""UTF-8, with ``\xHH`` for bytes that are not; what follows a NUL is cut, as in osquery."""
    return clean(data.partition(b"\0")[0].decode("utf-8", "surrogateescape"))


def link(path: str) -> str:
    """Where a link points to, ``""`` when it cannot be read. Does not touch the target.

    As the os module gives it: ``content.clean`` makes it fit for a row.
    """
    try:
        return os.readlink(path)
    except OSError:
        return ""


def of_host(ask: Ask, path: str) -> str:
    """Where a file lies that /proc shows per process, such as /proc/mounts and /proc/net/arp.

    Those are links to what the reader itself sees. Below another root folder, which may be a host's
    /proc seen from a container, the first process of that host tells what the host sees.
    """
    first = ask.path(path.replace("/proc/", "/proc/1/", 1))
    return first if ask.root and os.path.exists(first) else ask.path(path)


def names(folder: str) -> list[str]:
    """Names in a folder, sorted as text (osquery's order); none when it cannot be listed."""
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def pids(ask: Ask) -> list[str]:
    """The processes to look at, in osquery's order (as text: 1, 100, 2).

    With a constraint on ``pid`` that one only, whether or not it exists.
    """
    if "pid" in ask.equal:
        asked = _digits(ask.equal["pid"])
        return [asked] if asked else []
    return [name for name in names(ask.path("/proc")) if name.isdigit()]


def _digits(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    shown = str(value)
    return shown if shown.isascii() and shown.isdigit() else ""
