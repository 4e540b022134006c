"""Speed and bus address of an interface, by the ioctl of ethtool(8)."""

import array
import fcntl
import socket
import struct

_SIOCETHTOOL = 0x8946
_GET_SETTINGS, _GET_DRIVER = 0x1, 0x3
_SETTINGS_SIZE, _SPEED_AT, _SPEED_HIGH_AT = 44, 12, 28  # struct ethtool_cmd
_DRIVER_SIZE, _BUS_AT, _BUS_SIZE = 196, 100, 32  # struct ethtool_drvinfo
_UNKNOWN = 0xFFFFFFFF
_REQUEST = struct.Struct("16sP16x")  # struct ifreq: name, pointer to the command


def _ask(control: socket.socket, name: str, command: int, size: int) -> bytes:
    """The command's structure as the driver filled it, ``b""`` where it has no such command."""
    place = array.array("B", struct.pack("=I", command).ljust(size, b"\0"))
    request = _REQUEST.pack(name.encode(), place.buffer_info()[0])
    try:
        fcntl.ioctl(control, _SIOCETHTOOL, request)
    except OSError:
        return b""
    return place.tobytes()


def speed(control: socket.socket, name: str) -> int:
    """Mbit/s, 0 where the driver does not know."""
    data = _ask(control, name, _GET_SETTINGS, _SETTINGS_SIZE)
    if not data:
        return 0
    (low,), (high,) = (struct.unpack_from("=H", data, at) for at in (_SPEED_AT, _SPEED_HIGH_AT))
    found = int(high << 16 | low)
    return 0 if found == _UNKNOWN else found


def bus(control: socket.socket, name: str) -> str:
    """The bus address such as ``0000:00:1f.6``, ``-1`` where the driver has none to give."""
    data = _ask(control, name, _GET_DRIVER, _DRIVER_SIZE)
    if not data:
        return "-1"
    return data[_BUS_AT : _BUS_AT + _BUS_SIZE].partition(b"\0")[0].decode("utf-8", "replace")
