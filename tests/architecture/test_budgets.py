"""The budget script measures what it says and can fail."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture import budgets

LONG = "def f():\n" + "    x = 1\n" * 60
TEXT = '''
class A:
    def method(self, a, b, /, c, *rest, d=1, **more):
        """A docstring
        of three
        lines."""
        def inner():
            return 1
        return inner

def short(): return 1
'''


def test_this_package() -> None:
    """The package is inside its budget, and the script prints the figures."""
    done = subprocess.run(
        [sys.executable, budgets.__file__], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split()[0] for line in done.stdout.splitlines()] == [
        "file",
        "function",
        "parameters",
        "source",
    ]


def test_measures(tmp_path: Path) -> None:
    """Docstrings, self and starred parameters do not count; inner functions do."""
    (tmp_path / "a.py").write_text(TEXT)
    found = [(one.place.split()[-1], *one[1:]) for one in budgets.functions(tmp_path / "a.py")]
    assert sorted(found) == [("inner", 2, 0), ("method", 4, 4), ("short", 1, 0)]


@pytest.mark.parametrize(
    ("values", "part", "expected"), [([], 0.5, 0), ([5], 0.9, 5), ([3, 1, 2], 0.5, 2)]
)
def test_shares(values: list[int], part: float, expected: int) -> None:
    """Medians and percentiles are values that occur."""
    assert budgets.share(values, part) == expected


def test_long_function(tmp_path: Path) -> None:
    """A function of 61 lines is over, one of 60 is not."""
    (tmp_path / "a.py").write_text(LONG)
    (function,) = budgets.functions(tmp_path / "a.py")
    shorter = function._replace(lines=60)
    padding = [budgets.Function("f", 1, 0)] * 3
    assert budgets.breaches([1], [function, *padding]) == [
        f"{function.place}: 61 lines, allowed 60"
    ]
    assert budgets.breaches([1], [shorter, *padding]) == []


def test_many_parameters() -> None:
    """Seven parameters are over, six are not."""
    over = budgets.breaches([1], [budgets.Function("f", 1, 7), budgets.Function("g", 1, 6)])
    assert over == ["f: 7 parameters, allowed 6"]


def test_long_median() -> None:
    """The median of functions is held."""
    over = budgets.breaches([1], [budgets.Function("f", 11, 0)] * 3)
    assert over == ["median function: 11 lines, allowed 10"]


def test_long_files() -> None:
    """Median and ninetieth percentile of files are held."""
    over = budgets.breaches([151] * 8 + [351] * 2, [])
    assert over == [
        "median file: 151 lines, allowed 150",
        "90th percentile of files: 351 lines, allowed 350",
    ]
