"""The commands and where they live; nothing of them is imported before it is called."""

from collections.abc import Sequence
from typing import Any

from cyclopts import App, CycloptsError

from telegraf_osquery import VERSION
from telegraf_osquery.errors import ConfigError

HERE = "telegraf_osquery.cli"

# Name, place, what it does. A dot in the name makes a group.
COMMANDS = (
    ("run", "run:run", "Ask this host one SQL question."),
    ("pack", "pack:pack", "Run the queries of a pack once."),
    ("packs.list", "packs:list_packs", "List the packs and their queries."),
    ("packs.show", "packs:show", "Show one pack: queries, columns, types, what is odd in it."),
    ("packs.lint", "lint:check", "Find what is wrong with packs before they are rolled out."),
    ("schema", "schema:schema", "List osquery's tables, or the columns of one."),
    ("doctor", "doctor:doctor", "Say what works here, what is limited, and the cure."),
    ("demo", "demo:demo", "Show typed osquery data of this host in a few seconds."),
    ("config.check", "config:check", "Check a settings file."),
    ("config.sample", "config:sample", "Print a settings file with every key and its default."),
    ("execd", "service:execd", "Speak to Telegraf's execd plugins (started by Telegraf)."),
    ("collect", "service:collect", "Run as a service of its own that feeds Telegraf's socket."),
    ("completion", "completion:completion", "Print a script that completes in a shell."),
    ("version", "version:version", "Print the version."),
)
GROUPS = {
    "packs": "The packs that would run here.",
    "config": "Settings files.",
}


def build() -> App:
    """The program's commands."""
    app = App(
        name="telegraf-osquery",
        help="osquery for Telegraf: typed, complete, quiet, provably delivered.",
        version=VERSION,
        help_format="plaintext",
        result_action="return_value",
        suppress_keyboard_interrupt=False,
    )
    groups = {name: App(name=name, help=text) for name, text in GROUPS.items()}
    for group in groups.values():
        app.command(group)
    for name, place, text in COMMANDS:
        group_name, _, verb = name.rpartition(".")
        parent = groups.get(group_name, app)
        parent.command(f"{HERE}.{place}", name=verb, help=text)
    return app


def run(words: Sequence[str]) -> int:
    """Run one command line; returns its exit code.

    Raises:
        TelegrafOsqueryError: what the command could not do.
    """
    # Cyclopts takes a lone hyphen for an option; to ``run`` it means the same as no SQL.
    given = [word for word in words if word != "-"]
    try:
        result: Any = build()(
            given, exit_on_error=False, print_error=False, verbose=False, help_on_error=False
        )
    except CycloptsError as error:
        raise ConfigError(_one_line(error)) from None
    return result if isinstance(result, int) else 0


def _one_line(error: CycloptsError) -> str:
    """The fault, and where to read on."""
    chain = " ".join(error.command_chain or ())
    place = f"{chain}: " if chain else ""
    command = f"telegraf-osquery {chain}".rstrip()
    text = " ".join(str(error).split()).replace("...", "…").removesuffix(".")
    return f"{place}{text}; see {command} --help"
