"""Whether this process may see everything that the tables show."""

_READS_ALL = 1 << 2 | 1 << 19
"""CAP_DAC_READ_SEARCH and CAP_SYS_PTRACE (capabilities(7)): any file, any process."""


def sees_all(status: str = "/proc/self/status") -> bool:
    """True with both capabilities in effect, as root has them outside of a container that took one.

    False where it cannot be told.
    """
    try:
        with open(status, encoding="ascii", errors="replace") as lines:
            effective = next((line[8:] for line in lines if line.startswith("CapEff:\t")), "0")
    except OSError:
        return False
    return int(effective, 16) & _READS_ALL == _READS_ALL
