"""Prints the lengths of files and functions and fails above the budget: ``make lint`` runs it."""

import ast
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "telegraf_osquery"
TESTS = ROOT / "tests"

FILE_MEDIAN, FILE_P90 = 150, 350
FUNCTION_MEDIAN, FUNCTION_MAX = 10, 60
PARAMETERS_MAX = 6


class Function(NamedTuple):
    """One function: where, how many lines without its docstring, how many parameters."""

    place: str
    lines: int
    parameters: int


def main() -> int:
    """Print the figures and what is over; the exit code says whether anything is."""
    say = sys.stdout.write
    files = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in sources(PACKAGE)}
    every = [function for path in files for function in functions(path)]
    lengths = [function.lines for function in every]
    tests = sum(len(path.read_text(encoding="utf-8").splitlines()) for path in sources(TESTS))
    limits = f"median <= {FILE_MEDIAN}, p90 <= {FILE_P90}"
    say(row("file length", list(files.values()), limits))
    limits = f"median <= {FUNCTION_MEDIAN}, max <= {FUNCTION_MAX}"
    say(row("function length", lengths, limits))
    most = f"max <= {PARAMETERS_MAX}"
    say(row("parameters", [function.parameters for function in every], most))
    source = sum(files.values())
    say(f"{'source':<16} {source} lines; tests {tests} lines, {tests / source:.2f} of it\n")
    over = breaches(list(files.values()), every)
    for breach in over:
        sys.stderr.write(f"over budget: {breach}\n")
    return 1 if over else 0


def breaches(files: Sequence[int], every: Sequence[Function]) -> list[str]:
    """What is over the budget, in words."""
    lengths = [function.lines for function in every]
    figures = (
        ("median file", share(files, 0.5), FILE_MEDIAN),
        ("90th percentile of files", share(files, 0.9), FILE_P90),
        ("median function", share(lengths, 0.5), FUNCTION_MEDIAN),
    )
    over = [
        f"{name}: {found} lines, allowed {limit}" for name, found, limit in figures if found > limit
    ]
    for one in every:
        if one.lines > FUNCTION_MAX:
            over.append(f"{one.place}: {one.lines} lines, allowed {FUNCTION_MAX}")
        if one.parameters > PARAMETERS_MAX:
            over.append(f"{one.place}: {one.parameters} parameters, allowed {PARAMETERS_MAX}")
    return over


def sources(folder: Path) -> list[Path]:
    """The Python files below ``folder`` that hold code; the empty mark of a package does not."""
    files = (path for path in sorted(folder.rglob("*.py")) if "__pycache__" not in path.parts)
    return [path for path in files if path.name != "__init__.py" or path.stat().st_size > 300]


def functions(path: Path) -> Iterator[Function]:
    """Every function of a file, also those inside others."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            place = f"{path}:{node.lineno} {node.name}"
            yield Function(place, length(node), parameters(node.args))


def length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from ``def`` to the end, without the docstring: it is read, not followed."""
    lines = (node.end_lineno or node.lineno) - node.lineno + 1
    first = node.body[0]
    if ast.get_docstring(node, clean=False) is not None and first.end_lineno is not None:
        lines -= first.end_lineno - first.lineno + 1
    return lines


def parameters(arguments: ast.arguments) -> int:
    """Named parameters without ``self`` and ``cls``."""
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return len([one for one in named if one.arg not in {"self", "cls"}])


def share(values: Sequence[int], part: float) -> int:
    """The value that this part of all does not pass; 0 where there are none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] if ordered else 0


def row(name: str, values: Sequence[int], limits: str) -> str:
    """One line of the report."""
    median, ninety, most = share(values, 0.5), share(values, 0.9), max(values, default=0)
    return f"{name:<16} median {median}, p90 {ninety}, max {most}, of {len(values)} ({limits})\n"


if __name__ == "__main__":
    sys.exit(main())
