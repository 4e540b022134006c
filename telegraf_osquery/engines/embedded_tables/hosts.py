"""etc_hosts: the lines of /etc/hosts (osquery/tables/networking/etc_hosts.cpp)."""

from collections.abc import Iterator
from itertools import takewhile

from telegraf_osquery.engines.embedded_tables.ask import Ask, Table


def _etc_hosts(ask: Ask) -> Iterator[tuple[str, str, int]]:
    """One row per line: nothing is checked, comments go, a line without names stays."""
    for line in ask.text("/etc/hosts").split("\n"):
        words = list(takewhile(lambda word: not word.startswith("#"), line.split()))
        if words:
            yield words[0], " ".join(words[1:]), 0


TABLES = {"etc_hosts": Table(("address", "hostnames", "pid_with_namespace"), _etc_hosts)}
