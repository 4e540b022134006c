"""Where state files live, and who may touch them.

The first that applies: the setting, ``$STATE_DIRECTORY`` (systemd's ``StateDirectory=``),
``/var/lib/telegraf-osquery`` where it can be written, the XDG state folder.
"""

import os
import re
import stat
from collections.abc import Mapping

from telegraf_osquery.errors import ConfigError

FOLDER = "telegraf-osquery"
SYSTEM_FOLDER = f"/var/lib/{FOLDER}"
FOLDER_MODE = 0o700
FILE_MODE = 0o600

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


def state_dir(setting: str, environ: Mapping[str, str]) -> str:
    """The folder for state files; ``setting`` is the user's choice, empty for none.

    Raises:
        ConfigError: no folder can be told.
    """
    if setting:
        return os.path.abspath(setting)
    # systemd lists several folders with colons between them; the first is the unit's own.
    if given := environ.get("STATE_DIRECTORY", "").split(":")[0]:
        return given
    if _may_write(SYSTEM_FOLDER):
        return SYSTEM_FOLDER
    if xdg := environ.get("XDG_STATE_HOME", ""):
        return os.path.join(xdg, FOLDER)
    if home := environ.get("HOME", ""):
        return os.path.join(home, ".local", "state", FOLDER)
    raise ConfigError(
        f"state_dir: not set, and neither STATE_DIRECTORY nor HOME is, and {SYSTEM_FOLDER} cannot "
        f"be written; expected a folder for state; create {SYSTEM_FOLDER} for this user or set "
        f"state_dir"
    )


def state_path(folder: str, role: str, name: str) -> str:
    """The state file of one process instance: ``<folder>/<role>-<name>.db``.

    Raises:
        ConfigError: the name cannot be part of a file name.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f'name: found "{name}"; expected up to 64 letters, digits, "_", "." or "-", beginning '
            f"with a letter or digit; choose another name for this instance"
        )
    return os.path.join(folder, f"{role}-{name}.db")


def prepare(folder: str) -> None:
    """Make the folder (0700) or check that nobody else may write into the one that is there.

    A folder that others may only read is left as it is: the files in it are 0600, and a folder that
    the user named is not ours to close.

    Raises:
        ConfigError: it cannot be made, is no folder, cannot be written or can be by others.
    """
    try:
        os.makedirs(folder, FOLDER_MODE)
        os.chmod(folder, FOLDER_MODE)  # the umask may have taken bits away
    except FileExistsError:
        _check(folder)
    except OSError as error:
        raise ConfigError(
            f"{folder}: cannot be made ({error.strerror}); expected a folder for state; create it "
            f"for uid {os.geteuid()} or set state_dir"
        ) from None


def create(path: str) -> int:
    """Open or create a private file (0600 whatever the umask); returns its descriptor.

    Made by root in another user's folder it is given to that user, who could not start otherwise
    after a trial run as root.

    Raises:
        ConfigError: not possible.
    """
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    try:
        descriptor = os.open(path, flags, FILE_MODE)
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be opened ({error.strerror}); expected a file that uid {os.geteuid()} "
            f"may write; correct its owner or set state_dir"
        ) from None
    if os.name == "posix":
        os.fchmod(descriptor, FILE_MODE)
        if os.geteuid() == 0:
            owner = os.stat(os.path.dirname(path))
            os.fchown(descriptor, owner.st_uid, owner.st_gid)
    return descriptor


def _check(folder: str) -> None:
    status = os.stat(folder)
    found = ""
    if not stat.S_ISDIR(status.st_mode):
        found = "is not a folder"
    elif os.name == "posix" and status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        found = f"may be written by others (mode {stat.S_IMODE(status.st_mode):04o})"
    elif not os.access(folder, os.W_OK | os.X_OK):
        found = f"cannot be written by uid {os.geteuid()}"
    if found:
        raise ConfigError(
            f"{folder}: {found}; expected a folder of this user's own, mode 0700; correct it "
            f"(chown, chmod 700) or set state_dir to another"
        )


def _may_write(folder: str) -> bool:
    place = folder if os.path.isdir(folder) else os.path.dirname(folder)
    return os.access(place, os.W_OK | os.X_OK)
