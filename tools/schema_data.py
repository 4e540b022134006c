"""Write ``telegraf_osquery/schema/tables.txt`` from two machine-readable dumps of osquery's specs.

Usage: ``python tools/schema_data.py SCHEMA.json HISTORY.json > telegraf_osquery/schema/tables.txt``

One line per table: the name, a head, the columns, separated by blanks.

Head: platforms (``l`` Linux, ``d`` macOS, ``w`` Windows), ``E`` evented, ``C`` cacheable, ``U``
one user's data, ``>5.0.0`` first release, ``<5.0.0`` last release, ``=name`` another name for that
table. A line without columns is a table that went before the dump was made.

Column: ``name``, or ``name:code``. Letters of the code: the type ``I`` INTEGER, ``B`` BIGINT, ``U``
UNSIGNED_BIGINT, ``D`` DOUBLE, ``O`` BLOB, ``?`` not recorded (none: TEXT); ``r`` required, ``x``
index, ``h`` hidden, ``a`` additional, ``o`` optimized; collation ``N`` NOCASE, ``V`` VERSION, ``P``
VERSION_DPKG, ``R`` VERSION_RHEL; platforms as above where limited. Then ``>`` and ``<`` as above,
``~4.5.0T`` for "before 4.5.0 the type was TEXT", ``=name`` for a hidden second name.
"""

import json
import sys
from pathlib import Path
from typing import Any

TYPE = {
    "TEXT": "",
    "INTEGER": "I",
    "BIGINT": "B",
    "UNSIGNED_BIGINT": "U",
    "DOUBLE": "D",
    "BLOB": "O",
}
FLAG = {"required": "r", "index": "x", "hidden": "h", "additional": "a", "optimized": "o"}
COLLATE = {"NOCASE": "N", "VERSION": "V", "VERSION_DPKG": "P", "VERSION_RHEL": "R"}
PLATFORM = {"linux": "l", "darwin": "d", "windows": "w"}
NEXT = "next"

Json = dict[str, Any]


def _release(tag: str | None) -> str:
    return NEXT if tag == "HEAD" else tag or ""


def _life(since: str | None, until: str | None) -> str:
    return (f">{_release(since)}" if since else "") + (f"<{_release(until)}" if until else "")


def _platforms(names: list[str]) -> str:
    return "".join(letter for name, letter in PLATFORM.items() if name in names)


def _column(name: str, spec: Json, life: str, changes: list[tuple[str, str]]) -> str:
    code = TYPE[spec["type"]]
    code += "".join(letter for flag, letter in FLAG.items() if spec[flag])
    code += COLLATE[spec["collate"]] if spec.get("collate") else ""
    code += _platforms(spec.get("platforms", [])) + life
    code += "".join(f"~{tag}{TYPE[old] or 'T'}" for tag, old in changes)
    code += "".join(f"={alias}" for alias in spec.get("aliases", []))
    return f"{name}:{code}" if code else name


def _table(name: str, spec: Json, past: Json, changes: list[list[str]]) -> str:
    head = _platforms(spec["platforms"])
    head += "E" * spec["evented"] + "C" * spec["cacheable"] + "U" * bool(spec.get("user_data"))
    head += _life(past.get("since"), past.get("until"))
    lives = {column: _life(*ends) for column, ends in past.get("columns", {}).items()}
    parts = [name, head]
    for column, details in spec["columns"].items():
        mine = [(tag, old) for tag, table, at, old, _ in changes if (table, at) == (name, column)]
        parts.append(_column(column, details, lives.pop(column, ""), mine))
    # What is left is gone from the dump: the history has its life, but neither type nor place.
    parts += [f"{column}:?{life}" for column, life in lives.items()]
    return " ".join(parts)


def lines(schema: Json, history: Json) -> list[str]:
    """All lines of the data file, sorted by table."""
    past = history["tables"]
    specs = dict(schema["tables"])
    for key, extra in schema.items():
        if key.startswith("only_in_release_"):
            specs.update(extra)
    changes = history["type_changes"]
    made = {name: _table(name, spec, past.get(name, {}), changes) for name, spec in specs.items()}
    for name, life in past.items():
        if name not in specs:
            made[name] = f"{name} {_life(life.get('since'), life.get('until'))}"
    for name, spec in specs.items():
        for alias in spec.get("aliases", []):
            made[alias] = f"{made.get(alias, alias + ' ')}={name}"
    return [made[name] for name in sorted(made)]


def main(schema_path: str, history_path: str) -> None:
    schema = json.loads(Path(schema_path).read_text(encoding="utf-8"))
    history = json.loads(Path(history_path).read_text(encoding="utf-8"))
    sys.stdout.write("\n".join(lines(schema, history)) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
