"""The commands and their options, read from the command line itself."""

import argparse
import inspect
from collections.abc import Iterator
from typing import Any

from cyclopts import App

from docs.markdown import code, table
from telegraf_osquery.cli.app import COMMANDS, build
from telegraf_osquery.config.units import Duration
from telegraf_osquery.runtime import collect, execd_input

PROGRAM = "telegraf-osquery"
HEAD = ("option", "value", "default", "meaning")
SERVICES = {"execd": execd_input.parser, "collect": collect.parser}
"""Commands that parse their own options."""


def commands() -> str:
    """One section per command."""
    app = build()
    return "\n\n".join(section for name, _, _ in COMMANDS for section in _sections(app, name))


def _sections(app: App, name: str) -> Iterator[str]:
    if name in SERVICES:
        yield _service(SERVICES[name]())
        return
    command = app
    for word in name.split("."):
        command = command[word]
    yield "\n".join(_command(command, f"{PROGRAM} {name.replace('.', ' ')}"))


def _command(command: App, title: str) -> Iterator[str]:
    arguments = [a for a in command.assemble_argument_collection(parse_docstring=True) if a.show]
    places = " ".join(a.name if a.required else f"[{a.name}]" for a in arguments if _is_place(a))
    usage = f"{title} {places}".rstrip() + (" [OPTIONS]" if _options(arguments) else "")
    yield from (f"## {title}", "", f"`{usage}`", "")
    yield from (_prose(command), "")
    if arguments:
        yield table(HEAD, [_row(argument) for argument in arguments])


def _row(argument: Any) -> tuple[str, str, str, str]:
    text = argument.parameter.help or ""
    return f"`{argument.name}`", _value(argument), _default(argument), text


def _prose(command: App) -> str:
    """The docstring of the command without its list of arguments."""
    text = inspect.getdoc(command.default_command) or ""
    body = text.partition("\nArgs:")[0].strip()
    return "\n\n".join(" ".join(part.split()) for part in body.split("\n\n"))


def _is_place(argument: Any) -> bool:
    return not argument.name.startswith("-")


def _options(arguments: list[Any]) -> bool:
    return any(not _is_place(argument) for argument in arguments)


def _value(argument: Any) -> str:
    choices = argument.get_choices()
    if choices:
        return code(choices)
    words = {Duration: "duration", int: "number", tuple[str, ...]: "text, several times"}
    return words.get(argument.hint, "text")


def _default(argument: Any) -> str:
    default = argument.field_info.default
    if argument.required:
        return "required"
    if default in (None, "", ()):
        return ""
    return f"`{Duration(default)}`" if argument.hint is Duration else f"`{default}`"


def _service(parser: argparse.ArgumentParser) -> str:
    options = [action for action in parser._actions if action.dest != "help"]  # noqa: SLF001
    shown = table(HEAD, map(_parsed, options))
    usage = " ".join([parser.prog, *map(_usage, options)])
    return f"## {parser.prog}\n\n`{usage}`\n\n{parser.description}\n\n{shown}"


def _usage(option: argparse.Action) -> str:
    value = "" if option.nargs == 0 else f" {option.metavar}"
    text = f"{option.option_strings[0]}{value}"
    return text if option.required else f"[{text}]"


def _parsed(option: argparse.Action) -> tuple[str, str, str, str]:
    value = "" if option.nargs == 0 else option.metavar or "text"
    default = "" if option.default in ("", False, None) else f"`{option.default}`"
    names = code(option.option_strings)
    return names, str(value), "required" if option.required else default, option.help or ""
