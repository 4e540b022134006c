"""Single values as osquery reads them, with a complaint where it would say nothing.

Each reader returns the value that osquery acts on and a note, empty when all is well. Sources:
osquery ``json.cpp`` (``valueToSize``, ``valueToBool``), ``packs.cpp``; recorded value by value.
"""

import json
import re
import struct
from typing import Any

INTERVAL_MAX = 604_800
"""Seconds; osquery skips a query with a longer interval."""
_WRAP = 1 << 64
_LEADING_NUMBER = re.compile(r"[ \t\n\v\f\r]*([+-]?)([0-9]+)")
PLATFORM_WORDS = {
    "linux": ("any", "all", "posix", "linux", "ubuntu", "centos"),
    "darwin": ("any", "all", "posix", "darwin"),
    "freebsd": ("any", "all", "posix", "freebsd"),
    "windows": ("any", "all", "windows"),
}
_INT_MAX = (1 << 31) - 1


def size(value: Any) -> int:
    """An unsigned 64-bit number: text by its leading digits, negatives wrapped, the rest 0.

    Of a fraction osquery takes the bits of the double, not its value, so 60.0 is 4.6e18.
    """
    if isinstance(value, bool):
        return 0
    if isinstance(value, float):
        return int.from_bytes(struct.pack(">d", value))
    if isinstance(value, int):
        # Beyond 64 bits the JSON reader keeps a double, and its bits count again.
        return value % _WRAP if -_WRAP < 2 * value < 2 * _WRAP else size(_double(value))
    if isinstance(value, str) and (found := _LEADING_NUMBER.match(value)):
        number = int(found[2]) if len(found[2]) < 25 else _WRAP
        if number >= _WRAP:
            return 0
        return -number % _WRAP if found[1] == "-" else number
    return 0


def _double(value: int) -> float:
    return float(value) if abs(value) < 1 << 1023 else float("inf")


def interval(value: Any) -> tuple[int, str]:
    """Seconds, 0 when osquery skips the query."""
    seconds = size(value)
    allowed = f"expected whole seconds from 1 to {INTERVAL_MAX}"
    if isinstance(value, float):
        cure = f"; write {round(value)}" if 1 <= value <= INTERVAL_MAX else ""
        return 0, f"interval {value} is a fraction, which osquery does not take; {allowed}{cure}"
    if not 1 <= seconds <= INTERVAL_MAX:
        return 0, f"interval {shown(value)} is not usable; {allowed}"
    if isinstance(value, str) and value != str(seconds):
        return seconds, f"interval {shown(value)} is read as {seconds} seconds; write {seconds}"
    return seconds, ""


def boolean(key: str, value: Any) -> tuple[bool, str]:
    """True for ``true``, for the texts ``true`` and ``t`` in any case, for numbers other than 0."""
    result = False
    if isinstance(value, bool):
        return value, ""
    if isinstance(value, str):
        result = value.lower() in {"true", "t"}
    elif isinstance(value, int):
        result = value & 0xFFFFFFFF != 0
    elif isinstance(value, float):
        result = struct.pack("<d", value)[:4] != b"\0\0\0\0"
    if isinstance(value, str) and value.lower() in {"true", "false"}:
        return result, ""
    word = "true" if result else "false"
    return result, f"{key} {shown(value)} is read as {word}; write {word}"


def shard(value: Any) -> tuple[int, str]:
    """Percent of hosts, 1 to 99; 0 is no restriction."""
    percent = size(value)
    usable = isinstance(value, (int, str)) and not isinstance(value, bool)
    if not usable or (percent == 0 and value not in {0, "0"}) or percent > 100:
        return 0, f"shard {shown(value)} restricts nothing; expected whole percent from 1 to 99"
    return (percent if percent < 100 else 0), ""


def platform(value: Any) -> tuple[str, str]:
    """The text as it stands; empty is no restriction."""
    if not isinstance(value, str):
        return "", f"platform {shown(value)} is not text and restricts nothing"
    if value and not any(platform_fits(value, name) for name in PLATFORM_WORDS):
        words = ", ".join(sorted({word for words in PLATFORM_WORDS.values() for word in words}))
        return value, f'platform "{value}" fits no platform; expected one that contains: {words}'
    return value, ""


def platform_fits(text: str, name: str) -> bool:
    """Whether ``text`` contains a word for the platform: a substring search, case as given."""
    return text in {"", "null"} or any(word in text for word in PLATFORM_WORDS.get(name, (name,)))


def version(value: Any) -> tuple[str, str]:
    """The text as it stands; empty is no restriction."""
    if not isinstance(value, str):
        return "", f"version {shown(value)} is not text and restricts nothing"
    if value in {"", "null"}:
        return "", ""
    for part in _parts(value):
        number = _leading_int(part)
        if number is None:
            return value, f'version "{value}": "{part}" is no number; such a part rarely fits'
        if abs(number) > _INT_MAX:
            return value, (
                f'version "{value}": {part} is too large; it never runs here '
                "(osquery drops the whole pack or schedule)"
            )
    return value, ""


def version_fits(required: str, running: str) -> bool:
    """Whether ``running`` is not older, part by part, over as many parts as both have.

    A part without leading digits is compared as text. A part too large for a C int never fits.
    """
    parts = _parts(required)
    if any(abs(number) > _INT_MAX for part in parts if (number := _leading_int(part)) is not None):
        return False
    if required in {"", "null", "0.0.0"}:
        return True
    for wanted, have in zip(parts, _parts(running), strict=False):
        wanted_number, have_number = _leading_int(wanted), _leading_int(have)
        if wanted_number is None or have_number is None:
            if have < wanted:
                return False
        elif have_number != wanted_number:
            return have_number > wanted_number
    return True


def _parts(text: str) -> list[str]:
    return [bare for part in text.split(".") if (bare := part.strip(" \t\n\v\f\r"))]


def _leading_int(text: str) -> int | None:
    found = _LEADING_NUMBER.match(text)
    if not found:
        return None
    number = int(found[2][:25])
    return -number if found[1] == "-" else number


def shown(value: Any) -> str:
    """A value of a document, short enough for a message."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."
