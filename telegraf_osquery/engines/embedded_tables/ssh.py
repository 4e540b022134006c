"""authorized_keys, known_hosts, ssh_configs: what OpenSSH reads in the homes of users.

As in osquery only the standard names are looked at (osquery/tables/system/posix): a server whose
AuthorizedKeysFile names other places shows nothing here, ``Include`` of a client's configuration is
a row, not followed.
"""

import re
from collections.abc import Iterator

from telegraf_osquery.engines.embedded_tables.ask import Ask, Table
from telegraf_osquery.engines.embedded_tables.homes import LACKS, asked

_KEYS = (".ssh/authorized_keys", ".ssh/authorized_keys2")
_HOSTS = ".ssh/known_hosts"
_CONFIG = ".ssh/config"
_SYSTEM_CONFIG = "/etc/ssh/ssh_config"
_BLOCKS = ("host ", "match ")
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
    for home in asked(ask):
        for name in _KEYS:
            path = f"{home.path}/{name}"
            for line in ask.lines(path, home.far):
                yield from _key(line.strip(), home.uid, path)


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


def _known_hosts(ask: Ask) -> Iterator[tuple[str | int, ...]]:
    """Each line that is no comment, as it stands."""
    for home in asked(ask):
        path = f"{home.path}/{_HOSTS}"
        for line in map(str.strip, ask.lines(path, home.far)):
            if line and not line.startswith("#"):
                yield home.uid, line, path


def _ssh_configs(ask: Ask) -> Iterator[tuple[str | int, ...]]:
    """Options in lower case, values too, as osquery gives them; the system's belong to uid 0."""
    for home in asked(ask):
        path = f"{home.path}/{_CONFIG}"
        yield from _options(ask.lines(path, home.far), home.uid, path)
    yield from _options(ask.lines(_SYSTEM_CONFIG), 0, _SYSTEM_CONFIG)


def _options(lines: Iterator[str], uid: int, path: str) -> Iterator[tuple[str | int, ...]]:
    block = ""
    for line in (line.strip().lower() for line in lines):
        if line.startswith(_BLOCKS):
            block = line
        elif line and not line.startswith("#"):
            yield uid, block, line, path


TABLES = {
    "authorized_keys": Table(
        ("uid", "algorithm", "key", "options", "comment", "key_file", "pid_with_namespace"),
        _authorized_keys,
        lacks="keys of other users cannot be read",
    ),
    "known_hosts": Table(("uid", "key", "key_file"), _known_hosts, lacks=LACKS),
    "ssh_configs": Table(("uid", "block", "option", "ssh_config_file"), _ssh_configs, lacks=LACKS),
}
