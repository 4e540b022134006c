"""What is asked of an osquery beforehand, and what its messages mean."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from telegraf_osquery.clock import Clock, Deadline
from telegraf_osquery.engines.base import Answer
from telegraf_osquery.errors import EngineUnavailable

ASKING = 10.0
"""Seconds for one of these questions; a shell needs up to a quarter of one to start."""

_TABLES = "SELECT name FROM osquery_registry WHERE registry = 'table' AND active = 1"
_VERSION = "SELECT version FROM osquery_info"
_NUMBER = re.compile(r"\d+(?:\.\d+)+", re.ASCII)

# Neither the shell nor the socket tells SQLite's code. Texts: osquery/sql/virtual_table.cpp and
# SQLite's own.
_CONSTRAINT, _AUTH, _ERROR = 19, 23, 1
_CODES = (
    ("was queried without a required column", _CONSTRAINT),
    ("constraint failed", _CONSTRAINT),
    ("not authorized", _AUTH),
)

_PRIVILEGED = (
    "apparmor_profiles augeas authorized_keys block_devices carves "
    "chrome_extension_content_scripts chrome_extensions crontab device_file device_hash "
    "device_partitions disk_encryption extended_attributes file firefox_addons hash iptables "
    "kernel_keys known_hosts listening_ports magic memory_array_mapped_addresses memory_arrays "
    "memory_device_mapped_addresses memory_devices memory_map npm_packages oem_strings "
    "process_envs process_file_events process_memory_map process_namespaces process_open_files "
    "process_open_pipes process_open_sockets processes python_packages shadow shell_history "
    "smbios_tables ssh_configs sudoers suid_bin system_controls system_info user_ssh_keys "
    "vscode_extensions yara yara_file yara_process"
)
PRIVILEGED = frozenset(_PRIVILEGED.split())
"""Tables that give fewer rows or emptier cells without root, in silence: other users' processes
and files, the firmware's tables, the kernel's."""

Execute = Callable[[str, Deadline], Answer]


def code(message: str) -> int:
    """SQLite's primary result code, as far as osquery's message tells it."""
    return next((number for text, number in _CODES if text in message), _ERROR)


def table_names(execute: Execute, clock: Clock) -> frozenset[str]:
    """The tables that are there now, those of extensions and of the configuration included.

    Raises:
        EngineUnavailable, QueryError, QueryTimeout: as ``execute`` raises them.
    """
    return frozenset(_first_column(execute(_TABLES, Deadline(clock, ASKING))))


def release(execute: Execute, clock: Clock) -> str:
    """The version of osquery, such as ``5.23.1``; what a build from a checkout adds is cut off.

    Raises:
        EngineUnavailable: it does not say; or as ``execute`` raises.
        QueryError, QueryTimeout: as ``execute`` raises them.
    """
    found = next(_first_column(execute(_VERSION, Deadline(clock, ASKING))), "")
    number = _NUMBER.match(found)
    if number is None:
        raise EngineUnavailable(f"osquery_info: found version {found!r}, expected such as 5.23.1")
    return number[0]


def _first_column(answer: Answer) -> Iterator[str]:
    chunk: Sequence[Sequence[Any]]
    for chunk in answer.chunks:
        yield from chunk[0]
