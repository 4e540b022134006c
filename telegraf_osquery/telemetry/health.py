"""What the process costs: memory, CPU, open files.

Read from /proc; off Linux only the CPU is known. psutil would read the same file for 1.6 MB more.
"""

import os

from telegraf_osquery.model.column import Type

Fields = dict[str, tuple[Type, int | float]]
"""Field name to its type and value."""

# Key of /proc/<pid>/status (proc(5)), field of osquery_self, factor to the field's unit.
_STATUS = {
    "VmRSS": ("rss_bytes", 1024),
    "VmHWM": ("rss_peak_bytes", 1024),
    "Threads": ("threads", 1),
}

FIELDS = {
    "cpu_seconds": "CPU (user + system) of this process since its start",
    "cpu_children_seconds": "CPU of its ended children",
    "rss_bytes": "memory in use (VmRSS)",
    "rss_peak_bytes": "highest memory in use since the start (VmHWM)",
    "threads": "threads",
    "fds": "open file descriptors",
}
"""Every field that ``health`` may give, with its meaning."""


def health(process: str = "/proc/self") -> Fields:
    """The fields of ``osquery_self`` about this process; what cannot be read is left out."""
    times = os.times()
    found: Fields = {
        "cpu_seconds": ("double", times.user + times.system),
        "cpu_children_seconds": ("double", times.children_user + times.children_system),
    }
    try:
        found |= _status(f"{process}/status")
        # One of them is the descriptor that lists the folder.
        found["fds"] = ("integer", len(os.listdir(f"{process}/fd")) - 1)
    except OSError:
        pass
    return found


def _status(path: str) -> Fields:
    found: Fields = {}
    with open(path, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            key, _, rest = line.partition(":")
            number = rest.split()[:1]
            if key in _STATUS and number and number[0].isdecimal():
                name, factor = _STATUS[key]
                found[name] = ("integer", int(number[0]) * factor)
    return found
