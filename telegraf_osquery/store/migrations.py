"""The tables of the state file, as steps from one version to the next.

``PRAGMA user_version`` holds the version, ``application_id`` says that the file is ours. Steps are
only ever added.
"""

import apsw

from telegraf_osquery.errors import ConfigError

APPLICATION_ID = 0x746F7371  # "tosq"

STEPS = (
    """
    CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE moment (kind TEXT PRIMARY KEY, time INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE run (
      host TEXT NOT NULL, measurement TEXT NOT NULL, pack TEXT NOT NULL, query TEXT NOT NULL,
      base INTEGER NOT NULL, run INTEGER NOT NULL, rows INTEGER NOT NULL, span INTEGER NOT NULL,
      rows_total INTEGER NOT NULL, outcome TEXT NOT NULL, sql_digest TEXT NOT NULL,
      PRIMARY KEY (host, measurement)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE schedule (
      pack TEXT NOT NULL, query TEXT NOT NULL, sql_digest TEXT NOT NULL DEFAULT '',
      last_run INTEGER NOT NULL DEFAULT 0, outcome TEXT NOT NULL DEFAULT '',
      executions INTEGER NOT NULL DEFAULT 0, rows INTEGER NOT NULL DEFAULT 0,
      bytes INTEGER NOT NULL DEFAULT 0, last_wall_ms REAL NOT NULL DEFAULT 0,
      last_cpu_ms REAL NOT NULL DEFAULT 0, wall_ms REAL NOT NULL DEFAULT 0,
      cpu_ms REAL NOT NULL DEFAULT 0, denylisted_until INTEGER NOT NULL DEFAULT 0,
      denylist_reason TEXT NOT NULL DEFAULT '', PRIMARY KEY (pack, query)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE state (
      namespace TEXT NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, PRIMARY KEY (namespace, key)
    ) STRICT, WITHOUT ROWID;
    """,
)


def migrate(connection: apsw.Connection, path: str, steps: tuple[str, ...] = STEPS) -> None:
    """Bring the file to the version of ``steps``, in one transaction.

    Raises:
        ConfigError: the file is newer, or belongs to another program.
    """
    version = check(connection, path, steps)
    if version == len(steps):
        return
    with connection:
        for step in steps[version:]:
            connection.execute(step)
        connection.pragma("user_version", len(steps))
        connection.pragma("application_id", APPLICATION_ID)


def check(connection: apsw.Connection, path: str, steps: tuple[str, ...] = STEPS) -> int:
    """The version of the file; raises as ``migrate``."""
    version = int(connection.pragma("user_version"))
    owner = int(connection.pragma("application_id"))
    tables = connection.execute("SELECT count(*) FROM sqlite_schema").get
    if owner != APPLICATION_ID and (owner or version or tables):
        raise ConfigError(
            f"{path}: is another program's database; expected a state file of telegraf-osquery; "
            f"move it away or set state_dir"
        )
    if version > len(steps):
        raise ConfigError(
            f"{path}: found state version {version}; expected at most {len(steps)}; it was written "
            f"by a newer telegraf-osquery: install that, or move the file away for a new start"
        )
    return version
