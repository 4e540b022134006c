"""A file layer for SQLite that knows what has reached the disk and what has not.

Everything is held in memory: per file the bytes as the process sees them, the bytes as they were at
the last sync, and the writes since. ``cut`` writes to a folder what a disk could hold when the
power goes now, ``kill`` what it holds when only the process dies.
"""

import os
import random
from collections.abc import Callable
from pathlib import Path

import apsw

SECTOR = 512


class Disk:
    """The files, and a hook called after every event that changes what a cut would leave."""

    def __init__(self) -> None:
        self.live: dict[str, bytearray] = {}
        self.synced: dict[str, bytes] = {}
        self.pending: dict[str, list[tuple[int, bytes]]] = {}
        self.syncs = 0
        self.on_event: Callable[[], None] = lambda: None

    def open(self, path: str) -> None:
        if path not in self.live:
            known = Path(path).read_bytes() if os.path.exists(path) else b""
            self.live[path] = bytearray(known)
            self.synced[path] = known
            self.pending[path] = []

    def write(self, path: str, data: bytes, offset: int) -> None:
        live = self.live[path]
        if len(live) < offset:
            live.extend(bytes(offset - len(live)))
        live[offset : offset + len(data)] = data
        self.pending[path].append((offset, data))
        self.on_event()

    def truncate(self, path: str, size: int) -> None:
        del self.live[path][size:]
        self.on_event()

    def sync(self, path: str) -> None:
        self.synced[path] = bytes(self.live[path])
        self.pending[path].clear()
        self.syncs += 1
        self.on_event()

    def kill(self, folder: Path) -> None:
        """What the page cache holds: all that was written."""
        for path, live in self.live.items():
            (folder / os.path.basename(path)).write_bytes(live)

    def cut(self, folder: Path, chance: random.Random, kept: float) -> None:
        """What was synced, and of the rest any sectors, each with the probability ``kept``."""
        for path, synced in self.synced.items():
            data = bytearray(synced)
            for offset, written in self.pending[path]:
                for start in range(0, len(written), SECTOR):
                    if chance.random() < kept:
                        sector = written[start : start + SECTOR]
                        at = offset + start
                        data.extend(bytes(max(0, at - len(data))))
                        data[at : at + len(sector)] = sector
            (folder / os.path.basename(path)).write_bytes(data)


class File:
    """One open file, in the shape of ``apsw.VFSFile``."""

    def __init__(self, disk: Disk, path: str) -> None:
        self._disk = disk
        self._path = path
        disk.open(path)

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802 - SQLite's names
        return bytes(self._disk.live[self._path][offset : offset + amount])

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        self._disk.write(self._path, bytes(data), offset)

    def xTruncate(self, size: int) -> None:  # noqa: N802
        self._disk.truncate(self._path, size)

    def xSync(self, flags: int) -> None:  # noqa: N802, ARG002
        self._disk.sync(self._path)

    def xFileSize(self) -> int:  # noqa: N802
        return len(self._disk.live[self._path])

    def xLock(self, level: int) -> None:  # noqa: N802
        """Nobody else is here."""

    def xUnlock(self, level: int) -> None:  # noqa: N802
        """Nobody else is here."""

    def xCheckReservedLock(self) -> bool:  # noqa: N802
        return False

    def xFileControl(self, op: int, pointer: int) -> bool:  # noqa: N802, ARG002
        return False

    def xSectorSize(self) -> int:  # noqa: N802
        return SECTOR

    def xDeviceCharacteristics(self) -> int:  # noqa: N802
        return 0

    def xClose(self) -> None:  # noqa: N802
        """The bytes stay with the disk."""


class PowerVFS(apsw.VFS):
    """SQLite's file layer over a ``Disk``; unregistered when it is dropped."""

    def __init__(self, name: str, disk: Disk) -> None:
        super().__init__(name, "")
        self.name = name
        self._disk = disk

    def xOpen(  # type: ignore[override]  # noqa: N802
        self,
        name: apsw.URIFilename | str | None,
        flags: list[int],  # noqa: ARG002
    ) -> File:
        path = name.filename() if isinstance(name, apsw.URIFilename) else str(name)
        return File(self._disk, path)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802, ARG002
        for held in (self._disk.live, self._disk.synced, self._disk.pending):
            held.pop(filename, None)

    def xAccess(self, pathname: str, flags: int) -> bool:  # noqa: N802, ARG002
        return pathname in self._disk.live
