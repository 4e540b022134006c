"""Our additions to a pack: ``<stem>.toml`` beside it, or a query's key ``telegraf_osquery``.

The sidecar mirrors its document: ``[queries.NAME]`` for a pack file, ``[schedule.NAME]`` and
``[packs.PACK.queries.NAME]`` for an osquery config. Where both places name a key the sidecar wins.
Unlike osquery's own keys these are read strictly: a slip here would silently turn a tag into a
field or a number into text.
"""

import os
import tomllib
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from telegraf_osquery.config.settings import Settings
from telegraf_osquery.errors import ConfigError
from telegraf_osquery.packs.pack import Additions

S = TypeVar("S", bound=Settings)
KEY = "telegraf_osquery"
Tables = Mapping[str, Mapping[str, Any]]
"""Query name -> its additions as TOML gave them."""


class PackSidecar(Settings, frozen=True):
    """The sidecar of a pack file, or of one pack of a config."""

    queries: dict[str, Additions] = msgspec.field(default_factory=dict)


class ConfigSidecar(Settings, frozen=True):
    """The sidecar of an osquery config."""

    schedule: dict[str, Additions] = msgspec.field(default_factory=dict)
    packs: dict[str, PackSidecar] = msgspec.field(default_factory=dict)


def path_of(document: str) -> str:
    """``net.conf`` -> ``net.toml``, in the same folder."""
    return os.path.splitext(document)[0] + ".toml"


def read(data: bytes, path: str, kind: type[Settings]) -> dict[str, Any]:
    """The sidecar's tables, checked against ``kind``.

    Raises:
        ConfigError: not TOML, an unknown key, a wrong type.
    """
    try:
        tables = tomllib.loads(data.decode())
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}: line {line}: not UTF-8; save the file as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: {error}; expected TOML") from None
    _checked(tables, kind, path)
    return tables


def check_names(path: str, place: str, tables: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    """Refuse additions for what the document does not have.

    Raises:
        ConfigError: with the nearest name.
    """
    for name in tables:
        if name not in known:
            near = nearest(name, known)
            cure = f'did you mean "{near}"?' if near else "correct or remove it"
            raise ConfigError(f'{path}: {place}."{name}": the document has no such name; {cure}')


def additions(embedded: Any, table: Mapping[str, Any], where: str) -> Additions:
    """A query's additions from its own key and its table in the sidecar.

    Raises:
        ConfigError: an unknown key, a wrong type, or the two contradict each other.
    """
    if embedded is None:
        return msgspec.convert(table, Additions)
    if not isinstance(embedded, dict):
        raise ConfigError(f"{where}: {KEY}: expected an object")
    _checked(embedded, Additions, f"{where}: {KEY}")
    return _checked({**embedded, **table}, Additions, f"{where}: {KEY} and sidecar together")


def _checked(data: Mapping[str, Any], kind: type[S], where: str) -> S:
    """``data`` as ``kind``. The decoder that can say what is wrong is loaded when something is."""
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError:
        from telegraf_osquery.config.decode import decode

        return decode(data, kind, where)


def nearest(name: str, known: Mapping[str, Any] | frozenset[str]) -> str:
    """The known name that ``name`` was probably meant to be, or nothing."""
    from difflib import get_close_matches  # only on the way to a message

    return next(iter(get_close_matches(name, list(known), 1)), "")
