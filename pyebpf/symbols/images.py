"""Programs and libraries: their symbols by places in the file. What is read is kept, and outlives the file.

A file's symbols are its own table, or what is left of that in compressed form (`.gnu_debugdata`), or what it exports;
and where its own were stripped off, those of its debug file, which is found by build id or by name (`.gnu_debuglink`).
Files are anybody's: sizes are limited, and what is broken has no symbols.

Sources: the System V ABI; "Separate Debug Files" and "MiniDebugInfo" in the manual of GDB.
"""

from __future__ import annotations

import os
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cached_property
from sys import byteorder
from typing import Final, final

from pyebpf.loader.attach.uprobe_elf import EXECUTABLE, SHT_DYNSYM, SHT_SYMTAB, Binary, BinaryError
from pyebpf.symbols.functions import Functions, Table
from pyebpf.symbols.plt import plt_table

DEBUG: Final = b"/usr/lib/debug"
LARGEST_TABLE: Final = 256 << 20
"""Bytes of one table with its names."""
LARGEST_PACKED: Final = 64 << 20
"""Bytes that compressed symbols may come to."""
LARGEST_DEBUG: Final = 1 << 30
"""Bytes of a debug file that are added up, where that is the only proof that it is the right one."""
KEPT: Final = 256 << 20
"""Bytes of tables that are kept of all files together; those that were asked for longest ago go first."""
MOST_FILES: Final = 8192
LARGEST_AT_ONCE: Final = 16 << 20
"""Bytes of tables that are read from a file before anybody asks for it."""

Open = Callable[[bytes], "int | None"]
"""Opens a regular file by its path, where the process sees it or where this one does."""


class TooLarge(Exception):
    """There are more symbols than may be read now."""


@final
class Image:
    """What is known of a file."""

    def __init__(self, binary: Binary, most: int = LARGEST_TABLE) -> None:
        """Raises BinaryError, OSError, and TooLarge, for tables of more than `most` bytes."""
        self.build_id = binary.build_id
        self.segments = tuple(each for each in binary.segments if each.flags & EXECUTABLE) or binary.segments
        self.whole = False
        self._tables = tuple(self._read(binary, most))
        packed = None if self.whole else binary.section(".gnu_debugdata")
        self._packed = binary.data(packed) if packed is not None and packed.size <= LARGEST_AT_ONCE else b""
        link = binary.section(".gnu_debuglink")
        self.debug_link = binary.data(link) if link is not None and link.size <= 4096 else b""
        self.size = sum(len(part) for table in self._tables for part in table) + len(self._packed)

    def _read(self, binary: Binary, most: int) -> Iterator[Table]:
        for kind in (SHT_SYMTAB, SHT_DYNSYM):
            section = next((each for each in binary.sections if each.type == kind), None)
            if section is None or section.link >= len(binary.sections):
                continue
            names = binary.sections[section.link]
            if section.size + names.size > most:
                raise TooLarge
            yield Table(binary.data(section), binary.data(names))
            if kind == SHT_SYMTAB:  # has all that the other one has
                self.whole = True
                break
        with suppress(BinaryError):
            jumps = plt_table(binary)
            if jumps is not None:
                yield jumps

    @cached_property
    def functions(self) -> Functions:
        """Sorted at the first question, before which `find_debug` is asked."""
        found = Functions((*_unpacked(self._packed), *self._tables))
        self._tables, self._packed = (), b""  # the functions have what they need of them
        return found

    def address_of(self, offset: int) -> int | None:
        """Where an instruction is linked to that lies at `offset` in the file."""
        for segment in self.segments:
            if segment.offset <= offset < segment.offset + segment.size:
                return offset - segment.offset + segment.address
        return None

    def find_debug(self, path: bytes, places: list[Open]) -> None:
        """Take in the symbols of the file's debug file, if it is there, and has them. `path` is the file's own."""
        if self.whole:
            return
        self.whole = True  # looked for once
        for opened in places:
            for name, sure in self._debug_names(path):
                found = self._debug_file(opened, name, sure)
                if found is not None:
                    self._tables = (*found._tables, *self._tables)
                    self.size += found.size
                    return

    def _debug_names(self, path: bytes) -> Iterator[tuple[bytes, bool]]:
        """Where debug files lie; and whether one there with the right build id is sought."""
        number = self.build_id.encode()
        if len(number) > 2:
            yield b"%s/.build-id/%s/%s.debug" % (DEBUG, number[:2], number[2:]), True
        name = self.debug_link.partition(b"\0")[0]
        if name and b"/" not in name:
            folder = path.rpartition(b"/")[0]
            for place in (b"%s/%s", b"%s/.debug/%s", DEBUG + b"%s/%s"):
                yield place % (folder, name), bool(number)

    def _debug_file(self, opened: Open, name: bytes, sure: bool) -> Image | None:
        fd = opened(name)
        if fd is None:
            return None
        with suppress(BinaryError, OSError, TooLarge), Binary(os.fsdecode(name), fd) as binary:
            right = binary.build_id == self.build_id if sure else _sum_of(fd) == self._sum
            found = Image(binary) if right else None
            return found if found is not None and found.whole else None
        return None

    @property
    def _sum(self) -> int:
        """Of the debug file's bytes, which stands behind its name, filled up to words."""
        name = self.debug_link.partition(b"\0")[0]
        at = len(name) + 4 & ~3
        return int.from_bytes(self.debug_link[at : at + 4], byteorder) if len(self.debug_link) >= at + 4 else -1


