"""Starts kernels of other machines, arm64 and big-endian s390x, which can't use the host's files: what is run there
comes with them, in an initramfs with Debian's Python of that machine.

    /project     pyebpf, its tests and elftools, as the host has them
    /run/exchange    the host's folder: packed in, and after the command brought back over the console

There is no LLVM and no compiler: objects are made by the host.
"""

from __future__ import annotations

import base64
import compileall
import io
import os
import re
import stat
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

import elftools
from initramfs import Archive, in_order
from kernels import Unpacked, apt, download, unpacked, update

PYTHON_SUITE: Final = "debian bookworm"
PACKAGES: Final = (
    *("python3.11-minimal", "libpython3.11-minimal", "libpython3.11-stdlib", "busybox-static"),
    *("libc6", "libgcc-s1", "zlib1g", "libexpat1", "libffi8", "libssl3", "libbz2-1.0", "liblzma5"),
)
PYTHON: Final = "/usr/bin/python3.11"
PROJECT: Final = "/project"
MODULES: Final = ("veth", "nf_conntrack")
"""What the cases need; modprobe isn't there."""
NEEDLESS: Final = re.compile(
    r"/(test|lib2to3|idlelib|tkinter|turtledemo|ensurepip|pydoc_data|doc|man|locale|lintian|gconv)(/|$)|\.opt-\d\.pyc$"
)
_ROOT: Final = Path(__file__).resolve().parents[2]
BEGIN, END = "=== exchange ===", "=== end ==="


@final
@dataclass(frozen=True)
class Machine:
    """How QEMU is started, and where its console is."""

    command: tuple[str, ...]
    console: str
    package: str
    """Debian's package of the QEMU."""


MACHINES: Final = {
    "arm64": Machine(
        ("qemu-system-aarch64", "-M", "virt", "-cpu", "max,pauth-impdef=on"), "ttyAMA0", "qemu-system-arm"
    ),
    "s390x": Machine(("qemu-system-s390x", "-M", "s390-ccw-virtio", "-cpu", "max"), "ttysclp0", "qemu-system-misc"),
}


def prepared(version: str, cache: Path) -> tuple[Unpacked, Path]:
    """The kernel, and a folder with Python for its machine: fetched unless the cache has them. Raises Unavailable."""
    architecture = version.partition("-")[2]
    kernel, folder = unpacked(version, cache), cache / f"python-{architecture}"
    if not (folder / "complete").exists():
        folder.mkdir(parents=True, exist_ok=True)
        options = apt(PYTHON_SUITE, cache / "apt" / folder.name, architecture)
        update(version, options)
        download(version, options, list(PACKAGES), folder)
        if sys.version_info[:2] == (3, 11):  # another Python's bytecode is another
            compileall.compile_dir(folder / "usr/lib/python3.11", quiet=2)
        (folder / "complete").touch()
    return kernel, folder


def initramfs(kernel: Unpacked, python: Path, exchange: Path) -> bytes:
    """Everything that the guest has."""
    archive = Archive()
    archive.add("dev", stat.S_IFDIR | 0o755)
    archive.add("dev/console", stat.S_IFCHR | 0o600, device=(5, 1))
    for name in ("proc", "sys", "run", "tmp", "root", "project"):
        archive.add(name, stat.S_IFDIR | 0o755)
    _tree(archive, python, "")
    for part in ("pyebpf", "tests/guests", "tests/differential", "tests/kernel", "tests/run"):
        _tree(archive, _ROOT / part, f"project/{part}")
    _tree(archive, Path(elftools.__file__).parent, "project/elftools")
    _tree(archive, exchange, "run/exchange")
    lines = ["#!/bin/busybox sh", "/bin/busybox --install -s /bin"]
    archive.add("modules", stat.S_IFDIR | 0o755)
    for name, data in in_order(kernel.modules, MODULES):
        archive.add(f"modules/{name}.ko", stat.S_IFREG | 0o644, data)
        lines.append(f"insmod /modules/{name}.ko || echo no {name}")
    lines.append("exec sh /project/tests/guests/foreign-init.sh")
    archive.add("init", stat.S_IFREG | 0o755, ("\n".join(lines) + "\n").encode())
    return archive.bytes()


def _tree(archive: Archive, folder: Path, name: str) -> None:
    """All of `folder` as `name`, except what nobody needs there."""
    made = set[str]()
    for path in [folder, *sorted(folder.rglob("*"))]:
        below = str(path.relative_to(folder))
        place = "/".join(part for part in (name, below) if part not in ("", "."))
        if not place or NEEDLESS.search(f"/{below}"):
            continue
        for parent in [str(each) for each in reversed(Path(place).parents)][1:]:
            if parent not in made and parent != "project" and len(Path(parent).parts) <= len(Path(name).parts):
                archive.add(parent, stat.S_IFDIR | 0o755)
            made.add(parent)
        if path.is_symlink():
            archive.add(place, stat.S_IFLNK | 0o777, os.readlink(path).encode())
        elif path.is_dir():
            archive.add(place, stat.S_IFDIR | 0o755)
        elif path.is_file():
            mode = stat.S_IFREG | (0o755 if os.access(path, os.X_OK) else 0o644)
            archive.add(place, mode, path.read_bytes(), modified=int(path.stat().st_mtime))  # as bytecode says


def arguments(version: str, kernel: Unpacked, packed: Path) -> list[str]:
    """QEMU's command line."""
    machine = MACHINES[version.partition("-")[2]]
    words = f"console={machine.console} quiet panic=-1 lsm=lockdown,landlock,yama,bpf"
    return [
        *(*machine.command, "-accel", "tcg", "-smp", "1", "-m", "2G", "-nographic", "-no-reboot"),
        *("-kernel", str(kernel.image), "-initrd", str(packed), "-append", words),
    ]


def bring_back(console: str, exchange: Path) -> str:
    """Unpack what the guest has sent into `exchange`; the console without it."""
    before, _, rest = console.partition(BEGIN)
    data, ended, after = rest.partition(END)
    if not ended:
        return console
    with tarfile.open(fileobj=io.BytesIO(base64.b64decode(data)), mode="r:gz") as archive:
        for member in archive.getmembers():
            if member.isfile() and "/" not in (name := member.name.removeprefix("./")):
                content = archive.extractfile(member)
                assert content is not None
                (exchange / name).write_bytes(content.read())
    return before + after
