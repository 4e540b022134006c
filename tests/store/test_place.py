"""Where state files live and who may touch them."""

import os
import stat
from pathlib import Path

import pytest

from telegraf_osquery.errors import ConfigError
from telegraf_osquery.store import place


def mode(path: str | Path) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


class TestChoice:
    """Which folder and which file."""

    def test_setting_wins(self) -> None:
        """The user's folder stands above what systemd gives."""
        assert place.state_dir("/srv/state", {"STATE_DIRECTORY": "/run/x"}) == "/srv/state"

    def test_systemd(self) -> None:
        """Of several folders of the unit the first is taken."""
        assert place.state_dir("", {"STATE_DIRECTORY": "/a:/b", "HOME": "/h"}) == "/a"

    def test_system_folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The system's folder is taken where it can be made or written."""
        monkeypatch.setattr(place, "SYSTEM_FOLDER", str(tmp_path / "made-later"))
        assert place.state_dir("", {"HOME": "/h"}) == str(tmp_path / "made-later")

    def test_home(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """An ordinary user's state goes where XDG says, else below the home."""
        monkeypatch.setattr(place, "SYSTEM_FOLDER", "/nonexistent/folder")
        assert place.state_dir("", {"XDG_STATE_HOME": "/x", "HOME": "/h"}) == "/x/telegraf-osquery"
        assert place.state_dir("", {"HOME": "/h"}) == "/h/.local/state/telegraf-osquery"

    def test_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without any of them the error names the cure."""
        monkeypatch.setattr(place, "SYSTEM_FOLDER", "/nonexistent/folder")
        with pytest.raises(ConfigError, match="set state_dir"):
            place.state_dir("", {})

    def test_path(self) -> None:
        """Role and name make the file."""
        assert place.state_path("/s", "input", "web-1.a_b") == "/s/input-web-1.a_b.db"

    @pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "a b", "x\n", "n" * 65])
    def test_bad_name(self, name: str) -> None:
        """A name that is no plain file name is refused."""
        with pytest.raises(ConfigError, match="expected up to 64"):
            place.state_path("/s", "input", name)


class TestFolder:
    """Modes and owners."""

    @pytest.mark.parametrize("mask", [0, 0o22, 0o77, 0o777])
    def test_private_whatever_the_umask(self, tmp_path: Path, mask: int) -> None:
        """Folder 0700 and file 0600 do not depend on the umask."""
        before = os.umask(mask)
        try:
            place.prepare(str(tmp_path / "s"))
            os.close(place.create(str(tmp_path / "s" / "x.db")))
        finally:
            os.umask(before)
        assert (mode(tmp_path / "s"), mode(tmp_path / "s" / "x.db")) == (0o700, 0o600)

    def test_readable_folder_is_left_alone(self, tmp_path: Path) -> None:
        """A folder the user made with 0755 is used and keeps its mode."""
        tmp_path.chmod(0o755)
        place.prepare(str(tmp_path))
        assert mode(tmp_path) == 0o755

    @pytest.mark.parametrize("bits", [0o777, 0o1777, 0o775])
    def test_shared_folder_is_refused(self, tmp_path: Path, bits: int) -> None:
        """Where others may write they could plant files: refused, with the mode."""
        (tmp_path / "s").mkdir()
        (tmp_path / "s").chmod(bits)
        with pytest.raises(ConfigError, match=f"mode {bits:04o}.*chmod 700"):
            place.prepare(str(tmp_path / "s"))

    def test_not_a_folder(self, tmp_path: Path) -> None:
        """A file in its place is named as such."""
        (tmp_path / "s").write_text("")
        with pytest.raises(ConfigError, match="is not a folder"):
            place.prepare(str(tmp_path / "s"))

    def test_cannot_be_made(self) -> None:
        """Where no folder can be made the error says who cannot, and the setting."""
        with pytest.raises(ConfigError, match=f"create it for uid {os.geteuid()} or set state_dir"):
            place.prepare("/proc/telegraf-osquery")

    def test_existing_file_is_closed_to_others(self, tmp_path: Path) -> None:
        """A state file that was opened to others by hand is closed again."""
        (tmp_path / "x.db").write_text("")
        (tmp_path / "x.db").chmod(0o666)
        os.close(place.create(str(tmp_path / "x.db")))
        assert mode(tmp_path / "x.db") == 0o600

    def test_link_is_not_followed(self, tmp_path: Path) -> None:
        """A link in place of the file is refused: it would open a file elsewhere."""
        (tmp_path / "x.db").symlink_to("/etc/passwd")
        with pytest.raises(ConfigError, match=r"x\.db: cannot be opened"):
            place.create(str(tmp_path / "x.db"))

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
    def test_made_by_root_for_the_owner(self, tmp_path: Path) -> None:
        """A trial run as root leaves a file that the folder's owner can open."""
        os.chown(tmp_path, 12345, 12345)
        os.close(place.create(str(tmp_path / "x.db")))
        assert os.stat(tmp_path / "x.db").st_uid == 12345
