"""Socket filters: on a given socket, or on a packet socket that is opened for an interface."""

from __future__ import annotations

import os
import socket
from typing import Final, final

from pyebpf.loader.attach.link import Link
from pyebpf.loader.attach.netdev import interface
from pyebpf.loader.errors import LoadError, explain
from pyebpf.loader.load import LoadedProgram

SO_ATTACH_BPF: Final = 50
SO_DETACH_BPF: Final = 27
ETH_P_ALL: Final = 0x0003


@final
class Detach:
    """Takes the program from a socket that belongs to somebody else, by `option`."""

    def __init__(self, owner: socket.socket, option: int) -> None:
        self.owner = owner
        self.option = option
        self.process = os.getpid()

    def close(self) -> None:
        # A child of fork(2) has the same socket: what it closes stays as it is for its parent.
        if self.owner.fileno() >= 0 and os.getpid() == self.process:
            self.owner.setsockopt(socket.SOL_SOCKET, self.option, 0)


def attach(program: LoadedProgram, where: object) -> Link:
    """Attach to `where`: a socket object, or the name of an interface whose packets are then seen, both ways."""
    if isinstance(where, socket.socket):
        if where.fileno() < 0:
            raise LoadError(f"cannot attach {program.spec.name}: the socket is closed", "target")
        _set(where, program, "socket")
        return Link(program.spec.name, f"socket {where.fileno()}", (Detach(where, SO_DETACH_BPF),))
    name, _ = interface(where, f"attach {program.spec.name}")
    try:
        opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
    except OSError as error:
        what = f"attach {program.spec.name} to {name} by a packet socket"
        raise explain(error, what, needed=("CAP_NET_RAW",)) from error
    try:
        _set(opened, program, name)
        opened.bind((name, ETH_P_ALL))
    except OSError as error:
        opened.close()
        raise explain(error, f"attach {program.spec.name} to {name}", "socket_filter") from error
    return Link(program.spec.name, f"interface {name}", (opened,))


def _set(target: socket.socket, program: LoadedProgram, name: str) -> None:
    try:
        target.setsockopt(socket.SOL_SOCKET, SO_ATTACH_BPF, program.fd)
    except OSError as error:
        raise explain(error, f"attach {program.spec.name} to {name}", "socket_filter") from error
