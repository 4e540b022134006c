"""``version``."""

import sys

from telegraf_osquery import VERSION
from telegraf_osquery.schema.spec import RELEASE


def version() -> None:
    """Print the version, that of the schema and of Python."""
    python = ".".join(map(str, sys.version_info[:3]))
    sys.stdout.write(f"telegraf-osquery {VERSION} (osquery schema {RELEASE}, Python {python})\n")
