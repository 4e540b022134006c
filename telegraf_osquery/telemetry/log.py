"""Log lines as Telegraf reads them: one event, one line, level letter first.

Telegraf's execd plugins take the level of a stderr line from its first three characters
(``E! ``, ``W! ``, ``I! ``, ``D! ``, ``T! ``) and stop reading for good at a line of 64 KiB or more.
The standard library's ``logging`` is not used: it costs 2 ms of the start and formats tracebacks
over many lines, each of which would be an error of its own.
"""

import os
from collections.abc import Callable
from types import TracebackType
from typing import Literal

from telegraf_osquery.errors import ConfigError

Level = Literal["error", "warn", "info", "debug", "trace"]
LEVELS: tuple[Level, ...] = ("error", "warn", "info", "debug", "trace")

LINE_MAX = 32 * 1024
"""Longest line in bytes, newline included: far enough below 64 KiB for what a reader adds."""
FRAMES_MAX = 12
CAUSES_MAX = 3
KEYS_MAX = 1000

Write = Callable[[bytes], object]


def _escapes() -> dict[int, str]:
    table = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))}
    table |= {0x2028: "\\u2028", 0x2029: "\\u2029"}
    return table | {9: "\\t", 10: "\\n", 13: "\\r"}


_FOLD = _escapes()
_QUOTE = _FOLD | {0x22: '\\"', 0x5C: "\\\\"}


def quote(text: object, limit: int = 200) -> str:
    """Foreign text for a message: in double quotes, escaped, cut after ``limit`` characters."""
    string = str(text)
    cut = "..." if len(string) > limit else ""
    return f'"{string[:limit].translate(_QUOTE)}"{cut}'


def fold(error: BaseException) -> str:
    """An exception, its causes and its stack on one line, innermost frame first."""
    parts: list[str] = []
    seen: BaseException | None = error
    while seen is not None and len(parts) < CAUSES_MAX:
        parts.append(f"{type(seen).__name__}: {seen}{_frames(seen.__traceback__)}")
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    return "; caused by ".join(parts)


def _frames(trace: TracebackType | None) -> str:
    frames: list[str] = []
    while trace is not None:
        code = trace.tb_frame.f_code
        frames.append(f"{os.path.basename(code.co_filename)}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return f" [{' < '.join(frames[: -FRAMES_MAX - 1 : -1])}]" if frames else ""


def _line(letter: str, name: str, text: str) -> bytes:
    # The text is cut before it is escaped: a message of 100 MB must not be copied three times.
    head = f"{letter}! {name}: " if name else f"{letter}! "
    body = text[:LINE_MAX].translate(_FOLD).encode("utf-8", "backslashreplace")
    room = LINE_MAX - len(head.encode()) - 1
    if len(body) > room or len(text) > LINE_MAX:
        mark = f" ... [cut, {len(text)} characters]"
        body = body[: room - len(mark)].decode("utf-8", "ignore").encode() + mark.encode()
    return head.encode() + body + b"\n"


class Log:
    """Writes events of a level and above, each with one call of ``write``.

    ``message`` takes %-arguments; without any it is written as it stands. Arguments that do
    not fit are written beside it: a slip in a log call must not end the work it reports. Where
    ``write`` fails with OSError the line is lost and counted in ``lost``. May be called from any
    thread.
    """

    def __init__(
        self, write: Write, level: Level = "info", name: str = "", *, info: Write | None = None
    ) -> None:
        """``info`` takes the levels info and below, where a role must keep them apart.

        Telegraf reads the stderr of an output as errors whatever the letter says, and its stdout as
        information.

        Raises:
            ConfigError: the level is not one of ``LEVELS``.
        """
        if level not in LEVELS:
            raise ConfigError(f"log level: found {quote(level)}; expected {', '.join(LEVELS)}")
        self.level = level
        self.name = name
        self.lost = 0
        self._rank = LEVELS.index(level)
        self._write = write
        self._info = info or write
        self._held: dict[str, int] = {}

    def named(self, name: str) -> "Log":
        """The same log under another name; what it loses is counted there."""
        return Log(self._write, self.level, name, info=self._info)

    def error(self, message: str, *args: object) -> None:
        self._event(0, message, args)

    def warn(self, message: str, *args: object) -> None:
        self._event(1, message, args)

    def info(self, message: str, *args: object) -> None:
        self._event(2, message, args)

    def debug(self, message: str, *args: object) -> None:
        self._event(3, message, args)

    def trace(self, message: str, *args: object) -> None:
        self._event(4, message, args)

    def failure(self, error: BaseException, message: str, *args: object) -> None:
        """An error with the exception, its causes and frames folded into the same line."""
        self._event(0, f"{_format(message, args)}: {fold(error)}", ())

    def once(self, key: str, message: str, *args: object) -> bool:
        """A warning the first time this key is seen; later ones are held back and counted.

        Returns whether it was written. ``again`` forgets the key.
        """
        if key in self._held:
            self._held[key] += 1
            return False
        if len(self._held) >= KEYS_MAX:
            self._held.pop(next(iter(self._held)), None)
        self._held[key] = 0
        self.warn(message, *args)
        return True

    def again(self, key: str) -> int:
        """The state behind ``key`` has ended: warn anew next time. Returns how many were held."""
        return self._held.pop(key, 0)

    def _event(self, rank: int, message: str, args: tuple[object, ...]) -> None:
        if rank > self._rank:
            return
        line = _line("EWIDT"[rank], self.name, _format(message, args))
        try:
            (self._write if rank < 2 else self._info)(line)
        except OSError:
            self.lost += 1


def _format(message: str, args: tuple[object, ...]) -> str:
    if not args:
        return message
    try:
        return message % args
    except (TypeError, ValueError):
        return f"{message} {args!r}"
