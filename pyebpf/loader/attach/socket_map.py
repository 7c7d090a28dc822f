"""Maps of sockets: a program on the sockets that are put into a map from then on, until they are taken out (4.14).

By a link (6.10), which goes with its process, however that ends. Before, a program stays on its map where a process is
killed, for as long as others have the map, or sockets are in it.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from typing import final

from pyebpf.kernel.hooks import hook_by_name
from pyebpf.loader import sys
from pyebpf.loader.attach.link import Detaching, Link
from pyebpf.loader.errors import LoadError, explain
from pyebpf.loader.load import LoadedMap, LoadedProgram


@final
class _Detach:
    """Takes the program from its map."""

    def __init__(self, map_fd: int, program: LoadedProgram, attach_type: int) -> None:
        self.map_fd = os.dup(map_fd)
        self.program, self.attach_type = program, attach_type
        self.process = os.getpid()

    def close(self) -> None:
        # A child of fork(2) leaves it to its parent.
        try:
            if os.getpid() == self.process:
                with suppress(OSError):
                    sys.prog_detach(self.program.fd, self.map_fd, self.attach_type)
        finally:
            os.close(self.map_fd)


def attach(program: LoadedProgram, where: object) -> Link:
    """Attach to the SockMap or SockHash `where`: the map of a session, or its descriptor."""
    hook = hook_by_name(program.spec.hook)
    assert hook is not None and hook.attach_type is not None
    name = where.spec.name if isinstance(where, LoadedMap) else str(where)
    what = f"attach {program.spec.name} to map {name}"
    descriptor = where.fd if isinstance(where, LoadedMap) else where
    if isinstance(descriptor, bool) or not isinstance(descriptor, int):
        raise LoadError(f"cannot {what}: it takes a SockMap or SockHash of a session", "target")
    with suppress(OSError):  # what is wrong, or that there are no such links, the other way tells
        link = sys.link_create(program.fd, descriptor, hook.attach_type)
        return Link(program.spec.name, f"map {name}", (Detaching(link),))
    try:
        sys.prog_attach(program.fd, descriptor, hook.attach_type)
    except OSError as error:
        if error.errno == errno.EBUSY:
            raise LoadError(
                f"cannot {what}: another program, or one that excludes it, is on the map", "target"
            ) from None
        if error.errno in (errno.EINVAL, errno.EBADF, errno.EOPNOTSUPP):
            raise LoadError(f"cannot {what}: that is no map of sockets", "target") from None
        raise explain(error, what, hook.name) from error
    return Link(program.spec.name, f"map {name}", (_Detach(descriptor, program, hook.attach_type),))
