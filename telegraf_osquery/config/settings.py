"""The base of every settings Struct."""

import msgspec


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Frozen, and an unknown key is an error.

    A field's documentation is its annotation, read for the sample, the schema and messages::

        timeout: Annotated[Duration, Meta(description="...", extra={"min": 1})] = Duration(10)

    ``Meta`` may carry ``examples=[...]`` (the first one stands in the sample where there is no
    default) and ``extra`` with ``min``/``max`` (for Duration and Size, which msgspec cannot
    compare) and ``secret`` (the value is never printed).
    """
