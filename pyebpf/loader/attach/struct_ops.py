"""Structs of operations: by a link (6.4), or by an update of their map, which an end of the process doesn't undo:
a process of its own does, if this one is killed."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from typing import Final, final

from pyebpf.loader import sys
from pyebpf.loader.attach.link import Link
from pyebpf.loader.errors import LoadError, explain
from pyebpf.loader.guard import Guard
from pyebpf.loader.maps import LoadedMap
from pyebpf.loader.struct_ops import F_LINK

BPF_STRUCT_OPS: Final = 44


@final
class _Registered:
    """Operations without a link: they are taken back by deleting the map's entry."""

    def __init__(self, fd: int, guard: Guard) -> None:
        self._fd, self._guard = os.dup(fd), guard
        self._process = os.getpid()

    def close(self) -> None:
        try:
            if os.getpid() == self._process:
                with suppress(OSError):
                    sys.map_delete(self._fd, bytes(4))
                self._guard.dismiss()
        finally:
            os.close(self._fd)


def undo(fd: int) -> None:
    """What is done when a process was killed that had operations registered."""
    with suppress(OSError):  # it hadn't come to that
        sys.map_delete(fd, bytes(4))


def attach(made: LoadedMap, value: bytes) -> Link:
    """Register the operations `value`. Raises LoadError."""
    spec = made.spec
    struct = spec.operations.struct if spec.operations is not None else ""
    linked = bool(spec.flags & F_LINK)
    what = f"register {spec.name} as {struct}"
    guard = None if linked else Guard(undo, made.fd, descriptors=(made.fd,))
    try:
        sys.map_update(made.fd, bytes(4), value)
    except OSError as error:
        if guard is not None:
            guard.dismiss()
        if error.errno != errno.EBUSY:
            raise explain(error, what) from None
        if not linked:  # a map is only good for once
            text = f"cannot {what}: it is registered, or was: before Linux 6.4 that can be done once"
            raise LoadError(text, "kernel") from None
    if guard is not None:
        return Link(spec.name, struct, (_Registered(made.fd, guard),))
    try:
        return Link(spec.name, struct, (sys.link_create(made.fd, 0, BPF_STRUCT_OPS),))
    except OSError as error:
        raise explain(error, what) from None
