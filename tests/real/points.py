"""A line protocol reader for tests, written apart from the codec so that both can be wrong apart.

It goes character by character through what Telegraf's influx serializer wrote and gives Python
values: int for ``i`` and ``u``, float, bool, str.
"""

from collections.abc import Iterator
from typing import NamedTuple

Value = int | float | bool | str


class Point(NamedTuple):
    name: str
    tags: tuple[tuple[str, str], ...]
    fields: dict[str, Value]
    time: int

    def tag(self, key: str) -> str:
        return dict(self.tags)[key]


class _Text:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def until(self, stops: str) -> str:
        """Characters up to one of ``stops``, with a backslash before a special one removed."""
        out: list[str] = []
        while self.at < len(self.text) and self.text[self.at] not in stops:
            if self.text[self.at] == "\\" and self.text[self.at + 1 : self.at + 2] in tuple(",= "):
                self.at += 1
            out.append(self.text[self.at])
            self.at += 1
        return "".join(out)

    def string(self) -> str:
        out: list[str] = []
        self.at += 1
        while self.text[self.at] != '"':
            if self.text[self.at] == "\\" and self.text[self.at + 1] in '\\"':
                self.at += 1
            out.append(self.text[self.at])
            self.at += 1
        self.at += 1
        return "".join(out)

    def skip(self) -> str:
        found = self.text[self.at]
        self.at += 1
        return found


def _value(text: _Text) -> Value:
    if text.text[text.at] == '"':
        return text.string()
    raw = text.until(", ")
    if raw in ("true", "false"):
        return raw == "true"
    return int(raw[:-1]) if raw[-1] in "iu" else float(raw)


def points(data: bytes) -> Iterator[Point]:
    """Every point of the text, in order."""
    text = _Text(data.decode())
    while text.at < len(text.text):
        name = text.until(", ")
        tags: list[tuple[str, str]] = []
        while text.skip() == ",":
            key = text.until("=")
            text.skip()
            tags.append((key, text.until(", ")))
        fields: dict[str, Value] = {}
        while True:
            key = text.until("=")
            text.skip()
            fields[key] = _value(text)
            if text.skip() == " ":
                break
        yield Point(name, tuple(tags), fields, int(text.until("\n")))
        text.skip()
