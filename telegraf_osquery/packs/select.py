"""Which packs and queries run on this host."""

from collections.abc import Callable, Iterable, Iterator

import msgspec

from telegraf_osquery.errors import QueryError, QueryTimeout, TryLaterError
from telegraf_osquery.packs.pack import Finding, Pack, ScheduledQuery
from telegraf_osquery.packs.values import platform_fits, version_fits

DISCOVERY_SECONDS = 3600.0
"""How long a discovery verdict holds (osquery's ``--pack_refresh_interval``)."""

Ask = Callable[[str], int]
"""Runs one discovery query and gives the number of rows; raises what engines raise."""


class Host(msgspec.Struct, frozen=True):
    """What decides beside discovery.

    Attributes:
        platform: ``linux``, ``darwin``, ``freebsd`` or ``windows``.
        version: of the osquery that answers, or whose schema the engine follows.
        identifier: the host identifier that shards are drawn from.
    """

    platform: str
    version: str
    identifier: str = ""


def machine_shard(identifier: str) -> int:
    """0 to 100: the first byte of SHA-1 of the host identifier, in percent of 255."""
    try:
        # An interpreter built without it has hashlib only.
        from _sha1 import sha1  # type: ignore[import-not-found]
    except ImportError:
        from hashlib import sha1
    first: int = sha1(identifier.encode("utf-8", "surrogateescape")).digest()[0]  # noqa: S324
    return first * 100 // 255


def obstacle(item: Pack | ScheduledQuery, host: Host) -> str:
    """Why this does not run on ``host``, in a few words; empty when it does."""
    if not platform_fits(item.platform, host.platform):
        return f'platform "{item.platform}" is not {host.platform}'
    if not version_fits(item.version, host.version):
        return f'version "{item.version}" is above {host.version}'
    if 0 < item.shard < 100 and item.shard < (own := machine_shard(host.identifier)):
        return f"shard {item.shard} is below this host's {own}"
    return ""


class Discovery:
    """Asks the discovery queries of packs and remembers the verdicts for an hour."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._verdicts: dict[tuple[str, tuple[str, ...]], tuple[float, bool]] = {}
        self._failed: dict[tuple[str, tuple[str, ...]], str] = {}
        self.findings: list[Finding] = []

    def active(self, pack: Pack, now: float) -> bool:
        """Whether every discovery query of the pack gave a row; ``now`` in monotonic seconds.

        A query that fails makes the pack inactive, with a finding when it is a new failure. An
        engine that cannot be reached decides nothing: the last verdict holds, and is asked again
        next time.
        """
        if not pack.discovery:
            return True
        key = (pack.path + pack.name, pack.discovery)
        asked, verdict = self._verdicts.get(key, (float("-inf"), False))
        if now - asked < DISCOVERY_SECONDS:
            return verdict
        try:
            verdict = all(self._ask(sql) > 0 for sql in pack.discovery)
            self._failed.pop(key, None)
        except (QueryError, QueryTimeout) as error:
            verdict = False
            self._fail(pack, key, str(error))
        except TryLaterError:
            return verdict
        self._verdicts[key] = (now, verdict)
        return verdict

    def _fail(self, pack: Pack, key: tuple[str, tuple[str, ...]], reason: str) -> None:
        if self._failed.get(key) != reason:
            self._failed[key] = reason
            message = f"discovery failed, the pack does not run: {reason}"
            self.findings.append(
                Finding("warning", pack.path, pack.name, "", message, "discovery-fails")
            )


def select(
    packs: Iterable[Pack], host: Host, discovery: Discovery, now: float
) -> Iterator[ScheduledQuery]:
    """The queries that run here now. Discovery is asked only of packs that fit otherwise."""
    for pack in packs:
        if not obstacle(pack, host) and discovery.active(pack, now):
            for query in pack.queries:
                if not obstacle(query, host):
                    yield query
