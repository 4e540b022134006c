"""Packs from files that come, change, break and go."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from telegraf_osquery.errors import PackError
from telegraf_osquery.packs.library import Library, starter_names

GOOD = {
    "schedule": {
        "tick": {"query": "SELECT 'first' AS v", "interval": 2, "snapshot": True},
        "diff": {"query": "SELECT 'a' AS v", "interval": 2},
    },
    "packs": {"p": {"queries": {"q": {"query": "SELECT 'pack' AS v", "interval": 2}}}},
}
SECOND = {**GOOD, "schedule": {"tick": {"query": "SELECT 'second' AS v", "interval": 2}}}


def pack(sql: str = "SELECT 1", name: str = "q") -> dict[str, Any]:
    return {"queries": {name: {"query": sql, "interval": 60}}}


def put(path: Path, document: Any) -> None:
    """Replace the file as tools do: a new inode, never a half-written file."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_text(document if isinstance(document, str) else json.dumps(document))
    os.replace(fresh, path)


def running(library: Library) -> dict[str, str]:
    return {f"{q.pack}.{q.name}": q.sql for p in library.packs for q in p.queries}


def messages(library: Library) -> list[str]:
    return [finding.message for finding in library.refresh()]


class TestRefreshAsRecorded:
    """The four stories told to a running osqueryd; where osquery goes silent, we go on."""

    def start(self, tmp_path: Path) -> tuple[Path, Library]:
        path = tmp_path / "osquery.conf"
        put(path, GOOD)
        library = Library([str(path)])
        assert library.load() == []
        assert not library.changed()
        return path, library

    def repaired(self, path: Path, library: Library) -> None:
        put(path, SECOND)
        assert library.changed()
        assert messages(library) == []
        assert running(library) == {
            "main.tick": "SELECT 'second' AS v",
            "p.q": "SELECT 'pack' AS v",
        }

    def test_a_broken_file_keeps_the_old_queries(self, tmp_path: Path) -> None:
        """Where osqueryd stops every query we go on; the finding comes once."""
        path, library = self.start(tmp_path)
        before = running(library)
        put(path, "{bad")
        assert library.changed()
        assert len(messages(library)) == 1
        assert running(library) == before
        assert library.generation == 1
        assert not library.changed()
        assert messages(library) == []
        put(path, "{bad ")
        assert messages(library) == []
        self.repaired(path, library)

    def test_an_empty_object_is_an_order_to_stop(self, tmp_path: Path) -> None:
        """Valid and empty means nothing runs, as in osqueryd, but not without a word."""
        path, library = self.start(tmp_path)
        put(path, {})
        assert messages(library) == ["neither queries nor schedule nor packs; nothing of it runs"]
        assert running(library) == {}
        assert library.generation == 2
        self.repaired(path, library)

    def test_a_removed_file_keeps_the_old_queries(self, tmp_path: Path) -> None:
        """As in osqueryd, but a restored file is read at once."""
        path, library = self.start(tmp_path)
        before = running(library)
        path.unlink()
        assert library.changed()
        assert messages(library) == ["cannot be read: No such file or directory"]
        assert running(library) == before
        assert not library.changed()
        self.repaired(path, library)

    def test_a_version_beyond_an_int_stops_only_its_query(self, tmp_path: Path) -> None:
        """In osqueryd it costs the whole schedule."""
        path, library = self.start(tmp_path)
        before = running(library)
        bad = {"query": "SELECT 1", "version": "99999999999999999999"}
        put(path, {**GOOD, "schedule": {**GOOD["schedule"], "bad": bad}})
        (message,) = messages(library)
        assert "too large" in message
        assert running(library) == {**before, "main.bad": "SELECT 1"}
        self.repaired(path, library)


