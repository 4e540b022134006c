"""Keeps one osqueryi child: starts it apart from the host's osquery, replaces it, counts deaths."""

import contextlib
import os
from collections.abc import Sequence

from telegraf_osquery.clock import Clock
from telegraf_osquery.engines.child import Child
from telegraf_osquery.errors import EngineUnavailable

FLAGS = (
    "--json",
    "--flagfile=/dev/null",
    "--config_path=/dev/null",
    "--disable_extensions",
    "--disable_events",
    "--logger_min_status=3",
)
"""What keeps a shell apart from the host's osqueryd; 4.x and 5.x know them all."""

QUERIES_MAX = 1000
AGE_MAX = 3600.0
RESIDENT_MAX = 256 << 20
"""A child that answered so many statements, lived so long or grew so large is replaced."""

_BACK_OFF_MAX = 60.0
_HOME = "osqueryi-"
_KEPT = ("PATH", "TZ", "LD_LIBRARY_PATH")


class Keeper:
    """At most one child at a time, started when it is needed."""

    def __init__(self, clock: Clock, program: Sequence[str]) -> None:
        """``program``: path and first arguments of osquery's shell."""
        self.name = program[0]
        self._clock = clock
        self._argv = (*program, *FLAGS)
        self._home = ""
        self._child: Child | None = None
        self._undead: list[Child] = []
        self._answered = 0
        self._born = 0.0
        self._deaths = 0
        self._not_before = 0.0
        self._spent = 0.0

    def ready(self) -> Child:
        """A child that waits for a statement.

        Raises:
            EngineUnavailable: it cannot be started, or has died too often to be started yet.
        """
        if self._child is not None and self._worn(self._child):
            self.kill()
        if self._child is None:
            wait = self._not_before - self._clock.monotonic()
            if wait > 0:
                raise EngineUnavailable(
                    f"{self.name}: ended {self._deaths} times in a row without an answer; it is "
                    f"started again in {wait:.0f} s. Try it by hand: {self.name} --json 'SELECT 1'"
                )
            self._child = self._start()
        return self._child

    def answered(self) -> None:
        """The child has answered and waits for the next statement."""
        self._answered += 1
        self._deaths = 0

    def died(self) -> None:
        """It ended by itself, or what it said is no answer."""
        self.kill()
        self._count_death()

    def kill(self) -> None:
        """End the child, whatever it does; may be called again."""
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            self._spent += child.cpu()
            self._undead.append(child)
        self._undead = [one for one in self._undead if not one.gone()]

    def cpu(self) -> float:
        """CPU seconds that all children have used so far."""
        return self._spent + (self._child.cpu() if self._child else 0.0)

    def close(self) -> None:
        """End the child and remove its home; may be called twice."""
        self.kill()
        home, self._home = self._home, ""
        if home:
            _remove(home)

    def _start(self) -> Child:
        env = {name: os.environ[name] for name in _KEPT if name in os.environ}
        try:
            self._home = self._home or _make_home()
            child = Child(self._argv, {**env, "HOME": self._home, "LANG": "C.UTF-8"})
        except EngineUnavailable:
            self._count_death()
            raise
        self._born, self._answered = self._clock.monotonic(), 0
        return child

    def _worn(self, child: Child) -> bool:
        return (
            self._answered >= QUERIES_MAX
            or self._clock.monotonic() - self._born >= AGE_MAX
            or child.resident() >= RESIDENT_MAX
        )

    def _count_death(self) -> None:
        """After the first the next start is at once, then after 1 s, 2 s, 4 s, at most 60 s."""
        self._deaths += 1
        if self._deaths > 1:
            pause = min(_BACK_OFF_MAX, 2.0 ** min(self._deaths - 2, 10))
            self._not_before = self._clock.monotonic() + pause


def _make_home() -> str:
    """The shell makes ``$HOME/.osquery``: it gets a folder that nobody else can see into."""
    parent = os.environ.get("RUNTIME_DIRECTORY") or os.environ.get("TMPDIR") or "/tmp"  # noqa: S108
    parent = parent.partition(":")[0]
    path = os.path.join(parent, f"{_HOME}{os.getpid()}-{os.urandom(8).hex()}")
    try:
        _clean(parent)
        os.mkdir(path, 0o700)
    except OSError as error:
        raise EngineUnavailable(
            f"{path}: cannot be made: {error.strerror}; osqueryi needs a home folder: set TMPDIR"
        ) from None
    return path


def _clean(parent: str) -> None:
    """Remove what processes of this user have left behind that were killed."""
    with os.scandir(parent) as entries:
        found = [entry for entry in entries if entry.name.startswith(_HOME)]
    for entry in found:
        pid = entry.name.removeprefix(_HOME).partition("-")[0]
        with contextlib.suppress(OSError):  # another lane was quicker
            ours = entry.stat(follow_symlinks=False).st_uid == os.geteuid()
            if ours and pid.isdecimal() and _is_dead(int(pid)):
                _remove(entry.path)


def _is_dead(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False


def _remove(folder: str) -> None:
    """The folder and what the shell has put there; a link is removed, not followed."""
    try:
        with os.scandir(folder) as entries:
            found = list(entries)
        for entry in found:
            if entry.is_dir(follow_symlinks=False):
                _remove(entry.path)
            else:
                os.unlink(entry.path)
        os.rmdir(folder)
    except OSError:
        return  # it is in a folder for things that go away
