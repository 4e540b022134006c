"""What is known of one table and one column."""

import re
import sys

import msgspec

from telegraf_osquery.model.column import Type

RELEASE = "5.23.1"
"""The newest release these facts know; ``since = "next"`` marks what came after it."""
NEXT = "next"
HOST = {"darwin": "darwin", "win32": "windows"}.get(sys.platform, "linux")
"""This host's platform as osquery names it; other Unix systems are asked as Linux."""

_FAMILIES: dict[str, Type] = {
    "INTEGER": "integer",
    "BIGINT": "integer",
    "UNSIGNED_BIGINT": "unsigned",
    "DOUBLE": "double",
}
_NUMBERS = re.compile(r"\d+(?:\.\d+)*")

Release = tuple[int, ...]


def release(version: str) -> Release:
    """A version to compare by: ``5.23.0-38-ga5b`` is 5.23.0; what has no number is the newest."""
    found = _NUMBERS.match(version)
    return tuple(map(int, found[0].split("."))) if found else (1 << 30,)


def alive(since: str, until: str, version: str | None) -> bool:
    """Whether a release lies between the two; ``None`` stands for the newest ones."""
    if version is None:
        return not until or release(until) >= release(RELEASE)
    at = release(version)
    return (not since or release(since) <= at) and (not until or at <= release(until))


class ColumnSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One column as osquery declares it.

    Attributes:
        type: TEXT, INTEGER, BIGINT, UNSIGNED_BIGINT, DOUBLE, BLOB; UNKNOWN for columns that went
            before types were recorded.
        required: one of the table's required columns must be constrained in WHERE.
        platforms: empty where the table itself is; elsewhere the column is hidden and NULL.
        since: first release, empty when older than 4.0.0.
        until: last release, empty when it lives.
        history: pairs (release, the type before it), oldest first.
        alias_of: the column that this hidden one repeats.
    """

    name: str
    type: str = "TEXT"
    required: bool = False
    index: bool = False
    hidden: bool = False
    additional: bool = False
    optimized: bool = False
    collation: str = ""
    platforms: tuple[str, ...] = ()
    since: str = ""
    until: str = ""
    history: tuple[tuple[str, str], ...] = ()
    alias_of: str = ""

    @property
    def family(self) -> Type:
        """The type of a field that carries this column."""
        return _FAMILIES.get(self.type, "text")

    def lives(self, version: str | None) -> bool:
        """Whether this release has the column; ``None`` stands for the newest ones."""
        return alive(self.since, self.until, version)

    def seen_by(self, platform: str | None, version: str | None) -> "ColumnSpec":
        """The declaration on that platform and release: hidden where foreign, the type it had."""
        hidden = self.hidden or bool(platform and self.platforms and platform not in self.platforms)
        at = release(version or NEXT)
        old = next((before for tag, before in self.history if at < release(tag)), self.type)
        if hidden == self.hidden and old == self.type:
            return self
        return msgspec.structs.replace(self, hidden=hidden, type=old)


class TableSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One table. ``columns`` are in the order osquery declares them, second names at the end."""

    name: str
    platforms: tuple[str, ...]
    evented: bool = False
    cacheable: bool = False
    user_data: bool = False
    since: str = ""
    until: str = ""
    columns: tuple[ColumnSpec, ...] = ()

    def column(self, name: str) -> ColumnSpec | None:
        """The column of this name; case is ignored, as SQL does."""
        wanted = name.lower()
        return next((column for column in self.columns if column.name.lower() == wanted), None)

    def lives(self, platform: str | None, version: str | None) -> bool:
        """Whether the table exists there; ``None`` stands for any platform, the newest releases."""
        return (platform is None or platform in self.platforms) and alive(
            self.since, self.until, version
        )

    def columns_for(
        self, platform: str | None = None, version: str | None = None
    ) -> tuple[ColumnSpec, ...]:
        """The columns as that platform and release declare them, in order."""
        return tuple(c.seen_by(platform, version) for c in self.columns if c.lives(version))
