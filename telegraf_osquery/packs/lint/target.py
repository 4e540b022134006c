"""What packs are judged for, and the analyzers that judge one statement."""

from collections.abc import Callable
from typing import Literal, Protocol, TypeVar

import msgspec

from telegraf_osquery.clock import SystemClock
from telegraf_osquery.packs.pack import Pack, ScheduledQuery
from telegraf_osquery.packs.values import platform_fits, version_fits
from telegraf_osquery.schema.analyze import Analyzer
from telegraf_osquery.schema.policy import EVERYTHING, Policy
from telegraf_osquery.schema.scans import Scans
from telegraf_osquery.schema.spec import release
from telegraf_osquery.schema.tables import Schema

PLATFORMS = ("linux", "darwin", "windows")
_HELD = 8
At = tuple[str, str | None]
"""Platform and release; None is the newest release."""


class _Closing(Protocol):
    def close(self) -> None: ...


T = TypeVar("T", bound=_Closing)


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """Where the packs are to run.

    Attributes:
        platform: one of ``PLATFORMS``; None for all that a pack allows.
        version: osquery's release there; None for the newest, and for the oldest a pack allows.
        engine: ``embedded`` asks for tables that the embedded engine has; None asks nothing.
        embedded: the names of those tables.
        policy: what the agent will let its packs use.
    """

    platform: str | None = None
    version: str | None = None
    engine: Literal["embedded", "osquery"] | None = None
    embedded: frozenset[str] = frozenset()
    policy: Policy = EVERYTHING


def platforms(target: Target, *items: Pack | ScheduledQuery) -> tuple[str, ...]:
    """Where a query can run: what its pack and itself let in."""
    asked = (target.platform,) if target.platform else PLATFORMS
    return tuple(
        name for name in asked if all(platform_fits(item.platform, name) for item in items)
    )


def oldest(target: Target, *items: Pack | ScheduledQuery) -> str | None:
    """The oldest release that is let in; None where nothing says so, or the target says it all."""
    if target.version is not None:
        return None
    named = [item.version for item in items if item.version[:1].isdigit()]
    return max(named, key=release, default=None)


def runs(target: Target, *items: Pack | ScheduledQuery) -> bool:
    """Whether the target's release is let in."""
    return target.version is None or all(
        version_fits(item.version, target.version) for item in items
    )


class Judges:
    """Analyzers by platform and release, made when they are needed; only a few are held."""

    def __init__(self, schema: Schema, policy: Policy = EVERYTHING) -> None:
        self.schema = schema
        self._policy = policy
        self.clock = SystemClock()
        self._analyzers: dict[At, Analyzer] = {}
        self._scans: dict[At, Scans] = {}

    def analyzer(self, platform: str, version: str | None) -> Analyzer:
        """Judges a statement."""
        return self._held(
            self._analyzers,
            (platform, version),
            lambda: Analyzer(self.schema, policy=self._policy, platform=platform, version=version),
        )

    def scans(self, platform: str, version: str | None) -> Scans:
        """Plans a statement."""
        return self._held(
            self._scans, (platform, version), lambda: Scans(self.schema, platform, version)
        )

    def _held(self, held: dict[At, T], at: At, make: Callable[[], T]) -> T:
        if at not in held:
            if len(held) >= _HELD:
                held.pop(next(iter(held))).close()
            held[at] = make()
        return held[at]

    def close(self) -> None:
        """Let go of all; may be called twice."""
        for analyzer in self._analyzers.values():
            analyzer.close()
        for scans in self._scans.values():
            scans.close()
        self._analyzers.clear()
        self._scans.clear()
