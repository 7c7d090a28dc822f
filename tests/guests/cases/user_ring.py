"""A ring that user space writes and a program reads, in an object of clang's."""

import mmap
import struct
import time

SINCE = (6, 1)
LIBBPF = False  # objects of clang's are compared elsewhere
MACHINES = ("x86_64",)
FOREIGN = "maps_rings"
HEADER = 8


def check(session):
    fd, page = session._loaded.maps["orders"].fd, mmap.PAGESIZE
    consumed = mmap.mmap(fd, page, prot=mmap.PROT_READ)
    written = mmap.mmap(fd, 2 * page, offset=page)  # how far it is written, and what is there
    struct.pack_into("=IIQ", written, page, 8, 0, 77)
    struct.pack_into("=Q", written, 0, HEADER + 8)
    end = time.monotonic() + 10
    while struct.unpack_from("=Q", consumed)[0] != HEADER + 8:
        assert time.monotonic() < end, struct.unpack_from("=Q", consumed)
        time.sleep(0.01)
