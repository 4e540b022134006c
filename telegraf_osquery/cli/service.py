"""``execd`` and ``collect`` as the help knows them; ``__main__`` starts them without this file."""

from typing import Annotated

from cyclopts import Parameter

Words = Annotated[str, Parameter(show=False, allow_leading_hyphen=True)]


def execd(*words: Words) -> int:
    """Speak to one of Telegraf's execd plugins; ``execd input --help`` lists the options."""
    from telegraf_osquery.__main__ import main

    return main(["execd", *words])


def collect(*words: Words) -> int:
    """Run as a service of its own; ``collect --help`` lists the options."""
    from telegraf_osquery.__main__ import main

    return main(["collect", *words])
