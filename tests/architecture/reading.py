"""The package as syntax trees: its modules, their rooms, what they import."""

import ast
from collections.abc import Container, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = "telegraf_osquery"


@dataclass(frozen=True)
class Module:
    """One file of the package.

    Attributes:
        name: dotted, with the package in front.
        room: the folder or file below the package, empty for the package's own ``__init__``.
    """

    name: str
    room: str
    path: Path
    tree: ast.Module

    def at(self, node: ast.AST) -> str:
        """The place of a node as an editor understands it."""
        return f"{self.path}:{getattr(node, 'lineno', 1)}"


@dataclass(frozen=True)
class Import:
    """One module that another imports, anywhere in its text."""

    by: Module
    name: str
    line: int

    def __str__(self) -> str:
        return f"{self.by.path}:{self.line}: {self.by.name} imports {self.name}"


def modules(root: Path = ROOT) -> list[Module]:
    """Every module of the package below ``root``."""
    found = []
    for path in sorted((root / PACKAGE).rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
        found.append(Module(".".join(parts), parts[1] if len(parts) > 1 else "", path, tree))
    return found


def rooms(root: Path = ROOT) -> set[str]:
    """Every folder and file below the package; ``__main__`` is a door, not a room."""
    return {module.room for module in modules(root)} - {"", "__main__"}


def imports(module: Module, known: Container[str]) -> Iterator[Import]:
    """What a module imports, also inside functions; ``known`` tells modules from names in them."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(module, alias.name, node.lineno)
        elif isinstance(node, ast.ImportFrom):
            start = _start(module, node)
            for alias in node.names:
                inner = f"{start}.{alias.name}"
                yield Import(module, inner if inner in known else start, node.lineno)


def own_imports(every: list[Module]) -> list[Import]:
    """The imports of the package's modules from each other."""
    known = {module.name for module in every}
    return [
        found
        for module in every
        for found in imports(module, known)
        if found.name == PACKAGE or found.name.startswith(f"{PACKAGE}.")
    ]


def room_of(name: str) -> str:
    """The room of a dotted module name."""
    return f"{name}.".split(".")[1]


def dotted(node: ast.AST) -> str:
    """``a.b.c`` for an attribute chain, empty for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        inner = dotted(node.value)
        return f"{inner}.{node.attr}" if inner else ""
    return ""


def _start(module: Module, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    parts = module.name.split(".")
    if module.path.name != "__init__.py":
        parts = parts[:-1]
    parts = parts[: len(parts) - node.level + 1]
    return ".".join([*parts, *(node.module or "").split(".")]).rstrip(".")
