"""Whether a file is there, for the SQL functions that ask for paths out of command lines."""

import os
import stat
from collections.abc import Container

from telegraf_osquery.clock import Deadline
from telegraf_osquery.engines.scan import Host


class Present:
    """Answers for one engine.

    Command lines are what any user of the host likes to write, so a mount point whose file system
    somebody else answers for is never looked at: nothing there is there.
    """

    def __init__(self, host: Host) -> None:
        self._host = host
        self._far: Container[str] = ()
        self._read_for: Deadline | None = None

    def __call__(self, path: str) -> bool:
        """Whether something that is no folder lies there; a relative path begins at ``/``."""
        from telegraf_osquery.engines.embedded_tables.denied import Denied
        from telegraf_osquery.engines.embedded_tables.rooted import resolve

        try:
            root = self._host.root.rstrip("/")
            real = resolve(root, path, remote=self._mounts())
            if self._host.denied and Denied(root, self._host.denied)(real[len(root) :]):
                return False
            return not stat.S_ISDIR(os.stat(real).st_mode)
        except (OSError, ValueError):
            return False

    def _mounts(self) -> Container[str]:
        """Read once for each statement; each has a deadline of its own."""
        from telegraf_osquery.engines.embedded_tables.ask import Ask
        from telegraf_osquery.engines.embedded_tables.walk import mount_points

        host = self._host
        if self._read_for is not host.deadline:
            self._far = mount_points(Ask(host.root, frozenset(), {}, {}, host.clock, host.deadline))
            self._read_for = host.deadline
        return self._far
