"""Single places: what may be done in one part of the package only.

Every rule is a function from modules to breaches, each breach with its place.
"""

import ast
from collections.abc import Callable, Iterator
from fnmatch import fnmatch

from tests.architecture.reading import PACKAGE, Module, dotted, imports

Breaches = Iterator[str]
PLATFORM = frozenset({"fcntl", "resource", "pwd", "grp", "termios"})
DRAWERS = frozenset({"utils", "util", "common", "core", "helpers", "helper", "manager", "misc"})


def within(module: Module, *places: str) -> bool:
    """Whether the module is one of these places (``runtime.*``, ``store.lock``)."""
    name = module.name.removeprefix(f"{PACKAGE}.")
    return any(fnmatch(name, place) or fnmatch(f"{name}.", place) for place in places)


def time(module: Module) -> Breaches:
    """The clock alone reads time."""
    if within(module, "clock"):
        return
    yield from _imported(module, {"time"}, "only clock reads time")
    asking = {"now", "utcnow", "today"}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = dotted(node.func.value).split(".")[-1]
            if node.func.attr in asking and owner in {"datetime", "date"}:
                yield f"{module.at(node)}: only clock reads time"


def threads(module: Module) -> Breaches:
    """The runtime, and the courier below it, start threads; nobody forks by hand."""
    if within(module, "runtime.*", "delivery.courier"):
        return
    starters = {"threading.Thread", "threading.Timer", "os.fork", "os.forkpty"}
    yield from _named(module, starters, "only runtime/ starts threads")
    heavy = {"_thread", "concurrent.futures", "multiprocessing"}
    yield from _imported(module, heavy, "only runtime/ starts threads")
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ImportFrom) and node.module == "threading":
            for alias in node.names:
                if alias.name in {"Thread", "Timer"}:
                    yield f"{module.at(node)}: only runtime/ starts threads"


def standard_streams(module: Module) -> Breaches:
    """Telegraf holds the other ends of fd 0 and 1: only the streams touch them, and ``cli``."""
    if within(module, "runtime.streams", "cli.*", "__main__"):
        return
    why = "only runtime/streams touches fd 0 and 1"
    names = {"sys.stdin", "sys.stdout", "sys.__stdin__", "sys.__stdout__", "os.dup2"}
    yield from _named(module, names, why)
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.Call):
            continue
        first = node.args[0] if node.args else None
        on_stream = isinstance(first, ast.Constant) and first.value in {0, 1}
        name = dotted(node.func)
        if name in {"print", "input"} or (
            on_stream and name in {"os.read", "os.write", "os.fdopen", "open", "os.writev"}
        ):
            yield f"{module.at(node)}: {why}"


def database_files(module: Module) -> Breaches:
    """The store and the server open database files; others have SQL in memory only."""
    yield from _imported(module, {"sqlite3"}, "two SQLite libraries in a process break its locks")
    if within(module, "store.*", "server.*"):
        return
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and dotted(node.func) in {"apsw.Connection", "Connection"}:
            first = node.args[0] if node.args else None
            if not (isinstance(first, ast.Constant) and first.value == ":memory:"):
                yield f"{module.at(node)}: only store/ and server/ open database files"


def platform(module: Module) -> Breaches:
    """What only POSIX knows is kept together."""
    if within(module, "runtime.streams", "engines.*", "store.lock", "net.*"):
        return
    yield from _imported(module, PLATFORM, "not on every platform")
    yield from _named(module, {"socket.AF_UNIX"}, "not on every platform")


def asynchronous(module: Module) -> Breaches:
    """The server alone is asynchronous."""
    if within(module, "server.*"):
        return
    yield from _imported(module, {"asyncio"}, "async lives in server/ alone")
    for node in ast.walk(module.tree):
        if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncWith | ast.AsyncFor):
            yield f"{module.at(node)}: async lives in server/ alone"


CONCRETE = {
    "engines": ("engines.choose", {"base", "choose", "guard", "embedded_tables"}),
    "sinks": ("pipeline.catalog", {"base", "http"}),
    "processors": ("pipeline.catalog", {"base"}),
    "assets": ("assets.choose", {"asset", "inventory", "choose"}),
    "secrets": ("secrets.*", {"secret", "references"}),
}
"""Room to the module that names its components, and the modules that are no component."""


class _Everything:
    """Takes each imported name for a module: only the first three parts of it are looked at."""

    def __contains__(self, name: object) -> bool:
        return True


def components(module: Module) -> Breaches:
    """A concrete component is named where components are chosen, and nowhere else."""
    for found in imports(module, _Everything()):
        parts = found.name.split(".")
        if parts[0] != PACKAGE or len(parts) < 3 or parts[1] not in CONCRETE:
            continue
        chooser, open_to_all = CONCRETE[parts[1]]
        if parts[1] != module.room and parts[2] not in open_to_all and not within(module, chooser):
            yield f"{found.by.path}:{found.line}: {found.name} is named in {chooser} only"


BARRIERS = {"engines.scan": "a fault of one table, called back by SQLite, is that query's error"}
"""Where everything may be caught, and why: around code that must not end the process."""


def broad_except(module: Module) -> Breaches:
    """An error is caught by its name."""
    if within(module, *BARRIERS):
        return
    broad = {"Exception", "BaseException"}
    for node in ast.walk(module.tree):
        caught: list[ast.expr | None] = []
        if isinstance(node, ast.ExceptHandler):
            caught = list(node.type.elts) if isinstance(node.type, ast.Tuple) else [node.type]
        elif isinstance(node, ast.Call) and dotted(node.func).endswith("suppress"):
            caught = list(node.args)
        if any(kind is None or dotted(kind) in broad for kind in caught):
            yield f"{module.at(node)}: catches everything"


def drawers(module: Module) -> Breaches:
    """A file is named for what is in it."""
    for part in module.name.split("."):
        if part in DRAWERS:
            yield f"{module.path}: {part} is no name for a room"


RULES: tuple[Callable[[Module], Breaches], ...] = (
    time,
    threads,
    standard_streams,
    database_files,
    platform,
    asynchronous,
    components,
    broad_except,
    drawers,
)


def _imported(module: Module, names: set[str] | frozenset[str], why: str) -> Breaches:
    for found in imports(module, set()):
        if found.name in names or found.name.split(".")[0] in names:
            yield f"{found}: {why}"


def _named(module: Module, names: set[str], why: str) -> Breaches:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute) and dotted(node) in names:
            yield f"{module.at(node)}: {dotted(node)}: {why}"
