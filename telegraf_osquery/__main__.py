"""The program ``telegraf-osquery``: which way a command line goes, and how it ends.

``execd`` and ``collect`` are started by Telegraf or an init system, live long and must start fast:
they never load the command line's libraries. Everything else goes to ``cli``.

Exit codes: see ``errors``; 130 after Ctrl-C; 141 when the reader of stdout has gone.
"""

import contextlib
import io
import os
import sys
from collections.abc import Iterator, Sequence

from telegraf_osquery.errors import EXIT_SETTINGS, TelegrafOsqueryError

EXIT_INTERRUPTED = 130
"""128 + SIGINT, as shells report it."""
EXIT_NO_READER = 141
"""128 + SIGPIPE, as shells report it."""

_ROLES = {"input": "telegraf_osquery.runtime.execd_input"}
_HELP = (["--help"], ["-h"])
_USAGE = "telegraf-osquery execd input --config FILE (other options: --help)"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    service = words[:1] == ["collect"] or (words[:1] == ["execd"] and words[1:2] not in _HELP)
    try:
        return _serve(words) if service else _command(words)
    except TelegrafOsqueryError as error:
        _say(str(error), service=service)
        return error.exit_code
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        _mute()
        return EXIT_NO_READER


@contextlib.contextmanager
def _without_typing_extensions() -> Iterator[None]:
    """Hide a module from msgspec, which takes it for names that the standard library has too.

    It costs a fifth of the start and 2 MiB; whoever else needs the module gets it afterwards.
    """
    name = "typing_extensions"
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment] # the import system's way to say "absent"
    try:
        yield
    finally:
        del sys.modules[name]


def _serve(words: list[str]) -> int:
    with _without_typing_extensions():
        import msgspec  # noqa: F401
    if words[0] == "collect":
        from telegraf_osquery.runtime import collect

        return collect.main(words[1:])
    role = words[1] if len(words) > 1 else ""
    if role not in _ROLES:
        found = f'unknown role "{role}"' if role else "no role"
        known = ", ".join(_ROLES)
        _say(f"execd: {found}; expected one of: {known}; usage: {_USAGE}", service=True)
        return EXIT_SETTINGS
    from telegraf_osquery.runtime import execd_input

    return execd_input.main(words[2:])


def _command(words: list[str]) -> int:
    from telegraf_osquery.cli import app

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Data is UTF-8 whatever the locale; a terminal keeps its own encoding.
            encoding = None if stream.isatty() else "utf-8"
            stream.reconfigure(encoding=encoding, errors="backslashreplace")
    code = app.run(words)
    sys.stdout.flush()  # a reader that has gone shows here, not at exit
    return code


def _say(message: str, *, service: bool) -> None:
    """One line on stderr; Telegraf takes the level from the first letter."""
    head = "E! " if service else "telegraf-osquery: "
    text = message.replace("\n", "\\n") if service else message
    with contextlib.suppress(OSError):
        sys.stderr.write(f"{head}{text}\n")


def _mute() -> None:
    """Let the interpreter's last flush go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
