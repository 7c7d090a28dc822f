"""Where BTF comes from: files, and the running kernel, which shows its own and its modules' in /sys/kernel/btf."""

from __future__ import annotations

import mmap
import os
from os import PathLike
from typing import Final

from pyebpf.kernel.btf_sections import BtfError, Data

FOLDER: Final = "/sys/kernel/btf"
KERNEL: Final = "vmlinux"
RUNNING: Final = f"{FOLDER}/{KERNEL}"
"""The running kernel's BTF: since 5.4, with CONFIG_DEBUG_INFO_BTF."""

_LARGEST: Final = 256 << 20
"""Bytes. The largest BTF seen in a kernel is 12 MB."""


def read(path: str | PathLike[str]) -> tuple[bytes, bytes | None]:
    """The contents of a file; of an ELF file its sections `.BTF` and, if it has that, `.BTF.base`. Raises BtfError."""
    data = contents(path)
    return _elf_sections(data, path) if data[:4] == b"\x7fELF" else (data, None)


def mapped(path: str) -> Data:
    """The contents of a file of sysfs: the kernel's own memory where it can be mapped (6.16). Raises BtfError."""
    try:
        with open(path, "rb") as file:
            return mmap.mmap(file.fileno(), 0, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ)
    except (OSError, ValueError):
        return contents(path)


def contents(path: str | PathLike[str]) -> bytes:
    """A whole file. Raises BtfError."""
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size  # of sysfs files too
            data = file.read(min(size, _LARGEST))
    except (OSError, ValueError) as error:
        raise BtfError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    if size > _LARGEST:
        raise BtfError(f"{path}: larger than {_LARGEST >> 20} MB, which no BTF is")
    return data


def _elf_sections(data: bytes, path: str | PathLike[str]) -> tuple[bytes, bytes | None]:
    """elftools raises all sorts of things on broken files."""
    import io

    from elftools.elf.elffile import ELFFile

    try:
        file = ELFFile(io.BytesIO(data))
        found = [file.get_section_by_name(name) for name in (".BTF", ".BTF.base")]
        contents, below = (None if section is None else bytes(section.data()) for section in found)
    except Exception as error:
        raise BtfError(f"{path}: not a readable ELF file ({error or type(error).__name__})") from None
    if contents is None:
        raise BtfError(f"{path}: has no .BTF section; it was built without BTF")
    return contents, below
