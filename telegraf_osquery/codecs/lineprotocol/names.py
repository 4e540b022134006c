"""Measurements, keys and tag values: what the wire can hold of them.

Telegraf's grammar (``plugins/parsers/influx/machine.go.rl``) has no encoding for some of them:
control characters in any name or tag, a backslash at the end, a backslash before a character that
is itself escaped, an empty name, a measurement that begins with ``#`` (a comment). Such parts are
replaced here, always in the same way. The exact value of a tag that had to be changed goes to the
field ``exact_<tag>``: the tag keeps its name and stays usable for grouping, a field of the same
name as a tag would be ambiguous in InfluxQL and Flux, and a prefix is what the other added fields
have (``before_``, ``decoration_``, ``column_``). A result column that has this name already wins.
"""

import re

EXACT_PREFIX = "exact_"

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# A backslash here would escape the separator behind it, or be taken for an escape and lost.
_LOOSE_BACKSLASH = re.compile(r'\\(?=\\*(?:[ ,="]|\Z))')
_BACKSLASH_QUOTE = re.compile(r'\\+"')
_KEY_SPECIAL = re.compile(r"([ ,=])")
_NAME_SPECIAL = re.compile(r"([ ,])")


def _clean(name: str) -> str:
    return _LOOSE_BACKSLASH.sub("_", _CONTROL.sub("_", name)) or "_"


def measurement(name: str) -> str:
    """The measurement as it is written."""
    name = _clean(name)
    if name.startswith("#"):
        name = "_" + name[1:]
    return _NAME_SPECIAL.sub(r"\\\1", name)


def key(name: str) -> str:
    """A tag key or field key as it is written."""
    if name.isidentifier():  # nearly all are, and then nothing is to be done
        return name
    return _KEY_SPECIAL.sub(r"\\\1", _clean(name))


def tag_value(value: str) -> str:
    """What a tag can hold of ``value``, not yet escaped; empty: no tag.

    Control characters become blanks, trailing backslashes are cut. Telegraf drops a backslash
    before a quote from values that hold anything escaped; we drop it ourselves, so that every
    receiver sees the same tag.
    """
    held = _CONTROL.sub(" ", value)
    if "\\" in held:
        held = held.rstrip("\\")
        if _KEY_SPECIAL.search(held):
            held = _BACKSLASH_QUOTE.sub('"', held)
    return held


def escape(value: str) -> str:
    """A tag value as it is written."""
    return _KEY_SPECIAL.sub(r"\\\1", value)
