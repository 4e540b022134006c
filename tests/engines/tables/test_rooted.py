"""Paths below a root folder stay below it."""

import errno
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telegraf_osquery.engines.embedded_tables.rooted import resolve

_NAMES = st.sampled_from(["a", "b", "c", "..", ".", ""])
_PATHS = st.lists(_NAMES, min_size=1, max_size=6).map("/".join)


def test_an_absolute_link_leads_to_the_same_place_of_the_examined_host(tmp_path: Path) -> None:
    """A home folder that is a link to /data lies in the root's /data."""
    (tmp_path / "data/alice").mkdir(parents=True)
    (tmp_path / "home").symlink_to("/data")
    assert resolve(str(tmp_path), "/home/alice/x") == f"{tmp_path}/data/alice/x"


def test_a_link_as_the_last_part_is_followed_only_on_demand(tmp_path: Path) -> None:
    """Lstat wants the link, stat its target."""
    (tmp_path / "link").symlink_to("target")
    assert resolve(str(tmp_path), "/link", last=False) == f"{tmp_path}/link"
    assert resolve(str(tmp_path), "/link") == f"{tmp_path}/target"


def test_links_in_a_ring_are_an_error(tmp_path: Path) -> None:
    """As the kernel says it: too many levels of links."""
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")
    with pytest.raises(OSError, match="symbolic links") as caught:
        resolve(str(tmp_path), "/one/x")
    assert caught.value.errno == errno.ELOOP


def test_the_way_into_a_remote_filesystem_is_refused(tmp_path: Path) -> None:
    """Also where a link leads there."""
    (tmp_path / "link").symlink_to("/mnt/nfs/x")
    for path in ("/mnt/nfs", "/mnt/nfs/x", "/link"):
        with pytest.raises(OSError, match="network") as caught:
            resolve(str(tmp_path), path, remote={f"{tmp_path}/mnt/nfs"})
        assert caught.value.errno == errno.EXDEV


def test_without_a_root_the_kernel_follows_links() -> None:
    """Nothing is looked at then."""
    assert resolve("", "/proc/self/exe") == "/proc/self/exe"


@settings(max_examples=60, deadline=None)
@given(links=st.dictionaries(st.sampled_from("abc"), _PATHS, max_size=3), path=_PATHS)
def test_no_links_and_no_dots_lead_out_of_the_root(links: dict[str, str], path: str) -> None:
    """Whatever the links say, the result lies below the root and has no link in it."""
    with tempfile.TemporaryDirectory() as root:
        for name, target in links.items():
            if target:
                os.symlink(target, f"{root}/{name}")
        try:
            real = resolve(root, "/" + path)
        except OSError as error:
            assert error.errno == errno.ELOOP  # noqa: PT017 - the ring is one of two right answers
            return
        assert real == f"{root}/" or os.path.commonpath([root, real]) == root
        assert ".." not in real.split("/")
        assert real.rstrip("/") == os.path.realpath(real)