def _sum_of(fd: int) -> int:
    """As `.gnu_debuglink` has it; -1 for what is too large for that."""
    total = at = 0
    if os.fstat(fd).st_size > LARGEST_DEBUG:
        return -1
    while part := os.pread(fd, 1 << 20, at):
        total = zlib.crc32(part, total)
        at += len(part)
    return total


def _unpacked(packed: bytes) -> tuple[Table, ...]:
    """The tables of a small ELF file that is compressed in a section of another."""
    if not packed:
        return ()
    import lzma

    try:
        data = lzma.LZMADecompressor(lzma.FORMAT_XZ, LARGEST_PACKED).decompress(packed, LARGEST_PACKED)
        return of_bytes(data)._tables
    except (lzma.LZMAError, MemoryError, EOFError, BinaryError, OSError, TooLarge):
        return ()


def of_bytes(data: bytes) -> Image:
    """Of a file that is in memory. Raises BinaryError, OSError, TooLarge."""
    fd = os.memfd_create("image", os.MFD_CLOEXEC)
    with open(fd, "wb", closefd=False) as file:
        file.write(data)
    with Binary("", fd) as binary:
        return Image(binary)


Key = tuple[int, ...]
"""Device, inode, size, and when it was changed: not the build id, which anybody can give to a file of his own."""


@final
class Images:
    """Those that were read, as many as fit."""

    def __init__(self) -> None:
        self._images: OrderedDict[Key, Image | None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._images)

    def get(self, key: Key) -> Image | None:
        """One that was read, if it is kept."""
        image = self._images.get(key)
        if image is not None:
            self._images.move_to_end(key)
        return image

    def read(self, fd: int, path: bytes, most: int = LARGEST_TABLE) -> Key | None:
        """What the open file is known by then; the file is closed. None for one that is no program of this machine's,
        or has more symbols than are ever read. Raises TooLarge for such as have more than `most`, which is less."""
        try:
            status = os.fstat(fd)
        except OSError:
            os.close(fd)
            return None
        key = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        if key in self._images:
            os.close(fd)
            return key if self.get(key) is not None else None
        image: Image | None = None
        try:
            with Binary(os.fsdecode(path), fd) as binary:
                image = Image(binary, most)
        except (BinaryError, OSError):
            pass
        except TooLarge:
            if most < LARGEST_TABLE:
                raise
        self._images[key] = image
        self.limit()
        return None if image is None else key

    def limit(self) -> None:
        """Forget the oldest until the others fit."""
        size = self.bytes
        while len(self._images) > MOST_FILES or (size > KEPT and len(self._images) > 1):
            _, image = self._images.popitem(last=False)
            size -= image.size if image is not None else 0

    @property
    def bytes(self) -> int:
        """What the tables take together."""
        return sum(image.size for image in self._images.values() if image is not None)
