"""Reading a settings file."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telegraf_osquery.config.load import BYTES_MAX, load, parse
from telegraf_osquery.errors import ConfigError
from tests.config.example import Example


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "x.toml"
    path.write_text('endpoint = "e"\n')
    path.chmod(0o600)
    return path


def test_loaded(file: Path) -> None:
    """A good file becomes settings, without a word."""
    said: list[str] = []
    assert load(str(file), Example, warn=said.append) == Example("e")
    assert said == []


@pytest.mark.parametrize("text", [b'\xef\xbb\xbfendpoint = "e"', b'endpoint = "e"\r\n'])
def test_windows_editors(file: Path, text: bytes) -> None:
    """A byte order mark and CRLF do no harm."""
    file.write_bytes(text)
    assert load(str(file), Example) == Example("e")


def test_path_is_in_messages(file: Path) -> None:
    """What does not fit is said of this file."""
    file.write_text("endpoint = 1")
    with pytest.raises(ConfigError, match=f"^{file}: endpoint: found 1; expected text"):
        load(str(file), Example)


def test_missing(tmp_path: Path) -> None:
    """A missing file is named with the cure."""
    with pytest.raises(ConfigError, match=r"none\.toml: no such file; .*correct the path"):
        load(str(tmp_path / "none.toml"), Example)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable(file: Path) -> None:
    """A file that may not be read is named with the user who may not."""
    file.chmod(0)
    with pytest.raises(ConfigError, match=f"let uid {os.geteuid()} read it"):
        load(str(file), Example)


def test_unreadable_for_anyone(tmp_path: Path) -> None:
    """An error of the system is passed on in words."""
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(ConfigError, match="cannot be read"):
        load(str(tmp_path / "loop"), Example)


def test_folder(tmp_path: Path) -> None:
    """A folder is no file."""
    with pytest.raises(ConfigError, match=r"not a regular file|cannot be read"):
        load(str(tmp_path), Example)


def test_pipe(tmp_path: Path) -> None:
    """A FIFO without a writer does not make the start hang."""
    os.mkfifo(tmp_path / "x.toml")
    with pytest.raises(ConfigError, match="not a regular file"):
        load(str(tmp_path / "x.toml"), Example)


def test_too_large(file: Path) -> None:
    """A file of another kind is not read to its end."""
    file.write_bytes(b"#" * (BYTES_MAX + 1))
    with pytest.raises(ConfigError, match="larger than 1048576 bytes"):
        load(str(file), Example)


def test_writable_by_anyone(file: Path) -> None:
    """Settings that anyone may change are used, with a warning that has the cure."""
    file.chmod(0o666)
    said: list[str] = []
    load(str(file), Example, warn=said.append)
    assert said == [f"{file}: anyone on this host may write it; expected not; chmod o-w {file}"]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (b"a = 1\nb == 2\n", "line 2, column 4: invalid value"),
        (b'a = "', "end of file: unterminated string"),
        (b"a = 1\na = 2\n", "line 2, column 6: cannot overwrite a value"),
        (b"a = 1\n\nb = \xff\n", "line 3: found byte 0xff; expected UTF-8"),
        (b"a = " + b"[" * 100_000, "nested too deep"),
        (b"a = " + b"9" * 5000, "exceeds the limit"),
    ],
)
def test_syntax(text: bytes, place: str) -> None:
    """What is no TOML is said with its line."""
    with pytest.raises(ConfigError) as caught:
        parse(text, "x.toml")
    assert str(caught.value).lower().startswith(f"x.toml: {place.lower()}")


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60) | st.text(st.sampled_from("a=1\"'[]{}.\n#\\"), max_size=30))
def test_any_bytes(text: bytes | str) -> None:
    """Any bytes are TOML or a ConfigError."""
    data = text.encode() if isinstance(text, str) else text
    try:
        assert isinstance(parse(data, "x.toml"), dict)
    except ConfigError as error:
        assert str(error).startswith("x.toml: ")  # noqa: PT017 - either outcome is right
