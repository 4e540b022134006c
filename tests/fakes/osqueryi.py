"""A double of osquery's shell on a pipe, held to the recorded dialogues.

SQL is answered by ``osquery_sql``. A comment in the SQL text makes it misbehave:

* ``fault=slow``: a row every 20 ms, where the real shell prints when it has them all;
* ``fault=half``: half of the answer, then nothing; ``fault=hang``: nothing at all;
* ``fault=killed``: half of the answer, then it is killed; ``fault=exit``: then it ends by itself;
* ``fault=garbage``: text that is no array; ``fault=row``: a row that is no JSON;
* ``fault=flood``: 4 MiB on stderr before the answer;
* ``fault=remark``: a line on stderr that is no error.

``install`` makes a program of it; its arguments ``--start=exit`` and ``--start=hang`` make it fail
before it reads anything.
"""

import json
import os
import re
import shlex
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import apsw

from tests.fakes.osquery_sql import Backend, SqlError, cut

ROOT = Path(__file__).parent.parent.parent
_RECORDED = ROOT / "tests" / "testcases" / "repl" / "dot_commands.json"
_FAULT = re.compile(r"fault=(\w+)")
_BLANK = re.compile(r"(?:\s|--[^\n]*(?:\n|$)|/\*.*?\*/)*", re.DOTALL)
_LETTERS = {8: rb"\b", 9: rb"\t", 10: rb"\n", 12: rb"\f", 13: rb"\r", 34: rb"\"", 92: rb"\\"}
_ESCAPE = re.compile(rb'[\x00-\x1f"\\]')
_ALONE = "The {} table returns data based on the current user by default, consider JOINing against "
_FLOOD = 350_000
_MODES = ("column", "csv", "line", "list", "pretty")


def install(folder: Path, *arguments: str, name: str = "osqueryi") -> str:
    """An executable file in ``folder`` that is this shell; its path."""
    path = folder / name
    words = [sys.executable, "-m", "tests.fakes.osqueryi", *arguments]
    command = " ".join(map(shlex.quote, words))
    path.write_text(f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(ROOT))} exec {command} "$@"\n')
    path.chmod(0o755)
    return str(path)


