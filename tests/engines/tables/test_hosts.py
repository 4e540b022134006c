"""etc_hosts takes lines as they are."""

from pathlib import Path

from tests.engines.tables.asked import rows, write


def test_a_comment_begins_with_a_word_only(tmp_path: Path) -> None:
    """``name#x`` is a name; a carriage return is a blank."""
    write(tmp_path, "/etc/hosts", "1.2.3.4 name#x # y\r\n#::1 z\r\n1.2.3.5 #only\n")
    found = rows("SELECT address, hostnames FROM etc_hosts", tmp_path)
    assert found == [("1.2.3.4", "name#x"), ("1.2.3.5", "")]


def test_the_alias_hosts_is_the_same_table(tmp_path: Path) -> None:
    """No file, no rows."""
    assert rows("SELECT * FROM etc_hosts", tmp_path) == []
