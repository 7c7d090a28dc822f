"""A block request: which sector of which disk, how many bytes, and what is to be done with them."""

import mmap
import os
import subprocess
import tempfile
from pathlib import Path

from pyebpf import Array, Global, Kernel, char, fentry, pid, struct, u16, u32, u64

SINCE = (5, 10)
JIT = True
LATER = {"aarch64": (6, 4)}
PORTABLE = True
MODULES = ("loop",)


@struct
class Request:
    sector: u64
    size: u32
    operation: u32
    parts: u16
    disk: char[32]


watched = Global[u32](0)
found = Array[Request](max_entries=1)


@fentry("submit_bio")
def read_bio(bio):
    if pid() != watched.value:
        return
    out = found[0]
    out.sector = bio.bi_iter.bi_sector
    out.size = bio.bi_iter.bi_size
    out.operation = bio.bi_opf & 0xFF
    out.parts = bio.bi_vcnt
    if hasattr(bio, "bi_bdev"):
        out.disk = bio.bi_bdev.bd_disk.disk_name
    else:  # before 5.12
        disk: Kernel["struct gendisk"] = bio.bi_disk
        out.disk = disk.disk_name


def check(session):
    with tempfile.NamedTemporaryFile(dir="/run") as backing, mmap.mmap(-1, 8192) as data:
        os.truncate(backing.name, 1 << 20)
        made = subprocess.run(["losetup", "--find", "--show", backing.name], check=True, capture_output=True, text=True)
        device = made.stdout.strip()
        try:
            disk = os.open(device, os.O_RDWR | os.O_DIRECT)
            session.variables["watched"].value = os.getpid()
            os.pwritev(disk, [data], 16 * 512)
            session.variables["watched"].value = 0
            os.close(disk)
        finally:
            subprocess.run(["losetup", "--detach", device], check=True)
    out = session.maps["found"][0]
    assert (out.sector, out.size, out.operation) == (16, 8192, 1)  # REQ_OP_WRITE
    assert out.disk == Path(device).name
