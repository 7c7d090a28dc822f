"""The index of a large BTF on disk, so that it is made once for each kernel and not by each process.

It is kept under the hash of the BTF. To hash 6 MB takes longer than all the rest, so for the running kernel the hash
itself is kept as well, with the number of the boot: as long as that is the same, so are the kernel and its types.
Everything read back is data, checked by `cache` for owner and mode and here for damage.
"""

from __future__ import annotations

import struct
import sys
import zlib
from typing import Final

from pyebpf import cache
from pyebpf.kernel.btf_index import GrowingIndex, Index, make_index
from pyebpf.kernel.btf_sections import FIXED, Sections

_VERSION: Final = 2
"""Of the cached form; part of its file name."""
_WORTH_CACHING: Final = 256 << 10
"""Bytes of BTF from which reading the index back is faster than making it."""
_HEADER: Final = struct.Struct("=8sIII")
_MAGIC: Final = b"pbtfidx" + (b"<" if sys.byteorder == "little" else b">")
_RUNNING: Final = f"btf-running-{_VERSION}"
_BOOT: Final = "/proc/sys/kernel/random/boot_id"


def open_index(sections: Sections, *, running: bool = False) -> Index | GrowingIndex:
    """The index: whole where that is quick. `running`: it is the running kernel's. Raises BtfError."""
    if len(sections.data) < _WORTH_CACHING or sections.base is not None:  # whose names are by its base's strings, too
        return make_index(sections)
    hashed = _hash_of_running(len(sections.data)) if running else None
    index = _cached(hashed, sections) if hashed is not None else None
    if index is not None:
        return index
    return GrowingIndex(sections, lambda: _index_of(sections, running))


def _index_of(sections: Sections, running: bool) -> Index:
    """The index, from the cache or made. Raises BtfError."""
    from hashlib import blake2b  # takes longer to import than a lookup takes

    hashed = blake2b(sections.data, digest_size=20).hexdigest()
    index = _cached(hashed, sections)
    if index is None:
        index = make_index(sections)
        cache.write(_name(hashed), pack_index(index))
    if running and (boot := _boot()):
        cache.write(_RUNNING, f"{boot} {len(sections.data)} {hashed}".encode())
    return index


def _name(hashed: str) -> str:
    return f"btf-{hashed}-{_VERSION}"


def _cached(hashed: str, sections: Sections) -> Index | None:
    packed = cache.read(_name(hashed))
    return unpack_index(packed, sections) if packed is not None else None


def _hash_of_running(length: int) -> str | None:
    """The hash of the running kernel's BTF, if it was made since the machine was started."""
    words = (cache.read(_RUNNING) or b"").decode("ascii", "replace").split()
    if len(words) != 3 or words[0] != _boot() or words[1] != str(length):
        return None
    return words[2] if words[2].isalnum() else None


def _boot() -> str:
    """A random number that each start of a machine has of its own; "" if it can't be read."""
    try:
        with open(_BOOT, "rb") as file:
            return file.read(64).decode("ascii", "replace").strip()
    except OSError:
        return ""


def pack_index(index: Index) -> bytes:
    """The cached form: header with lengths and checksum, then both arrays."""
    body = index.offsets.tobytes() + index.by_name.tobytes()
    return _HEADER.pack(_MAGIC, len(index.offsets), len(index.by_name), zlib.crc32(body)) + body


def unpack_index(packed: bytes, sections: Sections) -> Index | None:
    """The index in `packed`, or None if it is damaged or can't belong to this BTF."""
    if len(packed) < _HEADER.size:
        return None
    magic, count, named, checksum = _HEADER.unpack_from(packed)
    body = memoryview(packed)[_HEADER.size :]
    if magic != _MAGIC or len(body) != count * 4 + named * 8 or named > count or zlib.crc32(body) != checksum:
        return None
    offsets, by_name = body[: count * 4].cast("I"), body[count * 4 :].cast("Q")
    if count and (offsets[0] or offsets[-1] > sections.header.type_length - FIXED):
        return None
    return Index(sections, offsets, by_name)
