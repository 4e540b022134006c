"""user_ssh_keys: which private keys lie in ~/.ssh, and whether they are encrypted.

Nothing secret leaves this module: of a key only its kind, its length and its curve. What osquery
leaves to OpenSSL (osquery/tables/system/posix/ssh_keys.cpp) is read from the heads of the files:
PEM (RFC 7468) of PKCS #1, SEC 1, DSA and PKCS #8 (RFC 5958), OpenSSH's own format. An encrypted key
and one in OpenSSH's format have no kind and length -1, as there.
"""

import re
from binascii import Error, a2b_base64
from collections.abc import Iterator
from math import cbrt, log
from typing import Any

import msgspec

from telegraf_osquery.engines.embedded_tables.ask import Ask, Table
from telegraf_osquery.engines.embedded_tables.content import clean
from telegraf_osquery.engines.embedded_tables.homes import LACKS, asked
from telegraf_osquery.engines.embedded_tables.walk import listing

_FOLDER = ".ssh"
_SIZE_MAX = 1 << 16
_PEM = re.compile(
    rb"-----BEGIN ([A-Z0-9 ]*)PRIVATE KEY-----\r?\n((?:[A-Za-z-]+: .*\r?\n)*)"
    rb"([A-Za-z0-9+/=\s]++)-----END \1PRIVATE KEY-----"
)
_OPENSSH = b"-----BEGIN OPENSSH PRIVATE KEY-----"
_OPENSSH_PLAIN = b"b3BlbnNzaC1rZXktdjEAAAAABG5vbmU"  # magic, then the cipher's name: none
_INTEGER, _SEQUENCE, _CONTEXT_0 = 0x02, 0x30, 0xA0
_ALGORITHMS = {
    "2a864886f70d010101": b"RSA ",
    "2a8648ce380401": b"DSA ",
    "2a8648ce3d0201": b"EC ",
    "2b6570": b"ED25519 ",
    "2b6571": b"ED448 ",
}
_CURVES = {
    "2a8648ce3d030107": ("prime256v1", 256),
    "2b81040022": ("secp384r1", 384),
    "2b81040023": ("secp521r1", 521),
    "2b8104000a": ("secp256k1", 256),
    "2b81040021": ("secp224r1", 224),
    "2b2403030208010107": ("brainpoolP256r1", 256),
    "2b240303020801010b": ("brainpoolP384r1", 384),
    "2b240303020801010d": ("brainpoolP512r1", 512),
}
_EC_STEPS = ((512, 256), (384, 192), (256, 128), (224, 112), (160, 80))
_DSA_STEPS = ((15360, 256), (7680, 192), (3072, 128), (2048, 112), (1024, 80))
_RSA_LIMITS = ((7680, 192), (15360, 256))
"""Bits and the strength they give at most, as OpenSSL counts."""
_NATS_MIN = 6.0

Values = list[tuple[int, bytes]]
"""The values in an ASN.1 sequence: tag and content."""


class Key(msgspec.Struct, frozen=True):
    """What may be told of a private key; -1 where it is not known."""

    encrypted: int = 0
    type: str = ""
    group: str = ""
    length: int = -1
    strength: int = -1


_EDWARDS = {b"ED25519 ": Key(length=256, strength=128), b"ED448 ": Key(length=456, strength=224)}


def _user_ssh_keys(ask: Ask) -> Iterator[tuple[Any, ...]]:
    for home in asked(ask):
        for path in listing(ask, f"{home.path}/{_FOLDER}", home.far):
            data = ask.read(path, home.far) or b""
            key = describe(data) if len(data) <= _SIZE_MAX else None
            if key is not None:
                about = (key.encrypted, key.type, key.group, key.length, key.strength)
                yield home.uid, clean(path), *about, 0