class TestFiles:
    """What a library watches."""

    def test_files_of_a_folder_come_and_go(self, tmp_path: Path) -> None:
        """Also in its direct subfolders; hidden files and other extensions are not read."""
        put(tmp_path / "a.conf", pack())
        (tmp_path / "web").mkdir()
        library = Library([str(tmp_path)])
        library.load()
        put(tmp_path / "web" / "b.json", pack())
        put(tmp_path / "web" / ".c.conf", pack())
        put(tmp_path / "d.txt", "not a pack")
        assert library.changed()
        assert messages(library) == []
        assert running(library).keys() == {"a.q", "b.q"}
        (tmp_path / "a.conf").unlink()
        assert library.changed()
        library.refresh()
        assert running(library).keys() == {"b.q"}

    def test_files_of_a_pattern_come_and_go(self, tmp_path: Path) -> None:
        """The key `*` is looked at again, and osquery's `%` is its `*`."""
        config = tmp_path / "osquery.conf"
        (tmp_path / "packs").mkdir()
        put(tmp_path / "packs" / "one.conf", pack())
        put(config, {"packs": {"*": str(tmp_path / "packs" / "%.conf")}})
        library = Library([str(config)])
        library.load()
        put(tmp_path / "packs" / "two.conf", pack())
        assert library.changed()
        library.refresh()
        assert running(library).keys() == {"one.q", "two.q"}
        (tmp_path / "packs" / "one.conf").unlink()
        library.refresh()
        assert running(library).keys() == {"two.q"}

    def test_a_sidecar_is_watched_before_it_exists(self, tmp_path: Path) -> None:
        """It may come, change and go; a broken one keeps the pack as it was."""
        path = tmp_path / "a.conf"
        put(path, pack())
        library = Library([str(path)])
        library.load()

        def tags() -> tuple[str, ...]:
            return library.packs[0].queries[0].additions.tags

        put(tmp_path / "a.toml", '[queries.q]\ntags = ["x"]')
        assert library.changed()
        library.refresh()
        assert tags() == ("x",)
        put(tmp_path / "a.toml", '[queries.q]\ntagz = ["x"]')
        assert 'did you mean "tags"?' in messages(library)[0]
        assert tags() == ("x",)
        (tmp_path / "a.toml").unlink()
        assert messages(library) == []
        assert tags() == ()

    def test_a_broken_included_pack_keeps_its_old_self(self, tmp_path: Path) -> None:
        """The rest of the config is new, the broken pack is old, and it is said once."""
        config, included = tmp_path / "osquery.conf", tmp_path / "p.conf"
        put(included, pack("SELECT 'old'"))
        put(config, {"packs": {"p": str(included), "in": pack("SELECT 1")}})
        library = Library([str(config)])
        library.load()
        put(included, '{"queries": {x}}')
        put(config, {"packs": {"p": str(included), "in": pack("SELECT 2")}})
        assert "expected JSON" in messages(library)[0]
        assert running(library) == {"in.q": "SELECT 2", "p.q": "SELECT 'old'"}
        put(config, {"packs": {"p": str(included), "in": pack("SELECT 3")}})
        assert messages(library) == []
        assert running(library) == {"in.q": "SELECT 3", "p.q": "SELECT 'old'"}
        put(included, pack("SELECT 'new'"))
        library.refresh()
        assert running(library)["p.q"] == "SELECT 'new'"

    def test_the_same_file_is_read_once(self, tmp_path: Path) -> None:
        """Given by name, by its folder and by a link."""
        put(tmp_path / "a.conf", pack())
        (tmp_path / "b.conf").symlink_to(tmp_path / "a.conf")
        library = Library([str(tmp_path / "a.conf"), str(tmp_path)])
        library.load()
        assert [pack.name for pack in library.packs] == ["a"]

    def test_decorators_of_all_configs_are_joined(self, tmp_path: Path) -> None:
        """In the order of the files, the folder `.d` before its config."""
        (tmp_path / "osquery.conf.d").mkdir()
        first = {"decorators": {"load": ["SELECT 1"], "interval": {"60": ["SELECT 2"]}}}
        second = {"decorators": {"load": ["SELECT 3"], "interval": {" 60": ["SELECT 4"]}}}
        put(tmp_path / "osquery.conf.d" / "10.conf", {"schedule": {}, **first})
        put(tmp_path / "osquery.conf", {**GOOD, **second, "options": {"custom_x": 1}})
        library = Library([str(tmp_path / "osquery.conf")])
        library.load()
        assert library.decorators.load == ("SELECT 1", "SELECT 3")
        assert library.decorators.interval == {60: ("SELECT 2", "SELECT 4")}
        assert library.options == {"custom_x": 1}

    def test_a_broken_file_among_good_ones_is_a_finding(self, tmp_path: Path) -> None:
        """The others run; alone it is an error of the settings."""
        put(tmp_path / "good.conf", pack())
        put(tmp_path / "bad.conf", '{"queries": {},}')
        library = Library([str(tmp_path)])
        (finding,) = library.load()
        assert str(finding).endswith(
            "bad.conf: line 1, column 15: trailing comma: osquery refuses it too; remove it"
        )
        assert running(library).keys() == {"good.q"}
        with pytest.raises(PackError, match="line 1, column 15"):
            Library([str(tmp_path / "bad.conf")]).load()

    def test_a_fifo_does_not_hang_the_agent(self, tmp_path: Path) -> None:
        """What is no regular file is refused without being opened."""
        os.mkfifo(tmp_path / "a.conf")
        with pytest.raises(PackError, match="not a regular file"):
            Library([str(tmp_path)]).load()


