"""Durations and sizes as people write them: ``"1m30s"``, ``"64KiB"``.

A bare number is refused for both: nobody remembers whether it was seconds or milliseconds.
"""

import re

# Telegraf's units (Go's time.ParseDuration and "d"), in seconds.
_SECONDS = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
    "d": 86400.0,
}
_BYTES = {
    "B": 1,
    "kB": 1000,
    "KB": 1000,
    "MB": 1000**2,
    "GB": 1000**3,
    "TB": 1000**4,
    "KiB": 1 << 10,
    "MiB": 1 << 20,
    "GiB": 1 << 30,
    "TiB": 1 << 40,
}
_NUMBER = r"\d{1,12}(?:\.\d{1,9})?"
DURATION_PATTERN = rf"^(?:{_NUMBER}(?:ns|us|µs|ms|s|m|h|d))+$"
SIZE_PATTERN = rf"^{_NUMBER} ?(?:{'|'.join(_BYTES)})$"
_DURATION = re.compile(DURATION_PATTERN, re.ASCII)
_PART = re.compile(rf"({_NUMBER})(ns|us|µs|ms|s|m|h|d)", re.ASCII)
_SIZE = re.compile(rf"^({_NUMBER}) ?({'|'.join(_BYTES)})$", re.ASCII)


class Duration(float):
    """Seconds; written ``"10s"``, ``"1m30s"``, ``"500ms"``, ``"24h"``, ``"7d"``."""

    __slots__ = ()

    def __str__(self) -> str:
        return show_duration(self)


class Size(int):
    """Bytes; written ``"64KiB"``, ``"10MB"``, ``"2GiB"``."""

    def __str__(self) -> str:
        return show_size(self)


def duration(text: object) -> Duration:
    """The duration that ``text`` writes.

    Raises:
        ValueError: it does not write one; the message has what was found, expected and the cure.
    """
    if isinstance(text, str) and _DURATION.match(text):
        return Duration(sum(float(n) * _SECONDS[unit] for n, unit in _PART.findall(text)))
    cure = f'did you mean "{text}s"?' if _is_count(text) else 'write "10s", "1m30s" or "500ms"'
    raise ValueError(
        f"found {_show(text)}; expected a duration (units ns, us, ms, s, m, h, d); {cure}"
    )


def size(text: object) -> Size:
    """The size that ``text`` writes.

    Raises:
        ValueError: as ``duration``.
    """
    match = _SIZE.match(text) if isinstance(text, str) else None
    if match:
        number, unit = match.groups()
        whole = int(number) * _BYTES[unit] if number.isdecimal() else float(number) * _BYTES[unit]
        return Size(whole)
    cure = f'did you mean "{text}B"?' if _is_count(text) else 'write "64KiB", "10MB" or "2GiB"'
    units = ", ".join(_BYTES)
    raise ValueError(f"found {_show(text)}; expected a size (units {units}); {cure}")


def hook(wanted: type, value: object) -> object:
    """The ``dec_hook`` of msgspec for the types of this module."""
    if wanted is Duration:
        return duration(value)
    if wanted is Size:
        return size(value)
    raise NotImplementedError(wanted.__name__)


def show_duration(seconds: float) -> str:
    """The shortest text that ``duration`` reads back: whole units, largest first."""
    left = round(seconds * 1e9)
    if left == 0:
        return "0s"
    parts = []
    for unit in ("d", "h", "m", "s", "ms", "us", "ns"):
        count, left = divmod(left, round(_SECONDS[unit] * 1e9))
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)


def show_size(count: int) -> str:
    """The text that ``size`` reads back, in the largest unit that divides it."""
    for unit in ("TiB", "TB", "GiB", "GB", "MiB", "MB", "KiB", "kB"):
        if count and count % _BYTES[unit] == 0:
            return f"{count // _BYTES[unit]}{unit}"
    return f"{int(count)}B"


def _is_count(value: object) -> bool:
    return (isinstance(value, int) and not isinstance(value, bool)) or (
        isinstance(value, str) and value.isascii() and value.isdecimal()
    )


def _show(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value)
