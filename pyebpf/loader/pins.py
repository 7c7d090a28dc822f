"""Names in a bpf file system: what has one stays in the kernel when nobody has it open.

Whoever may write into such a folder can put a map or a program of theirs there. So what is read back has to be the
user's own, or root's, and closed to writing by others, up to the mount.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal

from pyebpf.loader import sys
from pyebpf.loader.errors import LoadError, explain

BPF_FS_MAGIC: Final = 0xCAFE4A11
Kind = Literal["map", "program", "link"]
_KINDS: Final[dict[str, Kind]] = {"bpf-map": "map", "bpf-prog": "program", "bpf_link": "link", "bpf-link": "link"}
"""The kernel's names of the files behind descriptors."""
_libc = ctypes.CDLL(None, use_errno=True)


def file_system_of(path: Path) -> int:
    """The magic number of the file system that has `path`, or the nearest folder above it that is there."""
    while not os.path.exists(path) and path != path.parent:
        path = path.parent
    answer = ctypes.create_string_buffer(256)
    if _libc.statfs(ctypes.c_char_p(os.fsencode(path)), answer):
        return 0
    return ctypes.c_uint32.from_buffer(answer).value  # 4 bytes on s390x; elsewhere 8, the low ones of which come first


def pin(descriptor: sys.Descriptor, path: Path, what: str) -> None:
    """Pin it as `path`, whose folder is there. Raises LoadError."""
    try:
        sys.obj_pin(descriptor.fd, str(path))
    except OSError as error:
        raise _explained(error, f"pin {what} as {path}", path) from error


def put(descriptor: sys.Descriptor, path: Path, what: str) -> None:
    """Pin it as `path`, in place of what is there, with no moment in which nothing is."""
    if not os.path.lexists(path):
        return pin(descriptor, path, what)
    fresh = path.with_name(f"{path.name}~{os.urandom(8).hex()}")
    pin(descriptor, fresh, what)
    try:
        os.rename(fresh, path)
    except OSError as error:
        fresh.unlink()
        raise LoadError(f"cannot pin {what} as {path}: {error.strerror}", "target") from error


def opened(path: Path, kind: Kind, what: str) -> sys.Descriptor:
    """What is pinned as `path`, if it is a `kind`. Raises LoadError."""
    if not private(path):
        raise LoadError(f"cannot open {what}: {path} belongs to somebody else, or others may change it", "target")
    try:
        found = sys.obj_get(str(path))
    except OSError as error:
        raise _explained(error, f"open {what}, pinned as {path}", path) from error
    name = os.readlink(f"/proc/self/fd/{found.fd}").removeprefix("anon_inode:").strip("[]")
    if _KINDS.get(name) != kind:
        found.close()
        raise LoadError(f"cannot open {what}: what is pinned as {path} is no {kind}", "target")
    return found


def remove(path: Path) -> None:
    """Remove a name; nothing happens if it isn't there. Raises LoadError."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise LoadError(f"cannot remove {path}: {error.strerror}", "target") from error


def private(path: Path) -> bool:
    """Whether only this user and root can have put there what is at `path`: up to the mount of its file system no
    folder and no name may belong to others, or be open to them for writing (but for folders with the sticky bit)."""
    owners = {0, os.geteuid()}
    with suppress(OSError):
        found = os.lstat(path)
        device = found.st_dev
        if stat.S_ISLNK(found.st_mode) or found.st_uid not in owners or found.st_mode & 0o022:
            return False
        for folder in path.parents:
            above = os.lstat(folder)
            if above.st_dev != device:
                return True
            open_to_others = above.st_mode & 0o022 and not above.st_mode & stat.S_ISVTX
            if above.st_uid not in owners or open_to_others or stat.S_ISLNK(above.st_mode):
                return False
        return True
    return not os.path.lexists(path)


def closed(folder: Path, what: str) -> LoadError:
    """A folder that this user may not make names in: whose it is, and what would help."""
    while not os.path.exists(folder) and folder != folder.parent:  # nor look into what is above it, perhaps
        folder = folder.parent
    with suppress(OSError):
        found = os.stat(folder)
        whose = f"{folder} belongs to user {found.st_uid}, with mode {stat.S_IMODE(found.st_mode):o}"
        cure = "root can make a folder for this user in a bpf file system that it may enter"
        return LoadError(f"cannot {what}: this user may not do that there: {whose}; {cure}", "privileges")
    return LoadError(f"cannot {what}: this user may not do that there", "privileges")


def _explained(error: OSError, what: str, path: Path) -> LoadError:
    match error.errno:
        case errno.EEXIST:
            return LoadError(f"cannot {what}: something has that name already", "target")
        case errno.ENOENT:
            return LoadError(f"cannot {what}: there is no such file or folder", "target")
        case errno.EPERM | errno.EINVAL if "." in path.name:
            return LoadError(f"cannot {what}: names in a bpf file system have no dots", "target")
        case errno.EPERM | errno.EINVAL | errno.EACCES if file_system_of(path) != BPF_FS_MAGIC:
            text = "that is no bpf file system; there is one at /sys/fs/bpf, or: mount -t bpf bpf FOLDER"
            return LoadError(f"cannot {what}: {text}", "target")
        case errno.EACCES:
            return closed(path.parent, what)
    return explain(error, what)
