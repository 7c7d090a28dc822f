"""Just enough of rtnetlink: one request, its acknowledgement, and what the kernel says besides.

A socket stays in the network namespace that it was made in, wherever its process goes.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator, Mapping
from typing import Final, final

REQUEST: Final = 0x001
ACK: Final = 0x004
ECHO: Final = 0x008
DUMP: Final = 0x300
CREATE: Final = 0x400
EXCL: Final = 0x200
NLMSG_ERROR: Final = 2
NLMSG_DONE: Final = 3
_HEADER: Final = struct.Struct("=IHHII")
_NESTED: Final = 0x8000
_TYPE_MASK: Final = 0x3FFF
MOST: Final = 1 << 16


def attribute(kind: int, data: bytes) -> bytes:
    """One attribute, padded to four bytes."""
    return struct.pack("=HH", 4 + len(data), kind) + data + bytes(-len(data) % 4)


def nested(kind: int, *attributes: bytes) -> bytes:
    """Attributes in an attribute."""
    return attribute(kind | _NESTED, b"".join(attributes))


def attributes(data: bytes) -> Mapping[int, bytes]:
    """What is in `data`, by type."""
    found = {}
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        if length < 4:
            break
        found[kind & _TYPE_MASK] = data[4:length]
        data = data[length + 3 & ~3 :]
    return found


@final
class Netlink:
    """A socket of the present network namespace."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
        self._socket.settimeout(5)
        self._socket.bind((0, 0))
        self._number = 0
        self.process = os.getpid()

    def ask(self, kind: int, flags: int, body: bytes) -> list[tuple[int, bytes]]:
        """Send a request; the messages that come before its end, each a type and its body. Raises OSError."""
        self._number += 1
        header = _HEADER.pack(_HEADER.size + len(body), kind, flags | REQUEST, self._number, 0)
        self._socket.send(header + body)
        found: list[tuple[int, bytes]] = []
        while True:
            for type, number, data in _messages(self._socket.recv(MOST)):
                if number != self._number:
                    continue
                if type == NLMSG_ERROR:
                    code = -int(struct.unpack_from("=i", data)[0])
                    if code:
                        raise OSError(code, os.strerror(code))
                    return found
                if type == NLMSG_DONE:
                    return found
                found.append((type, data))

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Netlink:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _messages(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Type, number and body of each message."""
    while len(data) >= _HEADER.size:
        length, kind, _, number, _ = _HEADER.unpack_from(data)
        if length < _HEADER.size:
            return
        yield kind, number, data[_HEADER.size : length]
        data = data[length + 3 & ~3 :]
