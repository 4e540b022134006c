"""What is known of tables beyond their columns: what they cost and what of them never rests.

Costs are of the mechanism (a walk through folders, a digest of every file, a package database read
as a whole), not measured per host.
"""

EXPENSIVE = {
    **dict.fromkeys(("suid_bin", "npm_packages", "python_packages", "apps", "programs"), 600),
    **dict.fromkeys(("deb_packages", "rpm_packages", "apt_sources", "homebrew_packages"), 300),
    **dict.fromkeys(("chrome_extensions", "firefox_addons", "safari_extensions"), 600),
    **dict.fromkeys(("vscode_extensions", "certificates", "keychain_items", "augeas"), 600),
    **dict.fromkeys(("yara", "yara_file", "yara_process", "signature", "authenticode"), 600),
    **dict.fromkeys(("process_memory_map", "process_open_files", "process_envs"), 60),
    **dict.fromkeys(("shell_history", "mdfind", "mdls", "system_profiler"), 300),
    **dict.fromkeys(("rpm_package_files", "package_bom", "prefetch", "shellbags"), 3600),
}
"""Table → the shortest interval in seconds that is fair to the host."""

BY_PATH = frozenset({
    "file", "hash", "yara", "yara_file", "signature", "authenticode", "extended_attributes",
    "magic", "mdls", "plist", "ntfs_acl_permissions",
})  # fmt: skip
"""Tables that look at the files their ``path`` or ``directory`` asks for."""

WALK = 300
HASH_FOLDER = 600
HASH_WALK = 3600
"""Seconds for a ``%%`` pattern, for digests of one folder, and for digests of a whole tree."""

_VOLATILE = """
processes resident_size total_size user_time system_time disk_bytes_read disk_bytes_written
    wired_size elapsed_time percent_processor_time handle_count elevated_token
interface_details ibytes obytes ipackets opackets ierrors oerrors idrops odrops collisions
    last_change
memory_info memory_available memory_free buffers cached swap_cached active inactive swap_free
uptime days hours minutes seconds total_seconds
time weekday year month day hour minutes seconds unix_time local_time timestamp datetime iso_8601
    win_timestamp
load_average average
cpu_time user nice system idle iowait irq softirq steal guest guest_nice
cpu_info load_percentage current_clock_speed
mounts blocks_free blocks_available inodes_free
osquery_schedule executions last_executed output_size wall_time wall_time_ms last_wall_time_ms
    user_time last_user_time system_time last_system_time average_memory last_memory
osquery_info start_time
docker_container_stats read preread interval disk_read disk_write cpu_total_usage
    system_cpu_usage memory_usage network_rx_bytes network_tx_bytes
file atime
shared_memory atime dtime ctime attached
battery percent_remaining minutes_until_empty current_capacity amperage voltage
virtual_memory_info free active inactive page_ins page_outs
"""
_PART = " "


def _words(text: str) -> dict[str, frozenset[str]]:
    """Table → columns; an indented line goes on with the table before."""
    found: dict[str, frozenset[str]] = {}
    for line in text.strip().replace("\n    ", _PART).splitlines():
        table, *columns = line.split()
        found[table] = frozenset(columns)
    return found


VOLATILE = _words(_VOLATILE)
"""Table → columns that differ from one run to the next on a host where nothing happens."""

MANY_VALUES = frozenset({
    "pid", "parent", "ppid", "pgroup", "tid", "path", "cmdline", "cwd", "root", "inode", "fd",
    "socket", "start_time", "time", "atime", "mtime", "ctime", "btime", "remote_address",
    "remote_port", "local_port", "md5", "sha1", "sha256", "key", "uuid", "command", "eid", "size",
    "resident_size", "total_size", "user_time", "system_time", "filename", "directory", "hostnames",
    "unix_time", "local_time", "datetime", "timestamp", "session_id", "message",
})  # fmt: skip
"""Columns that name one of many: as tags they make a series of each."""

FEW_VALUES = frozenset({("mounts", "path"), ("users", "directory"), ("kernel_info", "path")})
"""Columns named so that have few values all the same."""
