"""Platforms that are let in by accident."""

import re
from collections.abc import Iterator

from telegraf_osquery.packs.values import PLATFORM_WORDS, platform_fits

_EXACT = frozenset({"any", "all", "posix", "linux", "darwin", "windows", "freebsd"})
_DISTRIBUTIONS = frozenset({"ubuntu", "centos"})
_SEPARATORS = re.compile(r"[,;\s]+")


def platform(text: str) -> Iterator[str]:
    """What osquery makes of a platform, where that is hardly what was meant.

    A text that fits no platform at all is a finding of the reader of packs.
    """
    if text in {"", "null"} or not any(platform_fits(text, name) for name in PLATFORM_WORDS):
        return
    for word in filter(None, _SEPARATORS.split(text)):
        fits = [name for name in PLATFORM_WORDS if platform_fits(word, name)]
        if word in _EXACT:
            continue
        if word in _DISTRIBUTIONS:
            meaning = "is taken for any Linux"
        elif fits:
            meaning = f"runs on {', '.join(fits)}, since osquery looks for words inside the text"
        else:
            meaning = "means nothing"
        yield (
            f'platform "{text}": "{word}" {meaning}; expected one of {", ".join(sorted(_EXACT))}'
        )
