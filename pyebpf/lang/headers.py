"""Packet headers: `packet.parse(Ethernet)`."""

from __future__ import annotations

from pyebpf.kernel.headers import HEADERS, Header


class HeaderType:
    """A packet header, as `packet.parse` takes it."""

    def __init__(self, header: Header) -> None:
        self.header = header
        self.__name__ = header.struct.name

    def __repr__(self) -> str:
        return f"<pyebpf header {self.__name__}>"


TYPES = {header.struct.name: HeaderType(header) for header in HEADERS}
