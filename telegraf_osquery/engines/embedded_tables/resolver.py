"""Tables ``dns_resolvers`` and ``etc_services``.

``dns_resolvers`` is what the C library makes of /etc/resolv.conf (resolv.conf(5), glibc's
res_init.c), not the file: at most three name servers, of which those by IPv6 have no address here;
of ``search`` and ``domain`` the last counts; an address of ``sortlist`` is not shown, its netmask
is, as a number in the host's byte order; ``options`` is always 705. Without a name server it is
127.0.0.1.
"""

import re
import socket
import sys
from collections.abc import Iterator

from telegraf_osquery.engines.embedded_tables.ask import Ask, Table
from telegraf_osquery.engines.embedded_tables.content import pieces

_OPTIONS = 705  # RES_INIT | RES_RECURSE | RES_DEFNAMES | RES_DNSRCH
_SERVERS_MAX, _SEARCH_MAX, _SORT_MAX = 3, 6, 10
_END_OF_WORD = re.compile(r"[;#\s]")
_NATURAL_MASKS = ((128, "255.0.0.0"), (192, "255.255.0.0"), (256, "255.255.255.0"))

Resolver = tuple[int, str, str, str, int, int]


class _Settings:
    """What the lines of the file have set."""

    def __init__(self) -> None:
        self.servers: list[str] = []
        self.masks: list[str] = []
        self.search: list[str] = []

    def take(self, line: str) -> None:
        keyword = re.match(r"(nameserver|search|domain|sortlist)[ \t]+(?=\S)", line)
        if keyword is None:
            return  # comments, other keywords, and lines that begin with a blank
        rest = line[keyword.end() :]
        if keyword[1] == "nameserver":
            self._server(_END_OF_WORD.split(rest, maxsplit=1)[0])
        elif keyword[1] == "sortlist":
            self.masks = [_mask(word) for word in rest.split() if _is_ipv4(word.split("/")[0])]
        else:
            self.search = rest.split()[: 1 if keyword[1] == "domain" else _SEARCH_MAX]

    def _server(self, word: str) -> None:
        if _is_ipv4(word):
            self.servers.append(socket.inet_ntoa(socket.inet_aton(word)))
        elif _is_ipv6(word.partition("%")[0]):
            self.servers.append("")


def _is_ipv4(word: str) -> bool:
    try:
        socket.inet_aton(word)
    except OSError:
        return False
    return True


def _is_ipv6(word: str) -> bool:
    try:
        socket.inet_pton(socket.AF_INET6, word)
    except OSError:
        return False
    return True


def _mask(word: str) -> str:
    address, _, mask = word.partition("/")
    first = socket.inet_aton(address)[0]
    natural = next(mask for below, mask in _NATURAL_MASKS if first < below or below == 256)
    raw = socket.inet_aton(mask if _is_ipv4(mask) else natural)
    return str(int.from_bytes(raw, sys.byteorder))


def _dns_resolvers(ask: Ask) -> Iterator[Resolver]:
    found = _Settings()
    for line in ask.text("/etc/resolv.conf").split("\n"):
        found.take(line)
    if not found.search:
        domain = ask.text("/proc/sys/kernel/hostname").strip().partition(".")[2]
        found.search = [domain] if domain else []
    servers = found.servers[:_SERVERS_MAX] or ["127.0.0.1"]
    for kind, values, masks in (
        ("nameserver", servers, ["32"] * len(servers)),
        ("sortlist", [""] * len(found.masks), found.masks[:_SORT_MAX]),
        ("search", found.search, [""] * len(found.search)),
    ):
        for index, (value, mask) in enumerate(zip(values, masks, strict=False)):
            yield index, kind, value, mask, _OPTIONS, 0


def _etc_services(ask: Ask) -> Iterator[tuple[str, int | None, str, str, str]]:
    """Lines without ``port/protocol`` are left out; a port that is no number is absent."""
    for line in ask.text("/etc/services").split("\n"):
        entry, _, comment = line.partition("#")
        name, end, *aliases = [*entry.split(), "", ""]
        port, slash, protocol = end.partition("/")
        if slash and protocol:
            number = int(port) if port.isascii() and port.isdigit() else None
            yield name, number, protocol, " ".join(filter(None, aliases)), comment.strip()


def _etc_protocols(ask: Ask) -> Iterator[tuple[str, int | None, str, str]]:
    """Only the first of several aliases shows; a number that is none is absent."""
    for line in ask.text("/etc/protocols").split("\n"):
        entry, *comments = pieces(line.strip(), "#") or [""]
        words = entry.split()
        if len(words) > 1 and not line.lstrip().startswith("#"):
            number = int(words[1]) if words[1].isascii() and words[1].isdigit() else None
            yield words[0], number, words[2] if len(words) > 2 else "", " # ".join(comments)


TABLES: dict[str, Table] = {
    "dns_resolvers": Table(
        columns=("id", "type", "address", "netmask", "options", "pid_with_namespace"),
        generate=_dns_resolvers,
    ),
    "etc_services": Table(
        columns=("name", "port", "protocol", "aliases", "comment"),
        generate=_etc_services,
    ),
    "etc_protocols": Table(
        columns=("name", "number", "alias", "comment"),
        generate=_etc_protocols,
    ),
}
