"""crontab finds the files that cron reads."""

from pathlib import Path

from tests.engines.tables.asked import rows, write


def test_a_crontab_that_is_a_link_is_read_below_the_root(tmp_path: Path) -> None:
    """Its own path is shown."""
    write(tmp_path, "/opt/app/cron", "@reboot root x\n")
    (tmp_path / "etc/cron.d").mkdir(parents=True)
    (tmp_path / "etc/cron.d/app").symlink_to("/opt/app/cron")
    found = rows("SELECT event, command, path FROM crontab", tmp_path)
    assert found == [("@reboot", "root x", "/etc/cron.d/app")]


def test_pipes_and_folders_among_crontabs_are_passed_over(tmp_path: Path) -> None:
    """/var/spool/cron holds the folder crontabs itself."""
    write(tmp_path, "/var/spool/cron/crontabs/alice", "1 2 3 4 5 six\n@daily\n1 2 3 4 5\n")
    found = rows("SELECT minute, day_of_week, command, path FROM crontab", tmp_path)
    assert found == [("1", "5", "six", "/var/spool/cron/crontabs/alice")]


def test_a_host_without_cron_has_no_rows(tmp_path: Path) -> None:
    """Nothing is there, nothing fails."""
    assert rows("SELECT * FROM crontab", tmp_path) == []
