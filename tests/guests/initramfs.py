"""A small initramfs for kernels that have virtiofs as a module: it loads that and goes on from the shared root."""

from __future__ import annotations

import lzma
import shutil
import stat
from pathlib import Path
from typing import Final

FIRST: Final = ("virtio_pci", "virtiofs")
"""Modules without which there is no root file system; what they depend on comes before them."""


def needed(modules: Path) -> bool:
    """Whether virtiofs is a module below `modules`."""
    return any(modules.rglob("virtiofs.ko*"))


def build(modules: Path, init: str) -> bytes:
    """A cpio archive whose init mounts the share and runs `init` there."""
    busybox = shutil.which("busybox")
    if busybox is None:
        raise FileNotFoundError("this kernel needs busybox: apt-get install busybox-static")
    archive = Archive()
    for folder in ("bin", "dev", "new", "modules"):
        archive.add(folder, stat.S_IFDIR | 0o755)
    archive.add("dev/console", stat.S_IFCHR | 0o600, device=(5, 1))
    archive.add("bin/busybox", stat.S_IFREG | 0o755, Path(busybox).read_bytes())
    lines = ["#!/bin/busybox sh"]
    for name, data in in_order(modules):
        archive.add(f"modules/{name}.ko", stat.S_IFREG | 0o644, data)
        lines.append(f"/bin/busybox insmod /modules/{name}.ko || echo no {name}")
    lines.append("/bin/busybox mount -t virtiofs -o ro rootfs /new || echo no root")
    lines.append(f"exec /bin/busybox switch_root /new {init}")
    archive.add("init", stat.S_IFREG | 0o755, ("\n".join(lines) + "\n").encode())
    return archive.bytes()


def in_order(modules: Path, wanted: tuple[str, ...] = FIRST) -> list[tuple[str, bytes]]:
    """`wanted` and what they need, each after what it depends on."""
    files = {path.name.partition(".ko")[0].replace("-", "_"): path for path in modules.rglob("*.ko*")}
    order: dict[str, bytes] = {}

    def add(name: str) -> None:
        if name in order or name not in files:
            return
        data = files[name].read_bytes()
        data = lzma.decompress(data) if files[name].suffix == ".xz" else data
        start = data.find(b"\0depends=")
        depends = data[start + 9 : data.index(b"\0", start + 1)].decode() if start >= 0 else ""
        for other in filter(None, depends.replace("-", "_").split(",")):
            add(other)
        order[name] = data

    for name in wanted:
        add(name)
    return list(order.items())


class Archive:
    """cpio, in the "new ASCII" format that the kernel unpacks."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def add(self, name: str, mode: int, data: bytes = b"", device: tuple[int, int] = (0, 0), modified: int = 0) -> None:
        fields = (len(self.parts) + 1, mode, 0, 0, 1, modified, len(data), 0, 0, *device, len(name) + 1, 0)
        head = b"070701" + "".join(f"{field:08X}" for field in fields).encode() + name.encode() + b"\0"
        self.parts.append(head.ljust(-(-len(head) // 4) * 4, b"\0") + data.ljust(-(-len(data) // 4) * 4, b"\0"))

    def bytes(self) -> bytes:
        self.add("TRAILER!!!", 0)
        return b"".join(self.parts)
