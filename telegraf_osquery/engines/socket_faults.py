"""Why osqueryd's socket cannot be reached, and what to do about it."""

import os
import stat

from telegraf_osquery.errors import EngineUnavailable


def unreachable(path: str, error: OSError) -> EngineUnavailable:
    """The error of a failed connect, with its cure."""
    if isinstance(error, FileNotFoundError):
        return EngineUnavailable(
            f"socket {path}: there is none, expected osqueryd to listen there; start osqueryd "
            "(without --disable_extensions), or set the path that its --extensions_socket names"
        )
    if isinstance(error, ConnectionRefusedError):
        return EngineUnavailable(
            f"socket {path}: the file is there but nobody listens, an osqueryd that died left it "
            "behind; start osqueryd, or remove the file"
        )
    if isinstance(error, PermissionError):
        return EngineUnavailable(_forbidden(path))
    return EngineUnavailable(
        f"socket {path}: {error.strerror or error}, expected osqueryd to listen there; check the "
        "path"
    )


def _forbidden(path: str) -> str:
    user = os.geteuid()
    return (
        f"socket {path}: permission denied for user {_name(user)}; {_owner(path)}. Either give "
        "this user read and write rights on it after each start of osqueryd (an ExecStartPost= of "
        f"its unit: setfacl -m u:{_name(user)}:rw {path}, and setfacl -m u:{_name(user)}:x on its "
        "folder), or run `telegraf-osquery collect` as root beside Telegraf"
    )


def _owner(path: str) -> str:
    try:
        found = os.stat(path)
    except OSError:
        return "its folder may not be entered"
    return f"it belongs to {_name(found.st_uid)}, mode {stat.S_IMODE(found.st_mode):04o}"


def _name(user: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)
