"""This host as commands name and select by it."""

import os
import socket
import sys

from telegraf_osquery.packs.select import Host

_PLATFORMS = {"win32": "windows"}


def here(version: str) -> Host:
    """What packs are selected by; ``version`` is the osquery release that answers."""
    return Host(_PLATFORMS.get(sys.platform, sys.platform), version, name())


def name() -> str:
    """The tag ``host`` where no setting gives another."""
    return os.uname().nodename if hasattr(os, "uname") else socket.gethostname()


def is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0
