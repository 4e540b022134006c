"""Single places, nothing at import, and names that say something."""

from pathlib import Path

import pytest

from tests.architecture import at_import
from tests.architecture.only_these import BARRIERS, RULES, broad_except
from tests.architecture.reading import PACKAGE, Module, modules
from tests.architecture.test_layers import planted

EVERY = (*RULES, at_import.breaches)


def found(rule: object, every: list[Module]) -> list[str]:
    return [breach for module in every for breach in rule(module)]  # type: ignore[operator]


@pytest.mark.parametrize("rule", EVERY, ids=lambda rule: rule.__name__)
def test_the_package(rule: object, package: list[Module]) -> None:
    """The rule holds in the whole package."""
    assert found(rule, package) == []


def test_barriers_are_needed(package: list[Module]) -> None:
    """No module keeps the right to catch everything that does not use it."""
    known = {module.name: module for module in package}
    for name in BARRIERS:
        module = known[f"{PACKAGE}.{name}"]
        outside = Module("telegraf_osquery.x", "x", module.path, module.tree)
        assert list(broad_except(outside)), name


PLANTED = {
    "time": [
        "import time",
        "from time import monotonic",
        "def f():\n    import time",
        "from datetime import datetime\nx = datetime.now()",
        "import datetime\ndef f(): return datetime.datetime.utcnow()",
        "import datetime\ndef f(): return datetime.date.today()",
    ],
    "threads": [
        "import threading\ndef f(): threading.Thread(target=f).start()",
        "from threading import Timer",
        "from concurrent.futures import ThreadPoolExecutor",
        "import multiprocessing",
        "import _thread",
        "import os\ndef f(): os.fork()",
    ],
    "standard_streams": [
        "def f(): print('x')",
        "import sys\ndef f(): sys.stdout.write('x')",
        "import sys\nREAD = sys.stdin",
        "import os\ndef f(): os.write(1, b'')",
        "import os\ndef f(): os.read(0, 1)",
        "def f(): open(0)",
        "import os\ndef f(): os.dup2(2, 1)",
    ],
    "database_files": [
        "import sqlite3",
        "import apsw\ndef f(p): return apsw.Connection(p)",
        "import apsw\ndef f(): return apsw.Connection('x.db')",
        "from apsw import Connection\ndef f(p): return Connection(p)",
    ],
    "platform": [
        "import fcntl",
        "def f():\n    import pwd",
        "from termios import TCSANOW",
        "import socket\ndef f(): return socket.socket(socket.AF_UNIX)",
    ],
    "asynchronous": ["import asyncio", "async def f(): pass"],
    "components": [
        f"from {PACKAGE}.engines.embedded import Embedded",
        f"from {PACKAGE}.engines import embedded",
        f"import {PACKAGE}.sinks.loki",
    ],
    "broad_except": [
        "try:\n    f()\nexcept:\n    pass",
        "def f():\n    try:\n        f()\n    except Exception:\n        pass",
        "def f():\n    try:\n        f()\n    except (OSError, BaseException):\n        pass",
        "import contextlib\ndef f():\n    with contextlib.suppress(Exception):\n        f()",
    ],
    "breaches": [
        "print('loaded')",
        "import os\nHOME = os.environ.get('HOME')",
        "import os\nHOME = os.listdir('/')",
        "for x in range(3):\n    pass",
        "with open('x') as file:\n    TEXT = file.read()",
        "TEXT = open('x').read()",
        "def f():\n    return open('x')\nTEXT = f()",
        "class A:\n    x = open('y')",
        "def f(x=open('y')): pass",
        "import functools\n@functools.cache\ndef f(): pass",
        "from functools import lru_cache\n@lru_cache(maxsize=1)\ndef f(): pass",
        "KNOWN = {}\ndef f(): KNOWN['a'] = 1",
        "KNOWN = []\ndef f(): KNOWN.append(1)",
        "COUNT = 0\ndef f():\n    global COUNT\n    COUNT += 1",
        "TABLE = {}\nTABLE.update(a=1)",
        "if True:\n    X = 1",
        "try:\n    import x\nexcept ImportError:\n    x = None",
    ],
}
ALLOWED = {
    "time": ["from datetime import datetime, UTC\ndef f(): return datetime.fromtimestamp(0, UTC)"],
    "threads": ["import threading\ndef f(): return threading.Lock()"],
    "standard_streams": ["import os\ndef f(fd): return os.write(fd, b'')", "OUT = 'sys.stdout'"],
    "database_files": ["import apsw\ndef f(): return apsw.Connection(':memory:')"],
    "platform": ["import socket\ndef f(): return socket.socket(socket.AF_INET)"],
    "components": [
        f"from {PACKAGE}.engines.base import Engine",
        f"from {PACKAGE}.engines.choose import choose",
    ],
    "broad_except": [
        "def f():\n    try:\n        f()\n    except (OSError, ValueError):\n        pass"
    ],
    "breaches": [
        "import re\nX = re.compile('a')\nY = frozenset('ab')\nZ = tuple(sorted({1, 2}))",
        "class A: pass\nX = A()\nY = [A() for _ in range(3)]",
        "WORDS = 'a b'.split()\nLINES = {w: w.upper() for w in WORDS}",
        "def table():\n    made = {}\n    made.update(a=1)\n    return made\nTABLE = table()",
        "def maker(n):\n    def inner():\n        return open('x')\n    return inner\nX = maker(1)",
        "X = lambda: open('x')",
        "KNOWN = []\ndef f():\n    KNOWN = []\n    KNOWN.append(1)",
        "def f():\n    known = {}\n    known['a'] = 1",
    ],
}


