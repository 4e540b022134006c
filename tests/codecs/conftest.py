"""The real servers, for tests of this room."""

from tests.real.servers import telegraf_program

__all__ = ["telegraf_program"]
