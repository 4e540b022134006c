"""Tables process_open_files and process_envs."""

import os
import subprocess
import sys
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from telegraf_osquery.engines.embedded_tables.process_files import split_environ
from tests.engines.tables.asking import rows

KEYS = st.text(st.characters(codec="ascii", exclude_characters="=\0"), min_size=1)
VALUES = st.text(st.characters(codec="ascii", exclude_characters="\0"))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(KEYS, VALUES)))
def test_variables_come_back(written: list[tuple[str, str]]) -> None:
    """Repeated names and values with ``=`` and newlines included, in order."""
    data = b"".join(f"{key}={value}\0".encode() for key, value in written)
    assert list(split_environ(data)) == written


def test_the_environment_of_a_real_process_is_shown() -> None:
    """As it was at its start, whatever its size."""
    given_to = {"A": "1", "BIG": "x" * 100_000, "EMPTY": "", "LINES": "a\nb"}
    code = "import sys; print(flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code], env=given_to, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        found = rows("process_envs", pid=child.pid)
        child.communicate()
    assert {row["key"]: row["value"] for row in found} == given_to


def test_a_real_open_file_is_shown(tmp_path: Path) -> None:
    """With its descriptor; a deleted one keeps the kernel's mark; pipes are left out."""
    kept, gone = tmp_path / "kept file", tmp_path / "gone"
    read, write = os.pipe()
    with kept.open("w") as one, gone.open("w") as two:
        gone.unlink()
        found = {row["fd"]: row["path"] for row in rows("process_open_files", pid=os.getpid())}
        assert found[one.fileno()] == str(kept)
        assert found[two.fileno()] == f"{gone} (deleted)"
        assert not {read, write} & set(found)
    os.close(read)
    os.close(write)


def test_a_file_name_that_is_not_utf8_is_text(tmp_path: Path) -> None:
    r"""Odd bytes stand as \xHH, so that a join with the table file finds it."""
    descriptor = os.open(os.fsencode(tmp_path) + b"/caf\xe9", os.O_CREAT | os.O_RDONLY)
    found = {row["fd"]: row["path"] for row in rows("process_open_files", pid=os.getpid())}
    os.close(descriptor)
    assert found[descriptor] == f"{tmp_path}/caf\\xE9"
