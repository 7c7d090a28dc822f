"""AF_XDP sockets, in copy mode, by hand."""

from __future__ import annotations

import ctypes
import mmap
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager

from run_kernel import LIBC

AF_XDP, SOL_XDP = 44, 283
XDP_MMAP_OFFSETS, XDP_RX_RING, XDP_UMEM_REG, XDP_UMEM_FILL_RING, XDP_UMEM_COMPLETION_RING = 1, 2, 4, 5, 6
XDP_COPY = 2
RX_PAGES, FILL_PAGES = 0, 0x1_0000_0000
CHUNK, COUNT = 4096, 8


class Receiver:
    """A socket of one queue of an interface, with memory for eight packets (Documentation/networking/af_xdp.rst)."""

    def __init__(self, opened: socket.socket, interface: str, memory: mmap.mmap) -> None:
        start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        self.memory = memory
        region = struct.pack("=QQIIII", start, CHUNK * COUNT, CHUNK, 0, 0, 0)
        opened.setsockopt(SOL_XDP, XDP_UMEM_REG, region)
        for ring in (XDP_UMEM_FILL_RING, XDP_UMEM_COMPLETION_RING, XDP_RX_RING):
            opened.setsockopt(SOL_XDP, ring, struct.pack("=I", COUNT))
        offsets = struct.unpack("=16Q", opened.getsockopt(SOL_XDP, XDP_MMAP_OFFSETS, 128))
        (self.produced, self.consumed, self.descriptors), fill = offsets[:3], offsets[8:11]
        self.received = mmap.mmap(opened.fileno(), self.descriptors + COUNT * 16, offset=RX_PAGES)
        self.free = mmap.mmap(opened.fileno(), fill[2] + COUNT * 8, offset=FILL_PAGES)
        for number in range(COUNT):
            struct.pack_into("=Q", self.free, fill[2] + 8 * number, CHUNK * number)
        struct.pack_into("=I", self.free, fill[0], COUNT)
        bound = struct.pack("=HHIII", AF_XDP, XDP_COPY, socket.if_nametoindex(interface), 0, 0)
        assert not LIBC.bind(opened.fileno(), bound, len(bound)), ctypes.get_errno()

    def packets(self, count: int, patience: float = 2.0) -> list[bytes]:
        """The first packets that came, when there are so many."""
        end = time.monotonic() + patience
        while struct.unpack_from("=I", self.received, self.produced)[0] < count and time.monotonic() < end:
            time.sleep(0.01)
        found = []
        for number in range(struct.unpack_from("=I", self.received, self.produced)[0]):
            at, length, _ = struct.unpack_from("=QII", self.received, self.descriptors + 16 * number)
            found.append(self.memory[at : at + length])
        return found


@contextmanager
def receiver(interface: str) -> Iterator[tuple[socket.socket, Receiver]]:
    with socket.socket(AF_XDP, socket.SOCK_RAW, 0) as opened:
        yield opened, Receiver(opened, interface, mmap.mmap(-1, CHUNK * COUNT))
