"""The tree of errors, grouped by what to do next.

TelegrafOsqueryError
├── FixSettingsError            exit 2, never retried
│   ├── ConfigError             a setting
│   ├── PackError               a pack file or one of its queries
│   └── SecretError             a secret reference that cannot be read
├── TryLaterError               back off; the runtime decides
│   ├── EngineUnavailable       the engine does not answer
│   ├── StoreBusy               another process owns the state file
│   └── StoreDamaged            the state file is not sound; the next start sets it aside
└── BadItemError                counted, kept aside, the rest goes on
    ├── QueryError              the SQL, with the engine's reason
    │   └── QueryRefused        the guard's policy does not allow it
    ├── QueryTimeout            the deadline passed
    ├── RunClosed               the run is not open (any more): its lane was given up
    └── CodecError              bytes that are not what they should be

A message says in this order: where, what was found, what was expected, what to do.
"""

EXIT_SETTINGS = 2
EXIT_LATER = 75  # EX_TEMPFAIL of sysexits.h: a supervisor may start us again
EXIT_FAILED = 1


class TelegrafOsqueryError(Exception):
    """Root of all errors raised on purpose."""

    exit_code = EXIT_FAILED


class FixSettingsError(TelegrafOsqueryError):
    """Only a person can cure this: change a setting, a pack, a permission."""

    exit_code = EXIT_SETTINGS


class ConfigError(FixSettingsError):
    """A setting is wrong; the message has file, key path, value and what is allowed."""


class PackError(FixSettingsError):
    """A pack cannot be used; the message has file and, where it is one query's fault, its name."""


class SecretError(FixSettingsError):
    """A secret reference is malformed or names nothing."""


class TryLaterError(TelegrafOsqueryError):
    """Nothing is wrong with the request; the other side is not there now."""

    exit_code = EXIT_LATER


class EngineUnavailable(TryLaterError):  # noqa: N818 - a state, not a mistake
    """The engine cannot be reached or has died."""


class StoreBusy(TryLaterError):  # noqa: N818 - a state, not a mistake
    """Another process holds the state file."""


class StoreDamaged(TryLaterError):  # noqa: N818 - a state, not a mistake
    """The state file is not sound; the next start sets it aside."""


class BadItemError(TelegrafOsqueryError):
    """This one item is bad; the others are not touched by it."""


class QueryError(BadItemError):
    """The SQL cannot be answered.

    Attributes:
        sql: the text that was asked.
        code: SQLite's primary result code, 0 when the engine gave none.
    """

    def __init__(self, message: str, *, sql: str = "", code: int = 0) -> None:
        super().__init__(message)
        self.sql = sql
        self.code = code


class QueryRefused(QueryError):  # noqa: N818 - a state, not a mistake
    """The guard does not let this SQL reach an engine."""


class QueryTimeout(BadItemError):  # noqa: N818 - a state, not a mistake
    """The deadline passed before the answer was complete."""


class RunClosed(BadItemError):  # noqa: N818 - a state, not a mistake
    """The run is not open: its lane was given up, or the one before was never ended."""


class CodecError(BadItemError):
    """Bytes that cannot be decoded.

    Attributes:
        line: 1-based line of the fault, 0 when unknown.
        column: 1-based byte column of the fault, 0 when unknown.
    """

    def __init__(self, message: str, *, line: int = 0, column: int = 0) -> None:
        super().__init__(message)
        self.line = line
        self.column = column
