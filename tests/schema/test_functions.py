"""Types of function calls."""

import pytest

from telegraf_osquery.schema.functions import (
    ALLOWED,
    OSQUERY,
    RISKY,
    RULES,
    Known,
    agree,
    arithmetic,
    result,
)


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        (("integer", "integer"), "integer"),
        (("integer", "double"), "double"),
        (("integer", "null"), "integer"),
        (("null", "null"), "null"),
        (("text", "integer"), "text"),
        (("unsigned", "unsigned"), "unsigned"),
        (("unsigned", "integer"), "integer"),
        (("unsigned", "double"), "double"),
        (("integer", None), None),
        ((), "null"),
    ],
)
def test_parts_agree(kinds: tuple[Known, ...], expected: Known) -> None:
    """NULL fits all, numbers fit doubles, anything else is text, one unknown makes all unknown."""
    assert agree(kinds) == expected
    assert agree(kinds[::-1]) == expected


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        (("integer", "integer"), "integer"),
        (("unsigned", "integer"), "integer"),
        (("integer", "double"), "double"),
        (("text", "integer"), "double"),
        ((None,), "double"),
        (("null", "integer"), "integer"),
    ],
)
def test_arithmetic(kinds: tuple[Known, ...], expected: Known) -> None:
    """Integers stay integers, all that is not known to be an integer is a double."""
    assert arithmetic(kinds) == expected


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("count", (), "integer"),
        ("sum", ("integer",), "integer"),
        ("sum", ("double",), "double"),
        ("sum", ("text",), "double"),
        ("avg", ("integer",), "double"),
        ("total", ("integer",), "double"),
        ("min", ("text",), "text"),
        ("max", ("integer", "double"), "double"),
        ("abs", ("double",), "double"),
        ("coalesce", ("integer", "null", "integer"), "integer"),
        ("ifnull", ("text", "integer"), "text"),
        ("nullif", ("integer", "text"), "integer"),
        ("iif", ("integer", "text", "text"), "text"),
        ("iif", ("text", "integer", "double"), "double"),
        ("lag", ("integer", "integer", "text"), "text"),
        ("lead", ("double", "integer"), "double"),
        ("first_value", ("unsigned",), "unsigned"),
        ("json_extract", ("text", "text"), None),
        ("split", ("text", "text", "integer"), "text"),
        ("in_cidr_block", ("text", "text"), "integer"),
        ("version_compare", ("text", "text"), "integer"),
        ("ceil", ("double",), "integer"),
        ("sqrt", ("integer",), "double"),
        ("coalesce", (), None),
        ("unheard_of", ("integer",), None),
    ],
)
def test_calls(name: str, arguments: tuple[Known, ...], expected: Known) -> None:
    """The type of a call follows from its name and the types of its arguments alone."""
    assert result(name, arguments) == expected


def test_every_function_of_osquery_has_a_rule() -> None:
    """What is registered is typed, and what is risky is not allowed by default."""
    assert set(RULES) >= OSQUERY
    assert set(RULES) >= ALLOWED
    assert not ALLOWED & RISKY
    assert {"load_extension", "fts3_tokenizer", "readfile", "carve"} & ALLOWED == set()
