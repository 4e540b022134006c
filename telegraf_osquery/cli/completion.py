"""``completion``."""

import sys
from typing import Literal


def completion(shell: Literal["bash", "zsh", "fish"], /) -> None:
    """Print a script that completes commands and options in a shell.

    For bash, print it into ~/.local/share/bash-completion/completions/telegraf-osquery.

    Args:
        shell: The shell that will read it.
    """
    # The script is made from the commands that this command is one of.
    from telegraf_osquery.cli.app import build

    sys.stdout.write(build().generate_completion(shell=shell))
