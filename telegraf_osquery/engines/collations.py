"""osquery's orders of version texts, as SQLite collations."""

from collections.abc import Callable, Mapping


def _version(one: str, two: str) -> int:
    return (one > two) - (one < two)


COLLATIONS: Mapping[str, Callable[[str, str], int]] = {
    "VERSION": _version,
    "VERSION_DPKG": _version,
    "VERSION_RHEL": _version,
}
