"""authorized_keys: who may log in with which key (osquery/tables/system/posix/authorized_keys.cpp).

Only ``~/.ssh/authorized_keys`` and ``authorized_keys2`` are looked at, as in osquery: a server
whose AuthorizedKeysFile names other places shows nothing here.
"""

import os
import re
from collections.abc import Iterator

from telegraf_osquery.engines.embedded_tables.accounts import (
    Account,
    accounts_of,
    remote_accounts,
)
from telegraf_osquery.engines.embedded_tables.ask import Ask, Table

_FILES = (".ssh/authorized_keys", ".ssh/authorized_keys2")
# Lines with any other algorithm (ssh-dss, certificates) give no row.
_ALGORITHMS = frozenset(
    {
        "ssh-rsa",
        "ssh-ed25519",
        "ecdsa-sha2-nistp256",
        "ecdsa-sha2-nistp384",
        "ecdsa-sha2-nistp521",
        "sk-ssh-ed25519@openssh.com",
        "sk-ecdsa-sha2-nistp256@openssh.com",
    }
)
# Blanks inside quotes do not end a word; a quote without its end takes the rest of the line.
_WORD = re.compile(r'(?:[^\s"]|"(?:\\.|[^"\\])*(?:"|\\?$))+')


def _authorized_keys(ask: Ask) -> Iterator[tuple[str | int, ...]]:
    """The keys of one user: the one asked for, else the one this process runs as.

    Below a root folder there is no such user; root stands for it.
    """
    uid = ask.equal.get("uid")
    if uid is None:
        uid = 0 if ask.root else os.getuid()
    for user in _users(ask, uid):
        for name in _FILES:
            path = user.directory.removesuffix("/") + "/" + name
            if path.startswith("/"):
                for line in ask.text(path).split("\n"):
                    yield from _key(line.strip(), uid, path)


def _users(ask: Ask, uid: int) -> list[Account]:
    """A user who is not in /etc/passwd is asked of the name service, as osquery does."""
    found = list(accounts_of(ask, uid))
    if not found and not ask.root:
        remote = Ask(ask.root, ask.used, {"uid": uid}, {}, ask.clock, ask.deadline)
        found = list(remote_accounts(remote))
    return found


def _key(line: str, uid: int, path: str) -> Iterator[tuple[str | int, ...]]:
    """``options algorithm key comment``; whatever stands before a known algorithm is options."""
    if line.startswith("#"):
        return
    for word in _WORD.finditer(line):
        if word[0] in _ALGORITHMS:
            key, _, comment = line[word.end() :].lstrip().partition(" ")
            key, tab, more = key.partition("\t")
            comment = f"{more} {comment}" if tab else comment
            if key:
                yield uid, word[0], key, line[: word.start()].rstrip(), comment.strip(), path, 0
            return


TABLES = {
    "authorized_keys": Table(
        ("uid", "algorithm", "key", "options", "comment", "key_file", "pid_with_namespace"),
        _authorized_keys,
        lacks="keys of other users cannot be read",
    )
}
