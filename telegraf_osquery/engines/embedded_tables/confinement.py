"""selinux_settings and apparmor_profiles: what the kernel confines programs with.

Sources of the rules: osquery/tables/system/linux/selinux_settings.cpp and apparmor_profiles.cpp.
"""

from collections.abc import Iterator

from telegraf_osquery.engines.embedded_tables.ask import Ask, Table
from telegraf_osquery.engines.embedded_tables.content import clean
from telegraf_osquery.engines.embedded_tables.mounts import read_mounts
from telegraf_osquery.engines.embedded_tables.walk import listing

_KEYS = ("checkreqprot", "deny_unknown", "enforce", "mls", "policyvers", "reject_unknown")
_SCOPES = ("booleans", "policy_capabilities", "initial_contexts")
_BOOLEANS = {"0 0": "off", "1 1": "on"}
_PROFILES = "/sys/kernel/security/apparmor/policy/profiles"
_FILES = ("name", "attach", "mode", "sha1", "sha256")


def _selinux_settings(ask: Ask) -> Iterator[tuple[str, str, str]]:
    """Scope, key, value; a boolean that waits for its commit does not show."""
    top = next((mount.path for mount in read_mounts(ask) if mount.type == "selinuxfs"), "")
    if not top:
        return
    for key in _KEYS:
        yield "", key, _text(ask, f"{top}/{key}") or ""
    for scope in _SCOPES:
        for path in listing(ask, f"{top}/{scope}", ()):
            value = _text(ask, path)
            value = _BOOLEANS.get(value or "") if scope == _SCOPES[0] else value
            if value is not None:
                yield scope, clean(path.rpartition("/")[2]), value
    for path in listing(ask, f"{top}/class", (), folders=True):
        name = clean(path.rpartition("/")[2])
        for permission in listing(ask, f"{path}/perms", ()):
            yield "class", f"{name}/perms", clean(permission.rpartition("/")[2])


def _text(ask: Ask, path: str) -> str | None:
    """The file's text up to a NUL; None when it cannot be read."""
    data = ask.read(path)
    return None if data is None else data.partition(b"\0")[0].decode("utf-8", "replace")


def _apparmor_profiles(ask: Ask) -> Iterator[tuple[str, ...]]:
    """A profile below another is named after both; one that is not whole is left out."""
    stack = [("", path) for path in listing(ask, _PROFILES, (), folders=True)]
    while stack:
        parent, folder = stack.pop()
        texts = [_text(ask, f"{folder}/{file}") for file in _FILES]
        if None in texts[:3]:
            continue
        name, *more = ((text or "").strip() for text in texts)
        yield f"{parent}//{name}" if parent else name, name, *more
        below = listing(ask, f"{folder}/profiles", (), folders=True)
        stack += [(name, path) for path in below]


TABLES = {
    "selinux_settings": Table(("scope", "key", "value"), _selinux_settings),
    "apparmor_profiles": Table(
        ("path", *_FILES),
        _apparmor_profiles,
        lacks="all rows: the profiles are shown to root only",
    ),
}
