"""Sockets that share a port (SO_REUSEPORT): a program for all of them, set on any one (4.19)."""

from __future__ import annotations

import socket
from typing import Final

from pyebpf.loader.attach.link import Link
from pyebpf.loader.attach.socket import Detach
from pyebpf.loader.errors import LoadError, explain
from pyebpf.loader.load import LoadedProgram

SO_ATTACH_REUSEPORT_EBPF: Final = 52
SO_DETACH_REUSEPORT_BPF: Final = 68
"""5.3."""


def attach(program: LoadedProgram, where: object) -> Link:
    """Attach to the group of the socket `where`, which has SO_REUSEPORT and is bound, or will be."""
    what = f"attach {program.spec.name}"
    if not isinstance(where, socket.socket):
        raise LoadError(f"cannot {what}: it takes a socket with SO_REUSEPORT, not {where!r}", "target")
    if where.fileno() < 0:
        raise LoadError(f"cannot {what}: the socket is closed", "target")
    if not where.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT):
        raise LoadError(f"cannot {what}: the socket shares no port (SO_REUSEPORT)", "target")
    try:
        where.setsockopt(socket.SOL_SOCKET, SO_ATTACH_REUSEPORT_EBPF, program.fd)
    except OSError as error:
        raise explain(error, what, "sk_reuseport") from error
    # Where another member of the group has taken it away already, that fails, and the link doesn't mind.
    holder = Detach(where, SO_DETACH_REUSEPORT_BPF)
    return Link(program.spec.name, f"the sockets that share a port with socket {where.fileno()}", (holder,))
