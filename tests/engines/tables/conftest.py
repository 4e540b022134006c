"""What several tests of the tables stand on."""

import ctypes
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

DETACH = 2


@pytest.fixture
def dead(tmp_path: Path) -> Iterator[Path]:
    """A FUSE mount whose program never answers."""
    folder = tmp_path / "dead mount"
    folder.mkdir()
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        pytest.skip(f"/dev/fuse cannot be opened here: {error}")
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0".encode()
    target = os.fsencode(folder)
    try:
        if libc.mount(b"dead", target, b"fuse.dead", 0, options):
            pytest.skip(f"FUSE cannot be mounted here: {os.strerror(ctypes.get_errno())}")
        yield folder
    finally:
        libc.umount2(target, DETACH)
        os.close(device)  # ends the connection: whoever waits for it gets an error
