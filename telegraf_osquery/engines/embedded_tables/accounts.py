"""users, groups, user_groups: from /etc/passwd and /etc/group.

The files are read the way the C library reads them (glibc nss/nss_files), because osquery's
``users`` asks fgetpwent: lines with too few or non-numeric fields vanish, ``+name`` and ``-name``
are users whose missing ids are 0, the shell is all that follows the sixth colon. Accounts of LDAP,
NIS or sssd are not asked for: that may hang. ``users`` knows them with ``include_remote = 1``, as
in osquery; ``groups`` and ``user_groups`` differ from osquery there.
"""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from telegraf_osquery.engines.embedded_tables.ask import Ask, Table
from telegraf_osquery.engines.embedded_tables.content import clean

_USERS = "/etc/passwd"
_GROUPS = "/etc/group"
_ID_MAX = 0xFFFFFFFF
_DIGITS_MAX = 40  # beyond, int() would be slow, then refuse
_ID = re.compile(r"\s*[+-]?[0-9]+")
_NIS = ("+", "-")


class Account(msgspec.Struct, frozen=True):
    """A line of /etc/passwd."""

    name: str
    uid: int
    gid: int
    description: str
    directory: str
    shell: str


class Group(msgspec.Struct, frozen=True):
    """A line of /etc/group."""

    name: str
    gid: int
    members: tuple[str, ...]


def _id(text: str, name: str) -> int | None:
    if not text and name.startswith(_NIS):
        return 0
    if not _ID.fullmatch(text):
        return None
    if len(text) > _DIGITS_MAX:
        return _ID_MAX
    return min(int(text) & 0xFFFFFFFFFFFFFFFF, _ID_MAX)  # strtoul, then cut to 32 bits


def _signed(number: int) -> int:
    return number - (1 << 32) if number >= 1 << 31 else number


def _lines(ask: Ask, path: str, needle: str) -> Iterator[str]:
    for raw in ask.text(path).split("\n"):
        if needle in raw:
            line = raw.lstrip()
            if line and line[0] != "#":
                yield line


def _needle(number: int) -> str:
    """What a line with this id must hold; nothing sure for 0 (NIS) and where 32 bits cut it."""
    return str(number) if 0 < number < _ID_MAX else ""


def accounts(ask: Ask, needle: str = "") -> Iterator[Account]:
    """The users of /etc/passwd in its order; only those whose line holds ``needle``."""
    for line in _lines(ask, _USERS, needle):
        name, _, uid_text, gid_text, *rest = (*line.split(":", 6), *[""] * 6)
        uid, gid = _id(uid_text, name), _id(gid_text, name)
        if uid is not None and gid is not None:
            yield Account(name, uid, gid, rest[0], rest[1], rest[2])


def accounts_of(ask: Ask, uid: int) -> Iterator[Account]:
    """The users with this uid (there may be several)."""
    return (account for account in accounts(ask, _needle(uid)) if account.uid == uid)


def all_groups(ask: Ask, needle: str = "") -> Iterator[Group]:
    """The groups of /etc/group in its order; only those whose line holds ``needle``."""
    for line in _lines(ask, _GROUPS, needle):
        name, _, gid_text, members, *_ = (*line.split(":", 3), "", "", "")
        gid = _id(gid_text, name)
        if gid is not None:
            yield Group(name, gid, tuple(member.strip() for member in members.split(",")))


def remote_accounts(ask: Ask) -> Iterator[Account]:
    """What the C library's name service says; may ask a server and take its time.

    Below a root folder that service would speak of another host: the file is read instead, and as
    the service does, only the first user of an id or name is given.
    """
    uid, name = ask.equal.get("uid"), ask.equal.get("username")
    if ask.root:
        found = accounts_of(ask, uid) if uid is not None else accounts(ask)
        found = (account for account in found if name in {None, account.name})
        if uid is not None or name is not None:
            found = iter([account for account, _ in zip(found, range(1), strict=False)])
        yield from found
        return
    for entry in _entries(uid, name):
        texts = (entry.pw_gecos or "", entry.pw_dir or "", entry.pw_shell or "")
        yield Account(clean(entry.pw_name), entry.pw_uid, entry.pw_gid, *map(clean, texts))


def _entries(uid: int | None, name: str | None) -> list[Any]:
    import pwd  # not on every platform

    if uid is None and name is None:
        return pwd.getpwall()
    try:
        return [pwd.getpwuid(uid) if uid is not None else pwd.getpwnam(name or "")]
    except (KeyError, ValueError):
        return []


def _users(ask: Ask) -> Iterator[tuple[Any, ...]]:
    remote = int(ask.equal.get("include_remote") == 1)
    uid, name = ask.equal.get("uid"), ask.equal.get("username")
    if remote:
        found = remote_accounts(ask)
    elif uid is not None:
        found = accounts_of(ask, uid)
    elif name is not None:
        found = accounts(ask, f"{name}:")
    else:
        found = accounts(ask)
    for who in found:
        ids = (who.uid, who.gid, _signed(who.uid), _signed(who.gid))
        yield (*ids, who.name, who.description, who.directory, who.shell, "", 0, remote)


def _groups(ask: Ask) -> Iterator[tuple[Any, ...]]:
    """A gid is given once, under its first name."""
    gid = ask.equal.get("gid")
    seen: set[int] = set()
    for group in all_groups(ask, "" if gid is None else _needle(gid)):
        if group.gid not in seen and gid in {None, group.gid}:
            seen.add(group.gid)
            yield group.gid, _signed(group.gid), group.name, 0


def _user_groups(ask: Ask) -> Iterator[tuple[int, int]]:
    """First the primary group, then the others in the order of the file, as getgrouplist does.

    Only the first user of a uid counts. osquery prints the uid signed here, so it is asked so, too.
    """
    uid = ask.equal.get("uid")
    if uid is None:
        users = list(accounts(ask))
        groups = _memberships(all_groups(ask))
    else:
        users = list(accounts_of(ask, uid & _ID_MAX))[:1]
        groups = _memberships(all_groups(ask, users[0].name)) if users else {}
    seen: set[int] = set()
    for user in users:
        if user.uid not in seen:
            seen.add(user.uid)
            yield _signed(user.uid), user.gid
            for gid in groups.get(user.name, ()):
                if gid != user.gid:
                    yield _signed(user.uid), gid


def _memberships(groups: Iterator[Group]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for group in groups:
        for member in dict.fromkeys(group.members):
            found.setdefault(member, []).append(group.gid)
    return found


TABLES = {
    "users": Table(
        (
            *("uid", "gid", "uid_signed", "gid_signed", "username", "description"),
            *("directory", "shell", "uuid", "pid_with_namespace", "include_remote"),
        ),
        _users,
    ),
    "groups": Table(("gid", "gid_signed", "groupname", "pid_with_namespace"), _groups),
    "user_groups": Table(("uid", "gid"), _user_groups),
}
