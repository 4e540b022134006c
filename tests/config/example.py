"""Settings with one of everything."""

from typing import Annotated, Literal

from msgspec import Meta

from telegraf_osquery.config.settings import Settings
from telegraf_osquery.config.units import Duration, Size


class Lane(Settings):
    """A table met in several places."""

    name: Annotated[str, Meta(description="Name of the lane.", examples=["slow"], min_length=1)]
    timeout: Annotated[
        Duration, Meta(description="How long a query may take.", extra={"min": 1, "max": 60})
    ] = Duration(10)


class Disk(Settings, tag="disk"):
    """One kind of buffer."""

    room: Annotated[Size, Meta(description="Room it may take.", extra={"max": 1 << 30})] = Size(
        1 << 20
    )


class Memory(Settings, tag="memory"):
    """Another kind of buffer."""

    rows: int = 1000


class Example(Settings):
    """The whole file."""

    endpoint: Annotated[str, Meta(description="Where to.", examples=["http://127.0.0.1:8086"])]
    mode: Annotated[Literal["fast", "slow"], Meta(description="Mode of work.")] = "fast"
    rows: Annotated[int, Meta(ge=1, le=9, description="Rows per second, in thousands.")] = 3
    share: Annotated[float, Meta(gt=0, description="Share of a core.")] = 0.5
    quiet: bool = False
    password: str | None = None
    key: Annotated[str, Meta(extra={"secret": True})] = ""
    columns: tuple[str, ...] = ()
    tags: dict[str, str] = {}  # noqa: RUF012 - msgspec copies it
    free: dict[str, Lane] = {}  # noqa: RUF012 - msgspec copies it
    main: Annotated[Lane, Meta(description="The lane that is always there.")] = Lane("main")
    lanes: Annotated[tuple[Lane, ...], Meta(description="More lanes.")] = ()
    buffer: Annotated[Disk | Memory | None, Meta(description="Where rows wait.")] = None
