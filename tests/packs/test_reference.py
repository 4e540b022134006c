"""The page about packs says what the code does."""

import os

from docs.packs_page import PAGE, rendered
from telegraf_osquery.packs.parse import QUERY_KEYS
from telegraf_osquery.packs.values import INTERVAL_MAX, PLATFORM_WORDS

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))


def page() -> str:
    with open(os.path.join(ROOT, PAGE), encoding="utf-8") as file:
        return file.read()


def test_the_generated_parts_are_current() -> None:
    """`python -m docs.packs_page` would change nothing."""
    assert rendered(page()) == page()


def test_every_key_and_word_is_explained() -> None:
    """Each key of a query and each word for Linux stands on the page."""
    text = page()
    for key in QUERY_KEYS - {"value"}:
        assert f"`{key}`" in text
    for word in PLATFORM_WORDS["linux"]:
        assert f"`{word}`" in text
    assert str(INTERVAL_MAX) in text
