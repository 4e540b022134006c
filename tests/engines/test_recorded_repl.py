"""The recorded sessions with osqueryi on a pipe, to the byte.

``tests/testcases/repl``: what was written to stdin, what came from stdout and stderr, in the order
of arrival; an answer belongs to the input above it. First the double is held to them, then what
the process engine reads.
"""

import base64
import json
import re
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telegraf_osquery.codecs import json_rows
from telegraf_osquery.engines.shell_dialogue import Complaints, Reply
from tests.fakes.osqueryi import Shell

CASES = Path(__file__).parent.parent / "testcases" / "repl"
SESSIONS = {path.stem: json.loads(path.read_text())["events"] for path in CASES.glob("*.json")}
# What differs from run to run: the time and thread of a log line, the cost of a query.
_LOG = re.compile(rb"^([WE])\d{4} [\d:.]+ +\d+ ", re.MULTILINE)
_COST = re.compile(rb"real [\d.]+ user [\d.]+ sys [\d.]+")

Step = tuple[bytes, bytes, bytes]
"""An input, and what came from stdout and stderr behind it."""


def _bytes(data: Any) -> bytes:
    return base64.b64decode(data["base64"]) if isinstance(data, dict) else str(data).encode()


def _steps(name: str) -> list[Step]:
    steps: list[Step] = []
    for channel, data in SESSIONS[name]:
        if channel == "in":
            steps.append((b"" if data == "<EOF>" else _bytes(data), b"", b""))
        elif channel in {"out", "err"}:
            given_, out, err = steps[-1]
            more = _bytes(data)
            steps[-1] = (given_, *((out + more, err) if channel == "out" else (out, err + more)))
    return steps


def _plain(data: bytes) -> bytes:
    return _COST.sub(b"", _LOG.sub(rb"\1 ", data))


class _Stdin(BytesIO):
    """Gives the inputs line by line; notes what was said before each input."""

    def __init__(self, inputs: list[bytes], out: BytesIO, err: BytesIO) -> None:
        super().__init__()
        self._inputs = [one.splitlines(keepends=True) for one in inputs]
        self._channels = (out, err)
        self.said: list[tuple[bytes, bytes]] = []

    def readline(self, _size: int | None = -1) -> bytes:
        while self._inputs and not self._inputs[0]:
            self._inputs.pop(0)
            self.note()
        return self._inputs[0].pop(0) if self._inputs else b""

    def note(self) -> None:
        out, err = (channel.getvalue() for channel in self._channels)
        self.said.append((_plain(out), _plain(err)))
        for channel in self._channels:
            channel.seek(0)
            channel.truncate()

    def unread(self) -> int:
        return sum(map(len, self._inputs))


def test_all_sessions_are_there() -> None:
    """An empty folder would pass all the other tests."""
    assert len(SESSIONS) == 17


@pytest.mark.parametrize("name", SESSIONS)
def test_the_double_is_as_recorded(name: str) -> None:
    """What was said behind each input, what is left unread at the end, the exit status."""
    steps = _steps(name)
    out, err = BytesIO(), BytesIO()
    stdin = _Stdin([given_ for given_, _, _ in steps], out, err)
    status = Shell(out, err, ["--json", "--recorded"]).serve(stdin)
    stdin.note()
    wanted = [(_plain(out), _plain(err)) for _, out, err in steps]
    said = stdin.said
    while len(said) > 1 and len(said) > len(wanted):
        said[-2:] = [(said[-2][0] + said[-1][0], said[-2][1] + said[-1][1])]
    assert said == wanted[: len(said)]
    assert all(one == (b"", b"") for one in wanted[len(said) :])
    notes = [data for channel, data in SESSIONS[name] if channel == "note"]
    assert bool(notes) == bool(stdin.unread())
    assert status == SESSIONS[name][-1][1]


def _answers() -> list[tuple[str, bytes, bytes]]:
    """Marker, stdout and stderr of each statement that was followed by ``.print``."""
    found = []
    for name in sorted(SESSIONS):
        steps = _steps(name)
        for (first, out, err), (second, marker, _) in pairwise(steps):
            asked = first.endswith(b";\n") and second.startswith(b".print M") and marker
            # Several statements on one line give rows of several kinds: the engine never asks so.
            if asked and len({tuple(row) for row in _rows(out)}) <= 1:
                found.append((marker.decode().strip(), out + marker, err))
    return found


def _rows(out: bytes) -> list[dict[str, str]]:
    rows: list[dict[str, str]] = json.loads(out[: out.rindex(b"]") + 1].decode("utf-8", "replace"))
    return rows


def test_there_are_recorded_answers() -> None:
    """The tests below have something to read."""
    assert len(_answers()) >= 15


@pytest.mark.parametrize(("marker", "out", "err"), _answers())
def test_recorded_answers_are_read(marker: str, out: bytes, err: bytes) -> None:
    """As one array with its end; an error is there exactly where stderr has one."""
    reply, complaints = Reply(marker), Complaints()
    reply.feed(out)
    complaints.feed(err)
    assert (reply.complete, reply.broken) == (True, "")
    wanted = _rows(out)
    got = []
    if piece := reply.take():
        names, cells = json_rows.decode(piece)
        got = [dict(zip(names, row, strict=True)) for row in zip(*next(cells), strict=True)]
    assert got == wanted
    error = complaints.error("sql")
    message = re.search(r"Error: near line \d+: (.*)\n", err.decode())
    assert (str(error) if error else None) == (message[1] if message else None)
    assert error is None or error.code == (19 if "required column" in str(error) else 1)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.text(max_size=12), max_size=12),
    st.lists(st.integers(0, 400), max_size=12),
    st.booleans(),
)
def test_an_answer_is_the_same_however_it_is_cut(
    values: list[str], cuts: list[int], windows: bool
) -> None:
    """Rows come whole and in order, whatever pieces the pipe gives."""
    values = [value.encode("utf-8", "replace").decode() for value in values]
    lines = [f"  {json.dumps({'a': value}, ensure_ascii=False)}" for value in values]
    text = "[\n" + ",\n".join(lines) + "\n]\nmark\n"
    data = (text.replace("\n", "\r\n") if windows else text).encode()
    reply = Reply("mark")
    got: list[str] = []
    edges = sorted({0, len(data), *(min(cut, len(data)) for cut in cuts)})
    for start, end in pairwise(edges):
        assert not reply.complete
        reply.feed(data[start:end])
        if piece := reply.take():
            got += next(json_rows.decode(piece, ["a"])[1])[0]
    assert got == values
    assert (reply.complete, reply.broken) == (True, "")