class Shell:
    """One session."""

    def __init__(self, out: BinaryIO, err: BinaryIO, arguments: Sequence[str]) -> None:
        self._out, self._err = out, err
        self._backend = Backend(recorded="--recorded" in arguments, odd="--odd" in arguments)
        self._warns = "--logger_min_status=3" not in arguments
        self._mode = "json" if "--json" in arguments else "pretty"
        self._null = b""
        self._timer = self._bail = False
        self._line = self._began = self._errors = 0
        self._sql = b""
        self._over = False

    def serve(self, source: BinaryIO) -> int:
        """Read to the end; the exit status."""
        while not (self._over or (self._bail and self._errors)) and (raw := source.readline()):
            while b"\0" in raw:  # C's strings end there, and the reading goes on behind them
                raw = raw.partition(b"\0")[0] + source.readline()
            self._line += 1
            self._take(raw.removesuffix(b"\n").removesuffix(b"\r"))
        if self._sql.strip() and not self._over:
            self._run()
        return 1 if self._errors else 0

    def _take(self, line: bytes) -> None:
        if not self._sql and _BLANK.fullmatch(_text(line)):
            return
        if not self._sql and line.startswith(b"."):
            self._command(line)
            return
        if line.strip().lower() in {b"/", b"go"} and _complete(self._sql + b";"):
            line = b";"
        if self._sql:
            self._sql += b"\n" + line
        else:
            self._began, self._sql = self._line, line.lstrip()
        if b";" in line and _complete(self._sql):
            self._run()
        elif _BLANK.fullmatch(_text(self._sql)):
            self._sql = b""

    def _run(self) -> None:
        sql, self._sql = _text(self._sql), b""
        rows: list[dict[bytes, bytes]] = []
        self._warn(sql)
        error = ""
        try:
            for row in self._backend.rows(sql):
                rows.append({key.encode(): self._cell(cell) for key, cell in row.items()})  # noqa: PERF401 - those before an error count
        except SqlError as fault:
            error = str(fault)
        if error:
            self._complain(f"Error: near line {self._began}: {error}\n")
            self._errors += 1
        found = _FAULT.search(sql)
        self._answer(_FORMATS.get(self._mode, _as_json)(rows), found[1] if found else "")

    def _answer(self, answer: bytes, fault: str) -> None:
        half = answer[: len(answer) // 2]
        if fault:
            self._misbehave(fault, answer, half)
        else:
            self._say(answer)
        if self._timer:
            self._say(b"Run Time: real 0.000 user 0.000168 sys 0.000000\n")

    def _misbehave(self, fault: str, answer: bytes, half: bytes) -> None:
        say, complain = partial(self._say, answer), self._complain
        begin, wait = partial(self._say, half), partial(_nap, 3600)
        acts: dict[str, tuple[Callable[[], object], ...]] = {
            "slow": (partial(self._dribble, answer),),
            "half": (begin, wait),
            "hang": (wait,),
            "killed": (begin, partial(os.kill, os.getpid(), signal.SIGKILL)),
            "exit": (begin, partial(complain, "out of luck\n"), partial(os._exit, 3)),
            "garbage": (partial(self._say, b"Segmentation fault\n" * 9),),
            "row": (partial(self._say, answer.replace(b'":"', b"", 1)),),
            "flood": (partial(complain, "E1122 flood\n" * _FLOOD), say),
            "remark": (partial(complain, "libfoo: deprecated\n"), say),
        }
        for act in acts[fault]:
            act()

    def _dribble(self, answer: bytes) -> None:
        for line in answer.splitlines(keepends=True):
            _nap(0.02)
            self._say(line)

    def _warn(self, sql: str) -> None:
        alone = re.search(r"\bfrom\s+authorized_keys\b", sql, re.IGNORECASE)
        unbound = re.fullmatch(r"select \* from (file|hash)\s*;", sql, re.IGNORECASE)
        if not self._warns or not (alone or unbound):
            return
        table = unbound[1] if unbound else "authorized_keys"
        text = (
            f"Table {table} was queried without a required column in the WHERE clause"
            if unbound
            else _ALONE.format(table) + "the users table"
        )
        head = "W1122 06:56:09.243453  1292 virtual_table.cpp"
        self._complain(f"{head}:{1012 if unbound else 1005}] {text}\n")
        page = f"https://osquery.io/schema/#{table}"
        self._complain(f"{head}:1022] Please see the table documentation: {page}\n")

    def _command(self, line: bytes) -> None:
        words = shlex.split(_text(line))
        name, rest = words[0][1:], words[1:]
        commands: dict[str, Callable[[], object]] = {
            "print": lambda: self._say(" ".join(rest).encode() + b"\n"),
            "quit": lambda: setattr(self, "_over", True),
            "timeout": lambda: None,
            "timer": lambda: setattr(self, "_timer", rest == ["ON"]),
            "bail": lambda: setattr(self, "_bail", rest == ["ON"]),
            "nullvalue": lambda: setattr(self, "_null", rest[0].encode()),
            "mode": lambda: self._set_mode(rest[0]),
            "types": lambda: self._types(_text(line).partition(" ")[2]),
            "show": lambda: self._recorded(line),
            "schema": lambda: self._recorded(line),
        }
        if name not in commands:
            self._errors += 1
            self._complain(
                f'Error: unknown command or invalid arguments:  "{name}". Enter ".help" for help\n'
            )
            return
        commands[name]()

    def _set_mode(self, mode: str) -> None:
        if mode in _MODES:
            self._mode = mode
        else:
            self._errors += 1
            self._complain(f"Error: mode should be one of: {' '.join(_MODES)}\n")

    def _types(self, sql: str) -> None:
        try:
            found = self._backend.columns(sql)
        except SqlError as error:
            self._say(f"Error 1: {error}\n".encode())
            return
        self._say("".join(f"\n name = {name}\n type = {kind}\n" for name, kind in found).encode())

    def _recorded(self, line: bytes) -> None:
        """What the recorded shell said to this command."""
        events = json.loads(_RECORDED.read_text())["events"]
        at = events.index(["in", line.decode() + "\n"])
        self._say(events[at + 1][1].encode())

    def _cell(self, cell: Any) -> bytes:
        if cell is None:
            return self._null
        if isinstance(cell, float):
            return _double(cell).encode()
        return cut(cell) if isinstance(cell, str | bytes) else str(cell).encode()

    def _say(self, data: bytes) -> None:
        self._out.write(data)
        self._out.flush()

    def _complain(self, text: str) -> None:
        self._err.write(text.encode())
        self._err.flush()


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _complete(sql: bytes) -> bool:
    return bool(apsw.complete(sql.decode("utf-8", "replace") + "\n"))


def _nap(seconds: float) -> None:
    threading.Event().wait(seconds)


def _double(value: float) -> str:
    if value in {float("inf"), float("-inf")}:
        return "Inf" if value > 0 else "-Inf"
    mantissa, mark, exponent = f"{value or 0.0:.15g}".partition("e")
    return mantissa + ("" if "." in mantissa else ".0") + mark + exponent


def _quoted(data: bytes) -> bytes:
    def escaped(found: re.Match[bytes]) -> bytes:
        return _LETTERS.get(found[0][0], b"\\u%04X" % found[0][0])

    return b'"' + _ESCAPE.sub(escaped, data) + b'"'


def _as_json(rows: list[dict[bytes, bytes]]) -> bytes:
    lines = (
        b"  {" + b",".join(_quoted(key) + b":" + _quoted(row[key]) for key in sorted(row)) + b"}"
        for row in rows
    )
    return b"[\n" + b",\n".join(lines) + b"\n]\n"


def _as_csv(rows: list[dict[bytes, bytes]]) -> bytes:
    lines = [b",".join(rows[0])] if rows else []
    return b"".join(line + b"\n" for line in (*lines, *(b",".join(r.values()) for r in rows)))


def _as_lines(rows: list[dict[bytes, bytes]]) -> bytes:
    return b"".join(b"%5b = %b\n" % pair for row in rows for pair in row.items())


_FORMATS = {"json": _as_json, "csv": _as_csv, "line": _as_lines}


if __name__ == "__main__":
    start = next((word[8:] for word in sys.argv if word.startswith("--start=")), "")
    if start == "exit":
        sys.stderr.write("ERROR: unknown command line flag 'no_such_flag'\n")
        sys.exit(1)
    if start == "hang":
        _nap(3600)
    sys.exit(Shell(sys.stdout.buffer, sys.stderr.buffer, sys.argv).serve(sys.stdin.buffer))
