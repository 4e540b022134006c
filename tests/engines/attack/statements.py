"""The statements of ``tests/testcases/guard``, by the words above each."""

from pathlib import Path

_CASES = Path(__file__).parents[2] / "testcases" / "guard"


def read(name: str) -> list[tuple[str, str]]:
    """Words and statement of each block; a block of remarks alone is a heading for what follows."""
    found = []
    heading = ""
    for block in (_CASES / name).read_text().split("\n\n"):
        words, _, sql = block.strip().partition("\n")
        words = words.removeprefix("-- ")
        if sql and not sql.startswith("-- "):
            found.append((f"{heading}: {words}" if heading else words, sql))
        elif not sql:
            heading = words
    return found