class TestNames:
    """One measurement, one query."""

    @pytest.mark.parametrize(
        ("first", "second"),
        [("a b", "a_b"), ("a/b", "a b"), ("", "")],
    )
    def test_two_queries_of_one_measurement_are_refused(
        self, tmp_path: Path, first: str, second: str
    ) -> None:
        """Also when they are equal only after cleaning; both are named."""
        put(tmp_path / "one.conf", {"packs": {"p": pack(name=first)}})
        put(tmp_path / "two.conf", {"packs": {"p": pack(name=second)}})
        with pytest.raises(PackError) as caught:
            Library([str(tmp_path)]).load()
        for words in ("one.conf", "two.conf", f'query "{first}"', f'query "{second}"'):
            assert words in str(caught.value)

    def test_a_border_between_pack_and_query_is_no_difference(self, tmp_path: Path) -> None:
        """Pack p_q with r and pack p with q_r would write to one measurement."""
        put(tmp_path / "p.conf", pack(name="q_r"))
        put(tmp_path / "p_q.conf", pack(name="r"))
        with pytest.raises(PackError, match="both give the measurement osquery_p_q_r; rename one"):
            Library([str(tmp_path)]).load()

    @pytest.mark.parametrize("name", ["main", "alert", "alert_x"])
    def test_names_of_our_own_are_refused(self, tmp_path: Path, name: str) -> None:
        """The schedule's pack, and everything that could be an alert rule's measurement."""
        put(tmp_path / f"{name}.conf", pack())
        with pytest.raises(PackError, match=f'pack "{name}".*rename the pack'):
            Library([str(tmp_path)]).load()

    def test_a_collision_that_comes_later_changes_nothing(self, tmp_path: Path) -> None:
        """The whole set stays until it is resolved, and it is said once."""
        put(tmp_path / "p.conf", pack("SELECT 1", name="q_r"))
        library = Library([str(tmp_path)])
        library.load()
        put(tmp_path / "p_q.conf", pack(name="r"))
        (message,) = messages(library)
        assert message.endswith("rename one; the packs stay as they were")
        put(tmp_path / "p.conf", pack("SELECT 2", name="q_r"))
        assert messages(library) == []
        assert running(library) == {"p.q_r": "SELECT 1"}
        put(tmp_path / "p_q.conf", pack(name="s"))
        assert messages(library) == []
        assert running(library) == {"p.q_r": "SELECT 2", "p_q.s": "SELECT 1"}

    def test_a_pack_renamed_to_a_taken_name_keeps_its_old_self(self, tmp_path: Path) -> None:
        """A pack called like the schedule is refused at a refresh as at the start."""
        path = tmp_path / "osquery.conf"
        put(path, GOOD)
        library = Library([str(path)])
        library.load()
        before = running(library)
        put(path, {**GOOD, "packs": {"main": pack()}})
        assert 'pack "main"' in messages(library)[0]
        assert running(library) == before

    def test_a_name_that_is_no_starter_pack_lists_those_that_are(self) -> None:
        """And a path that is not there is told from a name."""
        with pytest.raises(PackError, match=f"expected one of {', '.join(starter_names())}"):
            Library(["inventry"]).load()
        with pytest.raises(PackError, match="there is no such file or folder"):
            Library(["./inventry.conf"]).load()
