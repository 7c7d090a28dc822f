"""A folder of a bpf file system that holds a session: its maps, programs and links, and the object that they are of.

    FOLDER/object           the object's ELF, in an array, so that nothing else is needed to take it over
    FOLDER/maps/NAME        `.bss` as `%2Ebss`: names there have no dots
    FOLDER/programs/NAME
    FOLDER/links/NAME       by the program; more links of one program as `NAME-2`

A folder comes into being whole: it is filled under another name, and renamed. A process that is killed meanwhile
leaves nothing behind, since a helper process removes what it had begun. It goes in the same way.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import Final, final
from urllib.parse import quote, unquote

from pyebpf.kernel.maps import MapType
from pyebpf.loader import pins, sys
from pyebpf.loader.errors import LoadError, explain
from pyebpf.loader.guard import guarded, remove_tree
from pyebpf.object.read import ObjectError, read_object
from pyebpf.object.specs import Object
from pyebpf.records import dataclass

CHUNK: Final = 4096
MAGIC: Final = b"pyebpf\0\1"
HEAD: Final = struct.Struct("<8sIQ")
"""The magic bytes, how long the description is, and how long the ELF."""
LARGEST: Final = 256 << 20
"""Of an object, in bytes."""
OBJECT: Final = "object"
PARTS: Final = ("maps", "programs", "links")


@final
@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """What `FOLDER/object` holds."""

    object: Object
    places: Mapping[str, str]
    """By the names of links: where each is attached, for people."""


def file_name(name: str) -> str:
    """How a name is written in a folder, whatever is in it."""
    return quote(name, safe="").replace(".", "%2E").replace("~", "%7E")


def read_kept(folder: Path) -> Kept:
    """The object in `folder`. Raises LoadError."""
    wrong = f"cannot take over {folder}: it holds no session of pyebpf"
    with pins.opened(folder / OBJECT, "map", f"the session in {folder}") as descriptor:
        kind, _, key_size, value_size, entries = struct.unpack_from("=5I", sys.obj_get_info_by_fd(descriptor.fd))
        if (kind, key_size, value_size) != (MapType.ARRAY, 4, CHUNK) or not 0 < entries <= LARGEST // CHUNK:
            raise LoadError(wrong, "target")
        chunks = [sys.map_lookup(descriptor.fd, struct.pack("=I", number), CHUNK) or b"" for number in range(entries)]
    data = b"".join(chunks)
    magic, described, size = HEAD.unpack_from(data)
    if magic != MAGIC or HEAD.size + described + size > len(data):
        raise LoadError(wrong, "target")
    start = HEAD.size + described
    try:
        places = json.loads(data[HEAD.size : start])
        if not isinstance(places, dict) or not all(isinstance(text, str) for text in places.values()):
            raise LoadError(wrong, "target")
        return Kept(read_object(data[start : start + size]), MappingProxyType(places))
    except (ObjectError, ValueError) as error:
        raise LoadError(f"{wrong} ({error})", "target") from None


def keep_object(folder: Path, kept: Kept) -> None:
    """Write `FOLDER/object`, in place of the one that is there. Raises LoadError."""
    described = json.dumps(dict(kept.places)).encode()
    data = HEAD.pack(MAGIC, len(described), len(kept.object.elf)) + described + kept.object.elf
    if len(data) > LARGEST:
        raise LoadError(f"cannot keep the session in {folder}: its object is too large", "object")
    count = -(-len(data) // CHUNK)
    try:
        descriptor = sys.map_create(MapType.ARRAY, 4, CHUNK, count, 0, "pyebpf_object")
    except OSError as error:
        raise explain(error, f"keep the session in {folder}") from error
    with descriptor:
        for number in range(count):
            chunk = data[number * CHUNK : (number + 1) * CHUNK].ljust(CHUNK, b"\0")
            sys.map_update(descriptor.fd, struct.pack("=I", number), chunk)
        with suppress(OSError):  # before 5.2
            sys.map_freeze(descriptor.fd)
        pins.put(descriptor, folder / OBJECT, "the object")


@contextmanager
def made(folder: Path) -> Iterator[Path]:
    """A new folder of another name, to be filled; at the end it is `folder`. Raises LoadError."""
    parent = folder.parent
    try:
        os.stat(parent)
    except PermissionError as error:
        raise pins.closed(parent, f"keep a session in {folder}") from error
    except OSError:
        pass  # which is told below
    if pins.file_system_of(parent) != pins.BPF_FS_MAGIC:
        text = "it isn't in a bpf file system; there is one at /sys/fs/bpf, or: mount -t bpf bpf FOLDER"
        raise LoadError(f"cannot keep a session in {folder}: {text}", "target")
    if not os.path.isdir(parent):
        raise LoadError(f"cannot keep a session in {folder}: there is no folder {parent}", "target")
    if os.path.lexists(folder):
        raise LoadError(f"cannot keep a session in {folder}: something has that name already", "target")
    staging = parent / f"{folder.name}~{os.urandom(8).hex()}"
    with guarded(staging) as keep:
        try:
            for place in (staging, *(staging / part for part in PARTS)):
                place.mkdir(mode=0o700)
            yield staging
            os.rename(staging, folder)
        except OSError as error:
            remove_tree(staging)
            if isinstance(error, PermissionError):
                raise pins.closed(parent, f"keep a session in {folder}") from error
            raise LoadError(f"cannot keep a session in {folder}: {error.strerror}", "target") from error
        except BaseException:
            remove_tree(staging)
            raise
        keep()


def listed(folder: Path, part: str) -> dict[str, Path]:
    """What is pinned in a part of the folder, by name. What a killed process had begun there is removed."""
    try:
        found = sorted((folder / part).iterdir())
    except OSError as error:
        raise LoadError(f"cannot take over {folder}: {error.strerror}", "target") from error
    for path in found:
        if "~" in path.name:
            pins.remove(path)
    return {unquote(path.name): path for path in found if "~" not in path.name}


def tidy(folder: Path) -> None:
    """Remove what a killed process had begun in place of the object. Raises LoadError."""
    for path in folder.glob(f"{OBJECT}~*"):
        pins.remove(path)


def remove_folder(folder: Path) -> None:
    """Remove all names: what nobody has open leaves the kernel. It goes as it came, whole: under another name, and with
    a process that finishes this if it is killed. Raises LoadError."""
    unknown = {path.name for path in folder.iterdir()} - {OBJECT, *PARTS}
    if others := sorted(name for name in unknown if not name.startswith(f"{OBJECT}~")):
        raise LoadError(f"cannot remove {folder}: {others[0]} in it is not the session's", "target")
    gone = folder.parent / f"{folder.name}~{os.urandom(8).hex()}"
    with guarded(gone):
        try:
            os.rename(folder, gone)
        except OSError as error:
            raise LoadError(f"cannot remove {folder}: {error.strerror}", "target") from error
        remove_tree(gone)
    if gone.exists():
        raise LoadError(f"cannot remove {gone}, which was {folder}", "target")
