"""MD5, SHA-1 and SHA-256 without OpenSSL.

They are CPython's own C modules: they load in 0.1 MiB and hash at 650 (MD5), 250-300 (SHA-1)
and 300-400 MB/s (SHA-256), measured; hashlib's OpenSSL reaches 720, 1 790 and 1 690 MB/s with the
CPU's SHA instructions, but costs 3.7 MiB in every agent that ever hashed anything. Builds without
these modules (some distributions) fall back to hashlib.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Protocol

_MODULES = {"md5": ("_md5",), "sha1": ("_sha1",), "sha256": ("_sha2", "_sha256")}
DIGESTS = tuple(_MODULES)


class Digest(Protocol):
    """A running digest."""

    def update(self, data: bytes | memoryview, /) -> None: ...

    def digest(self) -> bytes: ...

    def hexdigest(self) -> str: ...


Maker = Callable[[], Digest]


def maker(name: str) -> Maker:
    """The maker of digests of this kind (md5, sha1, sha256)."""
    for module in _MODULES[name]:
        try:
            found: Maker = getattr(import_module(module), name)
        except ImportError:
            continue
        return found
    import hashlib  # this build of Python has no digests of its own

    return lambda: hashlib.new(name, usedforsecurity=False)
