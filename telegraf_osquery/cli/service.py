"""``execd`` and ``collect`` as the help shows them; ``__main__`` starts them without this file."""

from typing import Annotated, Literal

from cyclopts import Parameter

Options = Annotated[str, Parameter(show=False, allow_leading_hyphen=True)]


def execd(role: Literal["input"], /, *options: Options) -> int:
    """Speak to one of Telegraf's execd plugins; ``execd input --help`` lists the options.

    Args:
        role: The plugin on the other side: input is inputs.execd.
        options: What the role takes.
    """
    from telegraf_osquery.runtime import execd_input

    roles = {"input": execd_input.main}
    return roles[role](options)


def collect(*options: Options) -> int:
    """Run as a service of its own; ``collect --help`` lists the options.

    Args:
        options: What the service takes.
    """
    from telegraf_osquery.runtime import collect as service

    return service.main(options)
