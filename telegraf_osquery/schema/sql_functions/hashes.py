"""md5, sha1, sha256 and community_id_v1 (osquery/sql/sqlite_hashing.cpp).

The digests are CPython's own C modules: they load in 0.1 MiB and hash at 650 (MD5), 250-300 (SHA-1)
and 300-400 MB/s (SHA-256), measured; hashlib's OpenSSL reaches 720, 1 790 and 1 690 MB/s with the
CPU's SHA instructions, but costs 3.7 MiB in every agent that ever hashed anything. Builds without
these modules (some distributions) fall back to hashlib.
"""

from binascii import b2a_base64
from collections.abc import Callable, Mapping
from importlib import import_module
from struct import pack
from typing import Any, Protocol

from telegraf_osquery.errors import QueryError
from telegraf_osquery.schema.sql_functions.around import Around
from telegraf_osquery.schema.sql_functions.network import packed
from telegraf_osquery.schema.sql_functions.values import c_string, failure

_MODULES = {"md5": ("_md5",), "sha1": ("_sha1",), "sha256": ("_sha2", "_sha256")}
DIGESTS = tuple(_MODULES)


class Digest(Protocol):
    """A running digest."""

    def update(self, data: bytes | memoryview, /) -> None: ...

    def digest(self) -> bytes: ...

    def hexdigest(self) -> str: ...


Maker = Callable[[], Digest]


def maker(name: str) -> Maker:
    """What starts a digest of that name."""
    for module in _MODULES[name]:
        try:
            found: Maker = getattr(import_module(module), name)
        except ImportError:
            continue
        return found
    import hashlib  # this build of Python has no digests of its own

    return lambda: hashlib.new(name, usedforsecurity=False)


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

    hashes = {name: _hexadecimal(maker(name)) for name in DIGESTS}
    return hashes | {"community_id_v1": lenient, "community_id_v1_strict": strict}


def _hexadecimal(start: Maker) -> Callable[[Any], str | None]:
    def call(value: Any) -> str | None:
        if value is None:
            return None
        digest = start()
        digest.update(c_string(value))
        return digest.hexdigest()

    return call


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
