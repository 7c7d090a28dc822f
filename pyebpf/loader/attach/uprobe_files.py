"""Which file a probe is for: a path, a program's name, a library's name; as a process sees it, whose pid is given.

Sources: the format of ld.so.cache (glibc, sysdeps/generic/dl-cache.h); proc(5) for /proc/PID/root and maps.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import struct
from collections.abc import Iterable
from contextlib import suppress
from typing import Final, final

from pyebpf.loader.errors import LoadError
from pyebpf.loader.hints import did_you_mean, did_you_mean_path
from pyebpf.records import dataclass

CACHE: Final = "/etc/ld.so.cache"
_MAGIC: Final = b"glibc-ld.so.cache1.1"
_LARGEST_CACHE: Final = 16 << 20
_KINDS: Final = {"x86_64": 0x0303, "aarch64": 0x0A03, "s390x": 0x0403, "riscv64": 0x1003, "ppc64le": 0x0503}
"""The flags of 64-bit libraries in ld.so.cache."""
_MULTIARCH: Final = {"ppc64le": "powerpc64le-linux-gnu"}
_LARGEST_MAPS: Final = 64 << 20
_PROGRAM_FOLDERS: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@final
@dataclass(frozen=True, slots=True)
class File:
    """A file by two names: as this process opens it, and as the process that has it does."""

    path: str
    shown: str
    root: str = ""
    """What stands before paths of the process's own file system: `/proc/123/root`."""


def find_file(name: str, pid: int | None, what: str) -> File:
    """The file that `name` stands for. Raises LoadError. `what` is tried: `attach p to uprobe libc:malloc`."""
    root = "" if pid is None else _root_of(pid, what)
    if not name or "\0" in name:
        raise LoadError(f"cannot {what}: {name!r} is no file's name", "target")
    if "/" in name:
        path = name if name.startswith("/") or root else os.path.abspath(name)
        if not path.startswith("/"):
            path = f"/{path}"
        _check(root + path, path, what)
        return File(root + path, path, root)
    for path in _candidates(name, pid, root):
        if os.path.isfile(root + path):
            return File(root + path, path, root)
    place = f"process {pid}'s file system" if pid is not None else "this machine"
    kind = "library" if _like_library(name) else "program"
    hint = did_you_mean(name, _known(name, root))
    raise LoadError(f"cannot {what}: {place} has no {kind} {name}{hint}", "target")


def _root_of(pid: int, what: str) -> str:
    """What to put before the paths of a process's file system; nothing where that is this process's own."""
    try:
        root, own = os.stat(f"/proc/{pid}/root"), os.stat("/")
        if (root.st_dev, root.st_ino) == (own.st_dev, own.st_ino):
            with suppress(OSError):
                if os.readlink(f"/proc/{pid}/ns/mnt") == os.readlink("/proc/self/ns/mnt"):
                    return ""
        return f"/proc/{pid}/root"
    except (FileNotFoundError, ProcessLookupError):
        raise LoadError(f"cannot {what}: there is no process {pid}", "target") from None
    except OSError as error:
        raise LoadError(f"cannot {what}: process {pid}: {error.strerror}", "privileges") from None


def _check(path: str, shown: str, what: str) -> None:
    try:
        if not os.path.isdir(path):
            os.stat(path)
            return
        raise LoadError(f"cannot {what}: {shown} is a directory", "target")
    except PermissionError as error:
        raise LoadError(f"cannot {what}: {shown}: {error.strerror}", "privileges") from None
    except (OSError, ValueError) as error:
        hint = did_you_mean_path(shown, path.removesuffix(shown))
        text = getattr(error, "strerror", None) or str(error)
        raise LoadError(f"cannot {what}: {shown}: {text}{hint}", "target") from None


def _like_library(name: str) -> bool:
    return name.startswith("lib") or ".so" in name


def _candidates(name: str, pid: int | None, root: str) -> Iterable[str]:
    """Paths that a bare name may stand for, the likeliest first."""
    if pid is not None:
        yield from (path for path in _mapped(pid) if _is_called(path, name))
    if _like_library(name):
        yield from _cached(name, root)
        for folder in _library_folders():
            yield f"{folder}/{name}"
            with suppress(OSError):
                yield from (f"{folder}/{each}" for each in sorted(os.listdir(root + folder)) if _is_called(each, name))
    if root:
        yield from (f"{folder}/{name}" for folder in _PROGRAM_FOLDERS.split(":"))
    else:
        found = shutil.which(name)
        if found is not None:
            yield os.path.abspath(found)


def _is_called(path: str, name: str) -> bool:
    """Whether a file is the program, or library, `name`: `libc` stands for libc.so.6, and for libc-2.31.so."""
    last = path.rpartition("/")[2]
    return last == name or bool(_like_library(name) and re.match(re.escape(name) + r"(-[\d.]+)?\.so(\.|$)", last))


def _mapped(pid: int) -> list[str]:
    """The files that a process runs code of."""
    with suppress(OSError), open(f"/proc/{pid}/maps", "rb") as file:
        lines = file.read(_LARGEST_MAPS).split(b"\n")
        paths = (os.fsdecode(line.split(maxsplit=5)[-1]) for line in lines if b" r-xp " in line and b"/" in line)
        return list(dict.fromkeys(paths))
    return []


def _library_folders() -> tuple[str, ...]:
    machine = platform.machine()
    triple = _MULTIARCH.get(machine, f"{machine}-linux-gnu")
    return (f"/lib/{triple}", f"/usr/lib/{triple}", "/lib64", "/usr/lib64", "/usr/local/lib", "/lib", "/usr/lib")


def _cached(name: str, root: str) -> list[str]:
    """What the dynamic linker would take. A broken cache has nothing."""
    return [path for key, path in _cache(root) if _is_called(key, name)]


def _cache(root: str) -> list[tuple[str, str]]:
    """Names and paths in the dynamic linker's cache, for this machine."""
    try:
        with open(root + CACHE, "rb") as file:
            data = file.read(_LARGEST_CACHE)
    except OSError:
        return []
    if data.startswith(b"ld.so-1.7.0") and len(data) >= 16:  # the older format, with the newer one behind it
        data = data[16 + 12 * struct.unpack_from("=I", data, 12)[0] + 7 & ~7 :]
    if not data.startswith(_MAGIC) or len(data) < 48:
        return []
    count, wanted = struct.unpack_from("=I", data, 20)[0], _KINDS.get(platform.machine())
    found = []
    for number in range(min(count, (len(data) - 48) // 24)):
        flags, key, value = struct.unpack_from("=III", data, 48 + 24 * number)
        if wanted is None or flags == wanted:
            found.append((_text(data, key), _text(data, value)))
    return [(key, path) for key, path in found if path.startswith("/")]


def _text(data: bytes, at: int) -> str:
    end = data.find(b"\0", at, at + 4096)
    return os.fsdecode(data[at:end]) if end >= 0 else ""


def _known(name: str, root: str) -> list[str]:
    """Names that `name` may have been meant to be."""
    if _like_library(name):
        names = [key for key, _ in _cache(root)]
        return sorted({*names, *(key.partition(".so")[0] for key in names)})
    found: set[str] = set()
    folders = _PROGRAM_FOLDERS if root else os.environ.get("PATH", _PROGRAM_FOLDERS)
    for folder in folders.split(":"):
        with suppress(OSError):
            found.update(os.listdir(root + folder))
    return sorted(found)
