"""The exit codes, read from the errors and the entry point."""

import inspect
from collections.abc import Iterator

from docs.markdown import code, table
from telegraf_osquery import __main__ as entry
from telegraf_osquery import errors
from telegraf_osquery.errors import TelegrafOsqueryError

MEANING = {
    0: "done",
    errors.EXIT_FAILED: "this one thing failed: a query, a line; the message says which",
    errors.EXIT_SETTINGS: "only a person can cure it: an option, a setting, a pack, a permission",
    errors.EXIT_LATER: "nothing is wrong, the other side is not there now; try again",
    entry.EXIT_INTERRUPTED: "Ctrl-C",
    entry.EXIT_NO_READER: "the reader of stdout has gone (`… | head`)",
}


def exits() -> str:
    """One row per exit code, with the errors that have it."""
    return table(
        ("code", "meaning", "errors"),
        [(number, meaning, code(_raising(number))) for number, meaning in MEANING.items()],
    )


def _raising(number: int) -> list[str]:
    return [kind.__name__ for kind in leaves() if kind.exit_code == number]


def leaves() -> Iterator[type[TelegrafOsqueryError]]:
    """The errors that are raised, in the order of the source."""
    kinds = [kind for _, kind in inspect.getmembers(errors, inspect.isclass)]
    own = [kind for kind in kinds if issubclass(kind, TelegrafOsqueryError)]
    groups = {base for kind in own for base in kind.__bases__}
    order = inspect.getsource(errors)
    rest = [kind for kind in own if kind not in groups or kind is errors.QueryError]
    yield from sorted(rest, key=lambda kind: order.index(f"class {kind.__name__}("))
