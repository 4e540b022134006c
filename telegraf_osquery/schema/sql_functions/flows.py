"""community_id_v1 and community_id_v1_strict (osquery/sql/sqlite_hashing.cpp).

What cannot be hashed gives NULL, in the strict form an error.
"""

from binascii import b2a_base64
from collections.abc import Callable, Mapping
from struct import pack
from typing import Any

from telegraf_osquery.errors import QueryError
from telegraf_osquery.schema.sql_functions.around import Around
from telegraf_osquery.schema.sql_functions.digests import Maker, maker
from telegraf_osquery.schema.sql_functions.network import packed
from telegraf_osquery.schema.sql_functions.values import failure


def functions(_: Around) -> Mapping[str, Callable[..., Any]]:
    """Name → function."""
    sha1 = maker("sha1")

    def strict(*arguments: Any) -> str:
        return _community_id(sha1, *arguments)

    def lenient(*arguments: Any) -> str | None:
        try:
            return strict(*arguments)
        except QueryError:
            return None

    return {"community_id_v1": lenient, "community_id_v1_strict": strict}


def _community_id(sha1: Maker, *arguments: Any) -> str:
    """Flow hash, version 1 (https://github.com/corelight/community-id-spec).

    Unlike the specification osquery knows no special order of ICMP types: the smaller address comes
    first, of equal ones the smaller port.
    """
    seed = arguments[5] if len(arguments) > 5 else 0
    _integer(seed, -(1 << 15), 1 << 15, "seed must be an integer", "seed must fit in 2 bytes")
    source, target = arguments[:2]
    if not (isinstance(source, str) and isinstance(target, str)):
        raise failure("Community ID IPs must be strings")
    one, two = _address(source, "saddr"), _address(target, "daddr")
    ports = arguments[2:4]
    if not all(isinstance(port, int) for port in ports):
        raise failure("Community ID ports must be integers")
    for port in ports:
        _integer(port, 0, 1 << 16, "", "ports must fit in 2 bytes")
    protocol = arguments[4]
    _integer(protocol, 0, 1 << 8, "protocol must be an integer", "protocol must fit in 1 byte")
    # IPv4 comes before IPv6: the shorter address
    (_, first, port), (_, second, other) = sorted(
        ((len(one), one, ports[0]), (len(two), two, ports[1]))
    )
    digest = sha1()
    digest.update(pack(">h", seed) + first + second + pack(">BxHH", protocol, port, other))
    return f"1:{b2a_base64(digest.digest(), newline=False).decode()}"


def _integer(value: Any, low: int, high: int, kind: str, size: str) -> None:
    if not isinstance(value, int):
        raise failure(f"Community ID {kind}")
    if not low <= value < high:
        raise failure(f"Community ID {size}")


def _address(given: str, name: str) -> bytes:
    address = packed(given)
    if address is None:
        raise failure(f"Community ID {name} cannot be parsed as IP")
    return address