@pytest.mark.parametrize(
    ("rule", "text"), [(rule, text) for rule in EVERY for text in PLANTED.get(rule.__name__, ())]
)
def test_planted_breach(tmp_path: Path, rule: object, text: str) -> None:
    """Each rule sees what it forbids."""
    assert found(rule, modules(planted(tmp_path, store_room__a=text)))


@pytest.mark.parametrize(
    ("rule", "text"), [(rule, text) for rule in EVERY for text in ALLOWED.get(rule.__name__, ())]
)
def test_harmless_neighbour(tmp_path: Path, rule: object, text: str) -> None:
    """Each rule passes over what only looks like it."""
    assert found(rule, modules(planted(tmp_path, store_room__a=text))) == []


@pytest.mark.parametrize("name", ["utils", "helpers__x", "a__common", "misc"])
def test_drawers(tmp_path: Path, name: str) -> None:
    """A drawer is seen as a file and as a folder."""
    drawers = next(rule for rule in RULES if rule.__name__ == "drawers")
    assert found(drawers, modules(planted(tmp_path, **{name: ""})))


def test_every_rule_is_proven() -> None:
    """No rule is without a planted breach."""
    assert {rule.__name__ for rule in EVERY} - {"drawers"} == set(PLANTED)


@pytest.mark.parametrize(
    ("rule", "place", "text"),
    [
        ("time", "clock", "import time"),
        ("threads", "runtime__lanes", "import threading\ndef f(): threading.Thread()"),
        ("standard_streams", "runtime__streams", "import sys\ndef f(): sys.stdout.flush()"),
        ("standard_streams", "cli__render", "def f(): print('x')"),
        ("database_files", "store__open", "import apsw\ndef f(p): return apsw.Connection(p)"),
        ("platform", "store__lock", "def f():\n    import fcntl"),
        ("platform", "engines__embedded_tables__users", "import pwd"),
        ("components", "engines__choose", f"from {PACKAGE}.engines import embedded"),
    ],
)
def test_the_one_place(tmp_path: Path, rule: str, place: str, text: str) -> None:
    """Where it may be done the rule is silent."""
    chosen = next(one for one in RULES if one.__name__ == rule)
    assert found(chosen, modules(planted(tmp_path, **{place: text}))) == []
