"""Tables dns_resolvers and etc_services: what the recorded cases do not show."""

from pathlib import Path

import pytest

from tests.engines.tables.asking import rows


def _resolvers(root: Path, text: str, hostname: str = "web-1") -> list[tuple[str, str, str]]:
    (root / "etc").mkdir()
    (root / "etc" / "resolv.conf").write_text(text)
    (root / "proc" / "sys" / "kernel").mkdir(parents=True)
    (root / "proc" / "sys" / "kernel" / "hostname").write_text(hostname + "\n")
    return [(row["type"], row["address"], row["netmask"]) for row in rows("dns_resolvers", root)]


LOCAL = ("nameserver", "127.0.0.1", "32")


def test_without_search_the_domain_of_the_host_name_is_searched(tmp_path: Path) -> None:
    """As the C library does it."""
    assert _resolvers(tmp_path, "", "web-1.example.com") == [LOCAL, ("search", "example.com", "")]


def test_all_searched_domains_are_listed_in_order(tmp_path: Path) -> None:
    """Up to six, each with its number."""
    found = _resolvers(tmp_path, "search a.example b.example\n")
    assert found == [LOCAL, ("search", "a.example", ""), ("search", "b.example", "")]


@pytest.mark.parametrize(
    ("word", "mask"),
    [("192.0.2.0/255.255.0.0", 65535), ("10.1.2.3", 255), ("172.16.0.0", 65535), ("bogus", None)],
)
def test_a_sortlist_has_the_mask_given_or_that_of_its_class(
    tmp_path: Path, word: str, mask: int | None
) -> None:
    """The mask is a number in network order, read by a little-endian host."""
    expected = [] if mask is None else [("sortlist", "", str(mask))]
    assert _resolvers(tmp_path, f"sortlist {word}\n")[1:] == expected


def test_a_comment_of_services_keeps_its_number_signs(tmp_path: Path) -> None:
    """Only the first one begins it."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "services").write_text("x 1/tcp y # a # b\nz 2/\n")
    (row,) = rows("etc_services", tmp_path)
    assert (row["aliases"], row["comment"]) == ("y", "a # b")
