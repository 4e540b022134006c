"""last and logged_in_users: the records of /var/log/wtmp and /run/utmp (utmp(5)).

A record is 384 bytes where glibc keeps 32-bit times for the sake of 32-bit programs (x86-64 and
most others), 400 bytes where it does not (aarch64). The file itself tells which: the types of its
records fit only one of them. Systems that gave these files up for the sake of 2038 (Debian 13
writes wtmpdb) have no rows. osquery asks getutxent for the same bytes.
"""

import struct
from collections.abc import Iterator
from io import BufferedReader

from telegraf_osquery.engines.embedded_tables.ask import Ask, Table
from telegraf_osquery.engines.embedded_tables.content import clean

# type, pid, line, id, user, host, exit status, session, seconds, microseconds, address
_SHORT = struct.Struct("=hxxi32s4s32s256shhiII16s20x")
_LONG = struct.Struct("=hxxi32s4s32s256shhqqq16s24x")
_TYPE = struct.Struct("=h")
_BLOCK = 76_800  # bytes read at once, a multiple of both sizes
_EXAMINED = 32  # records whose type is looked at
_TYPE_MAX = 9
_USER, _DEAD = 7, 8
_INIT_PID = 1

_LAST_NAMES = {_USER: "user-process", _DEAD: "dead-process"}
_LOGIN_NAMES = (
    *("empty", "runlevel", "boot_time", "new_time", "old_time"),
    *("init", "login", "user", "dead", "accounting"),
)

Record = tuple[int, int, str, str, str, int]
"""type, pid, tty, user, host, seconds since 1970"""


def layout(data: bytes) -> struct.Struct:
    """Which of the two layouts these first bytes of a file have."""
    return max((_SHORT, _LONG), key=lambda record: _fits(data, record.size))


def _fits(data: bytes, size: int) -> tuple[float, bool]:
    """The share of records that have a type, or are all zeros, and whether none is cut off."""
    starts = range(0, min(len(data) - size + 1, size * _EXAMINED), size)
    good = 0
    for start in starts:
        kind = _TYPE.unpack_from(data, start)[0]
        good += 0 < kind <= _TYPE_MAX or not any(data[start : start + size])
    return good / len(starts) if starts else 0.0, len(data) % size == 0


def _records(file: BufferedReader) -> Iterator[Record]:
    """Record by record; a last one that is cut off is left out."""
    block = file.read(_BLOCK)
    record = layout(block)
    while block:
        for start in range(0, len(block) - record.size + 1, record.size):
            kind, pid, tty, _, user, host, _, _, _, seconds, *_ = record.unpack_from(block, start)
            yield kind, pid, _text(tty), _text(user), _text(host), seconds
        rest = block[len(block) - len(block) % record.size :]
        more = file.read(_BLOCK)
        block = rest + more if more else b""


def _text(raw: bytes) -> str:
    return clean(raw.split(b"\0", 1)[0].decode("utf-8", "surrogateescape"))


def _open(ask: Ask, *paths: str) -> Iterator[Record]:
    for path in paths:
        try:
            file = ask.open(path)
        except OSError:
            continue
        with file:
            yield from _records(file)
        return


def _last(ask: Ask) -> Iterator[tuple[str | int, ...]]:
    """Logins and log-outs only, oldest first."""
    for kind, pid, tty, user, host, seconds in _open(ask, "/var/log/wtmp"):
        if kind in _LAST_NAMES:
            yield user, tty, pid, kind, _LAST_NAMES[kind], seconds, host


def _logged_in_users(ask: Ask) -> Iterator[tuple[str | int, ...]]:
    """Every record but those of init itself."""
    for kind, pid, tty, user, host, seconds in _open(ask, "/run/utmp", "/var/run/utmp"):
        if pid != _INIT_PID:
            name = _LOGIN_NAMES[kind] if 0 <= kind <= _TYPE_MAX else "unknown"
            yield name, user, tty, host, seconds, pid


TABLES = {
    "last": Table(("username", "tty", "pid", "type", "type_name", "time", "host"), _last),
    "logged_in_users": Table(("type", "user", "tty", "host", "time", "pid"), _logged_in_users),
}
