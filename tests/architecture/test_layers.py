"""The layer table of docs/architecture.md holds."""

from pathlib import Path

import pytest

from tests.architecture.layers import rings, table, unlisted, upward
from tests.architecture.reading import PACKAGE, ROOT, Module, modules

LAYERS = {"low": 1, "side": 2, "high": 2}


def planted(root: Path, **files: str) -> Path:
    """A package with these modules; ``a__b`` stands for ``a/b.py``."""
    for name, text in files.items():
        path = root.joinpath(PACKAGE, *name.split("__")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        for folder in (path.parent, root / PACKAGE):
            (folder / "__init__.py").touch()
        path.write_text(text, encoding="utf-8")
    return root


class TestThePackage:
    """This package."""

    def test_every_room_has_a_layer(self) -> None:
        """The page names the rooms that are there, all of them and no others."""
        assert unlisted(ROOT, table()) == []

    def test_imports_go_down(self, package: list[Module]) -> None:
        """A room imports rooms of a smaller number only."""
        assert upward(package, table()) == []

    def test_no_rings(self, package: list[Module]) -> None:
        """No module imports itself on a way round."""
        assert rings(package) == []


class TestTheRules:
    """Each rule sees what is planted for it."""

    @pytest.mark.parametrize(
        "text",
        [
            "import telegraf_osquery.high.b",
            "from telegraf_osquery.high import b",
            "from telegraf_osquery.high.b import thing",
            "def f():\n    from telegraf_osquery.high import b",
            "from ..high import b",
            "from telegraf_osquery import high",
            "import telegraf_osquery.__main__",
        ],
    )
    @pytest.mark.parametrize("room", ["low", "side"])
    def test_upward_and_sideways(self, tmp_path: Path, text: str, room: str) -> None:
        """An import up or to the side is seen in every form and at any depth."""
        root = planted(tmp_path, **{f"{room}__a": text, "high__b": "", "__main__": ""})
        (breach,) = upward(modules(root), LAYERS)
        assert f"{PACKAGE}.{room}.a imports {PACKAGE}." in breach

    def test_downward_and_inside(self, tmp_path: Path) -> None:
        """What is allowed is not reported."""
        text = f"from {PACKAGE} import VERSION\nfrom {PACKAGE}.low.a import x\nfrom . import c"
        root = planted(tmp_path, low__a="import os", high__b=text, high__c="")
        assert upward(modules(root), LAYERS) == []

    @pytest.mark.parametrize("form", ["import telegraf_osquery.low.{}", "from . import {}"])
    def test_ring(self, tmp_path: Path, form: str) -> None:
        """A ring inside one room is seen, also one closed by an import in a function."""
        late = "def f():\n    " + form.format("a")
        root = planted(tmp_path, low__a=form.format("b"), low__b=form.format("c"), low__c=late)
        assert rings(modules(root)) == [f"{PACKAGE}.low.{name}" for name in "abc"]

    def test_diamond_is_no_ring(self, tmp_path: Path) -> None:
        """Two ways to one module are no ring."""
        root = planted(
            tmp_path,
            low__a="from . import b, c",
            low__b="from . import d",
            low__c="from . import d",
            low__d="",
        )
        assert rings(modules(root)) == []

    def test_unlisted_room(self, tmp_path: Path) -> None:
        """A room without a layer, and a layer without its room, are named."""
        root = planted(tmp_path, low__a="", new__b="")
        found = unlisted(root, {"low": 1, "gone": 2})
        assert found == ["new: no layer", "gone: in the table, but there is no such room"]

    def test_table(self, tmp_path: Path) -> None:
        """The table is read from the page; a room in two layers is a mistake in it."""
        page = tmp_path / "page.md"
        page.write_text("| layer | rooms |\n|---|---|\n| 0 | `a` `b/` | x |\n| 12 | `c/` |\n")
        assert table(page) == {"a": 0, "b": 0, "c": 12}
        page.write_text("| 0 | `a` | x |\n| 1 | `a` |\n")
        with pytest.raises(AssertionError, match="a stands in two layers"):
            table(page)
