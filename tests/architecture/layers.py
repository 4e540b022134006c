"""The layer table and what breaks it."""

import re
from pathlib import Path

from tests.architecture.reading import PACKAGE, ROOT, Import, Module, own_imports, room_of, rooms

PAGE = ROOT / "docs" / "architecture.md"
_ROW = re.compile(r"^\|\s*(\d+)\s*\|([^|]*)\|")


def table(page: Path = PAGE) -> dict[str, int]:
    """Room to layer, as the page says."""
    found: dict[str, int] = {}
    for line in page.read_text(encoding="utf-8").splitlines():
        if row := _ROW.match(line):
            for name in re.findall(r"`(\w+)/?`", row[2]):
                assert name not in found, f"{page}: {name} stands in two layers"
                found[name] = int(row[1])
    return found


def unlisted(root: Path, layers: dict[str, int]) -> list[str]:
    """Rooms without a layer, and layers of rooms that are not there."""
    here = rooms(root)
    return [f"{name}: no layer" for name in sorted(here - set(layers))] + [
        f"{name}: in the table, but there is no such room" for name in sorted(set(layers) - here)
    ]


def upward(every: list[Module], layers: dict[str, int]) -> list[str]:
    """Imports that do not go down. Inside one room they are free; ``__main__`` stands above all."""
    layers = {**layers, "__main__": max(layers.values()) + 1}
    return [
        f"{found}: layer {layers[found.by.room]} may not import layer {layers[room_of(found.name)]}"
        for found in own_imports(every)
        if _between_rooms(found) and layers[found.by.room] <= layers[room_of(found.name)]
    ]


def rings(every: list[Module]) -> list[str]:
    """Rings of modules, also inside one room and through imports in functions."""
    edges: dict[str, set[str]] = {module.name: set() for module in every}
    for found in own_imports(every):
        if found.name != found.by.name and found.name in edges:
            edges[found.by.name].add(found.name)
    while loose := {
        name for name, below in edges.items() if not below & edges.keys() or not _above(name, edges)
    }:
        for name in loose:
            del edges[name]
    return sorted(edges)


def _above(name: str, edges: dict[str, set[str]]) -> bool:
    return any(name in below for below in edges.values())


def _between_rooms(found: Import) -> bool:
    above, below = found.by.room, room_of(found.name)
    return above != below and found.name != PACKAGE
