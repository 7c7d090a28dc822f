"""Iterators: a link (5.8), and a file for each time that it is read."""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from typing import Final

from pyebpf.kernel.hooks import CGROUP_ORDERS, PLACES
from pyebpf.kernel.programs import AttachType
from pyebpf.kernel.versions import running_version
from pyebpf.loader import sys
from pyebpf.loader.attach.link import Link
from pyebpf.loader.errors import LoadError, explain, unreachable
from pyebpf.loader.load import LoadedMap, LoadedProgram
from pyebpf.nearest import get_close_matches

CHUNK: Final = 1 << 16


def attach(program: LoadedProgram, where: object, maps: Mapping[str, LoadedMap]) -> Link:
    """Make the iterator that the program's section names; nothing runs before it is read. `where` is what it goes
    through, if it can be told."""
    name = program.spec.argument
    place = f"iterator {name}" + (f" of {where}" if isinstance(where, str | int | os.PathLike) else "")
    what = f"attach {program.spec.name} to {place}"
    with ExitStack() as opened:
        info = _info(name, where, maps, what, opened)
        buffer = ctypes.create_string_buffer(info, len(info)) if info else None
        extra = struct.pack("=QI", ctypes.addressof(buffer), len(info)) if buffer is not None else b""
        try:
            link = sys.link_create(program.fd, 0, AttachType.TRACE_ITER, extra=extra)
        except OSError as error:
            raise _explained(error, name, what) from error
    return Link(program.spec.name, place, (link,), partial(read_iterator, link))


def _explained(error: OSError, name: str, what: str) -> LoadError:
    place = PLACES.get(name)
    since = place.since if place is not None else (0, 0)
    if (running_version() or since) < since:
        return LoadError(f"cannot {what}: this needs Linux {since[0]}.{since[1]} or later", "kernel")
    match error.errno:
        case errno.EACCES if place is not None and place.kind == "map":
            return LoadError(f"cannot {what}: the program reads more than the map's keys and values have", "target")
        case errno.EINVAL if place is not None and place.kind == "map":
            return LoadError(f"cannot {what}: the iterator isn't for maps of that type", "target")
        case errno.EBADF if place is not None and place.kind == "cgroup":
            return LoadError(f"cannot {what}: it is not a directory of the cgroup2 file system", "target")
        case errno.EINVAL | errno.EBADF:
            return LoadError(f"cannot {what}: it goes through something certain that pyebpf can't tell it", "target")
        case errno.ESRCH | errno.ENOENT:
            return LoadError(f"cannot {what}: there is no such thing", "target")
    return explain(error, what, "iterator")


def _info(name: str, where: object, maps: Mapping[str, LoadedMap], what: str, opened: ExitStack) -> bytes:
    """`union bpf_iter_link_info`, as much of it as is said; nothing for all that there is."""
    place = PLACES.get(name)
    if place is None:
        if where is not None:
            raise LoadError(f"cannot {what}: it goes through all that there is, and takes no place", "target")
        return b""
    match place.kind:
        case "map":
            return struct.pack("=I", _map(where, maps, what).fd)
        case "cgroup":
            return _cgroup(where, what, opened)
        case "task":
            return _task(where, what)


def _map(where: object, maps: Mapping[str, LoadedMap], what: str) -> LoadedMap:
    if isinstance(where, LoadedMap):
        return where
    found = maps.get(str(where))
    if found is None:
        near = get_close_matches(str(where), maps, n=1)
        known = ", ".join(name for name in maps if not name.startswith("."))
        hint = f"did you mean {near[0]}?" if near else f"there are {known or 'none'}"
        raise LoadError(f"cannot {what}: there is no map {where}; {hint}", "target")
    return found


def _cgroup(where: object, what: str, opened: ExitStack) -> bytes:
    """`post:/sys/fs/cgroup/users`; everything from the root on if nothing is said."""
    if where is None:
        return struct.pack("=IIQ", CGROUP_ORDERS["pre"], 0, 0)
    text = os.fspath(where) if isinstance(where, str | os.PathLike) else str(where)
    order, colon, path = text.partition(":")
    if not colon or "/" in order:
        order, path = "pre", text
    if order not in CGROUP_ORDERS:
        raise LoadError(f"cannot {what}: the order is one of {', '.join(CGROUP_ORDERS)}, not {order}", "target")
    try:
        directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise unreachable(error, what, path) from None
    opened.callback(os.close, directory)
    return struct.pack("=IIQ", CGROUP_ORDERS[order], directory, 0)


def _task(where: object, what: str) -> bytes:
    """`pid:1`, all threads of a process, or `tid:1`, one thread; a number is a process. Nothing for all."""
    if where is None:
        return b""
    kind, colon, number = str(where).partition(":")
    if not colon:
        kind, number = "pid", kind
    if kind not in ("pid", "tid") or not number.isascii() or not number.isdigit() or not 0 < int(number) < 1 << 31:
        raise LoadError(f"cannot {what}: it takes pid:PROCESS or tid:THREAD, not {where}", "target")
    return struct.pack("=III", *((int(number), 0) if kind == "tid" else (0, int(number))), 0)


def read_iterator(link: sys.Descriptor) -> bytes:
    """Go through everything once; what the program has written."""
    found: list[bytes] = []
    with sys.iter_create(link.fd) as file:
        while True:
            try:
                data = os.read(file.fd, CHUNK)
            except BlockingIOError:  # a program may ask for more time
                continue
            if not data:
                return b"".join(found)
            found.append(data)
