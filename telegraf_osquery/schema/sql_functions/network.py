"""in_cidr_block and inet_aton (osquery/sql/sqlite_network.cpp, sqlite_string.cpp).

Addresses are read as the C library's inet_pton reads them, IPv6 also with a ``%zone``, which does
not count. osquery asks Boost (boost/asio/ip) for the *hosts* of a network: of an IPv4 network the
first and the last address are none, except in a /32; the end of an IPv6 network is the address
after its last, so a network that holds the very last address of all holds nothing.
"""

import re
from collections.abc import Callable, Mapping
from socket import AF_INET, AF_INET6, inet_pton
from typing import Any

from telegraf_osquery.schema.sql_functions.around import Around
from telegraf_osquery.schema.sql_functions.values import c_string, failure

_BLOCK = re.compile(r"([^/]*)/([0-9]+)")
_IPV4 = 4  # bytes


def functions(_: Around) -> Mapping[str, Callable[..., Any]]:
    """Name → function."""
    return {"in_cidr_block": _in_cidr_block, "inet_aton": _inet_aton}


def packed(given: str) -> bytes | None:
    """The 4 or 16 bytes of an address; None for anything else."""
    given = given.partition("\0")[0]
    if ":" in given:
        return _parsed(AF_INET6, given.partition("%")[0])
    return _parsed(AF_INET, given)


def _parsed(family: int, given: str) -> bytes | None:
    try:
        return inet_pton(family, given)
    except (OSError, UnicodeEncodeError):
        return None


def _inet_aton(value: Any) -> int | None:
    if value is None:
        return None
    given = c_string(value).decode("ascii", "replace")
    address = None if ":" in given else _parsed(AF_INET, given)
    return None if address is None else int.from_bytes(address)


def _in_cidr_block(block: Any, address: Any) -> int:
    if not isinstance(block, str):
        raise failure("CIDR must be a string")
    if not isinstance(address, str):
        raise failure("IP address must be a string")
    wanted = packed(address)
    if wanted is None:
        raise failure("IP address cannot be parsed")
    bits = 8 * len(wanted)
    found = _BLOCK.fullmatch(block.partition("\0")[0])
    base = packed(found[1]) if found else None
    length = _c_integer(found[2]) if found else -1
    if base is None or len(base) != len(wanted) or not 0 <= length <= bits:
        raise failure(f"CIDR for IP address v{4 if bits == 32 else 6} cannot be parsed")
    first, end = _hosts(int.from_bytes(base), length, bits)
    return int(first <= int.from_bytes(wanted) < end)


def _c_integer(digits: str) -> int:
    """atoi: a long, of which the low 32 bits are kept."""
    number = min(int(digits.lstrip("0")[:20] or 0), (1 << 63) - 1) & 0xFFFF_FFFF
    return number - (1 << 32) if number >> 31 else number


def _hosts(base: int, length: int, bits: int) -> tuple[int, int]:
    """The first host and the address after the last."""
    size = 1 << (bits - length)
    network = base & -size
    if length == bits:
        first, end = base, base + 1
    elif bits == 8 * _IPV4:
        first, end = network + 1, network + size - 1
    else:
        first, end = network, network + size
    return first, end % (1 << bits)
