"""Home folders: whose files a table about users reads.

A query that names no ``uid`` gets the files of the user this process runs as, as in osquery (its
usersFromContext, osquery/tables/system/system_utils.cpp): all users come by a join with ``users``.
Homes that lie on a network filesystem or that looking would mount (autofs) are left out: a server
that does not answer would hold the whole agent.
"""

import os
from collections.abc import Iterator

import msgspec

from telegraf_osquery.engines.embedded_tables.accounts import (
    Account,
    accounts,
    accounts_of,
    remote_accounts,
)
from telegraf_osquery.engines.embedded_tables.ask import Ask
from telegraf_osquery.engines.embedded_tables.walk import mount_points

LACKS = "files of other users cannot be read"


class Home(msgspec.Struct, frozen=True):
    """A user's home.

    Attributes:
        uid: the user, as asked.
        path: absolute on the host, without a final slash.
        far: mount points that must not be entered.
    """

    uid: int
    path: str
    far: frozenset[str]


def asked(ask: Ask) -> Iterator[Home]:
    """The homes of the uid asked for; below a root folder root stands for "this process's user"."""
    uid = ask.equal.get("uid")
    if uid is None:
        uid = 0 if ask.root else os.getuid()
    users = _users(ask, uid)
    far = mount_points(ask) if users else frozenset()
    for user in users:
        if user.directory.startswith("/"):
            yield Home(uid, user.directory.rstrip("/"), far)


def _users(ask: Ask, uid: int) -> list[Account]:
    """A user who is not in /etc/passwd is asked of the name service, as osquery does."""
    found = list(accounts_of(ask, uid))
    if not found and not ask.root:
        remote = Ask(ask.root, ask.used, {"uid": uid}, {}, ask.clock, ask.deadline)
        found = list(remote_accounts(remote))
    return found


def everyone(ask: Ask) -> list[str]:
    """The homes of all users, each once, sorted."""
    paths = {user.directory.rstrip("/") for user in accounts(ask) if user.directory}
    return sorted(path for path in paths if not path or path.startswith("/"))
