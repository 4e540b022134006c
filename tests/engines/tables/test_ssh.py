"""authorized_keys tells options, key and comment apart."""

import os
from pathlib import Path

import pytest

from tests.engines.tables.asked import rows, write

_PASSWD = "root:x:0:0:::\nalice:x:1000:1000::/home/alice:/bin/sh\n"  # noqa: S105 - not a password


def _keys(root: Path, text: str) -> list[tuple[str, str, str, str]]:
    write(root, "/etc/passwd", _PASSWD)
    write(root, "/home/alice/.ssh/authorized_keys", text)
    sql = "SELECT options, algorithm, key, comment FROM authorized_keys WHERE uid=1000"
    return rows(sql, root)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("ssh-rsa AAAA", ("", "ssh-rsa", "AAAA", "")),
        ("ssh-rsa\tAAAA\tto  me ", ("", "ssh-rsa", "AAAA", "to  me")),
        ('command="x ssh-rsa y" ssh-rsa AAAA', ('command="x ssh-rsa y"', "ssh-rsa", "AAAA", "")),
        (
            'command="say \\"ssh-rsa hi\\"" ssh-rsa A',
            ('command="say \\"ssh-rsa hi\\""', "ssh-rsa", "A", ""),
        ),
        ("ssh-ed25519 AAAA ssh-rsa key", ("", "ssh-ed25519", "AAAA", "ssh-rsa key")),
        ("a,b c ecdsa-sha2-nistp521 AAAA", ("a,b c", "ecdsa-sha2-nistp521", "AAAA", "")),
    ],
)
def test_a_line_is_taken_apart(tmp_path: Path, line: str, expected: tuple[str, ...]) -> None:
    """Blanks and algorithms inside quotes belong to the option."""
    assert _keys(tmp_path, line) == [expected]


@pytest.mark.parametrize(
    "line", ["ssh-rsa", "#ssh-rsa AAAA", "  # ssh-rsa AAAA", "ssh-dss AAAA", 'x="ssh-rsa AAAA', ""]
)
def test_a_line_without_a_key_gives_no_row(tmp_path: Path, line: str) -> None:
    """Comments, unknown algorithms, a quote that never ends."""
    assert _keys(tmp_path, line) == []


def test_a_home_that_is_a_link_is_followed_below_the_root(tmp_path: Path) -> None:
    """Not to the home of the same name on this host."""
    write(tmp_path, "/data/alice/.ssh/authorized_keys", "ssh-rsa AAAA\n")
    write(tmp_path, "/etc/passwd", _PASSWD)
    (tmp_path / "home").symlink_to("/data")
    found = rows("SELECT key, key_file FROM authorized_keys WHERE uid=1000", tmp_path)
    assert found == [("AAAA", "/home/alice/.ssh/authorized_keys")]


def test_without_a_uid_the_running_user_s_keys_are_given() -> None:
    """The same rows as with that uid."""
    here = f"SELECT * FROM authorized_keys WHERE uid={os.getuid()}"
    assert rows("SELECT * FROM authorized_keys") == rows(here)


def test_an_unknown_uid_gives_nothing() -> None:
    """On this host, where the name service is asked too."""
    assert rows("SELECT * FROM authorized_keys WHERE uid=4242424") == []
