"""The tables of the embedded engine, one module per subject.

Each module has ``TABLES``: table name → ``Table``. ``MODULES`` says where a table lives, so that a
module is imported when its first table is used.
"""

MODULES: dict[str, str] = {
    "processes": "processes",
    "mounts": "mounts",
    "arp_cache": "arp",
    "process_open_files": "process_files",
    "process_envs": "process_files",
    "process_open_sockets": "sockets",
    "listening_ports": "sockets",
    "kernel_info": "kernel",
    "kernel_modules": "kernel",
    "system_controls": "kernel",
    "memory_info": "gauges",
    "load_average": "gauges",
    "uptime": "gauges",
    "time": "gauges",
    "os_version": "release",
    "system_info": "system",
    "osquery_info": "agent",
    "osquery_schedule": "agent",
    "users": "accounts",
    "groups": "accounts",
    "user_groups": "accounts",
    "last": "logins",
    "logged_in_users": "logins",
    "crontab": "cron",
    "authorized_keys": "ssh",
    "suid_bin": "suid",
    "file": "files",
    "hash": "hashes",
    "deb_packages": "dpkg",
    "etc_hosts": "hosts",
    "interface_details": "interfaces",
    "interface_addresses": "interfaces",
    "routes": "routes",
    "dns_resolvers": "resolver",
    "etc_services": "resolver",
    "cpu_info": "smbios",
}