def describe(data: bytes) -> Key | None:
    """What the file says of its first private key; None when it holds none that is whole."""
    if data.startswith(_OPENSSH):
        return Key(encrypted=int(not data[len(_OPENSSH) :].lstrip().startswith(_OPENSSH_PLAIN)))
    found = _PEM.search(data)
    if found is None:
        return None
    kind, headers, body = found.groups()
    if kind == b"ENCRYPTED " or b"ENCRYPTED" in headers:
        return Key(encrypted=1)
    try:
        return _parsed(kind, _sequence(a2b_base64(body)))
    except (Error, LookupError, ValueError):
        return None


def _parsed(kind: bytes, values: Values) -> Key | None:
    """The key of a sequence in the format of this kind; without a kind it is PKCS #8."""
    if kind == b"RSA ":
        bits = _bits(values[1])
        return Key(type="rsa", length=bits, strength=factoring_strength(bits))
    if kind == b"DSA ":
        return _dsa(values[1], values[2])
    if kind == b"EC ":
        named = (content for tag, content in values if tag == _CONTEXT_0)
        return _elliptic(_values(next(named, b""))[0][1])
    return _pkcs8(values[1][1], values[2][1]) if not kind else None


def _pkcs8(algorithm: bytes, inner: bytes) -> Key | None:
    """An algorithm with its parameters, and the key in the format of that algorithm."""
    (_, oid), *parameters = _values(algorithm)
    kind = _ALGORITHMS[oid.hex()]
    if kind == b"RSA ":
        return _parsed(kind, _sequence(inner))
    if kind == b"DSA ":
        return _dsa(*_values(parameters[0][1])[:2])
    if kind == b"EC ":
        return _elliptic(parameters[0][1])
    return _EDWARDS[kind]


def _dsa(prime: tuple[int, bytes], order: tuple[int, bytes]) -> Key:
    length, short = _bits(prime), _bits(order)
    strength = next((bits for least, bits in _DSA_STEPS if length >= least), 0)
    return Key(type="dsa", length=length, strength=min(short // 2, strength))


def _elliptic(oid: bytes) -> Key:
    group, bits = _CURVES[oid.hex()]
    strength = next((strong for least, strong in _EC_STEPS if bits >= least), bits // 2)
    return Key(type="ec", group=group, length=bits, strength=strength)


def factoring_strength(bits: int) -> int:
    """The strength of RSA by NIST SP 800-56B rev. 2, appendix D, as OpenSSL rounds it."""
    nats = bits * log(2)
    if nats < _NATS_MIN:
        return 0
    strength = (1.923 * cbrt(nats * log(nats) ** 2) - 4.69) / log(2)
    limit = next((strong for most, strong in _RSA_LIMITS if bits <= most), 1200)
    return min((int(strength) + 4) & ~7, limit)


def _bits(value: tuple[int, bytes]) -> int:
    """The length of an ASN.1 integer."""
    tag, content = value
    if tag != _INTEGER:
        raise ValueError(f"tag {tag:#x}, expected an integer")
    return int.from_bytes(content, "big").bit_length()


def _sequence(data: bytes) -> Values:
    """The values of a sequence that is all of ``data``."""
    ((tag, content),) = _values(data)
    if tag != _SEQUENCE:
        raise ValueError(f"tag {tag:#x}, expected a sequence")
    return _values(content)


def _values(data: bytes) -> Values:
    """Tag and content of each value, one behind the other (DER: ITU-T X.690)."""
    found: Values = []
    at = 0
    while at < len(data):
        tag, size, start = data[at], data[at + 1], at + 2
        if size & 0x80:
            start += size & 0x7F
            size = int.from_bytes(data[at + 2 : start], "big")
        at = start + size
        if at > len(data):
            raise ValueError("a value goes on behind the end of its sequence")
        found.append((tag, data[start:at]))
    return found


TABLES = {
    "user_ssh_keys": Table(
        (
            *("uid", "path", "encrypted", "key_type", "key_group_name", "key_length"),
            *("key_security_bits", "pid_with_namespace"),
        ),
        _user_ssh_keys,
        lacks=LACKS,
    )
}
