"""XDP: a link on a network interface (5.9), in the driver where it can, else in the kernel's generic path."""

from __future__ import annotations

import difflib
import errno
import socket
from typing import Final

from pyebpf.kernel.programs import AttachType
from pyebpf.loader import sys
from pyebpf.loader.attach.link import Link
from pyebpf.loader.errors import LoadError, explain
from pyebpf.loader.load import LoadedProgram

XDP_FLAGS_SKB_MODE: Final = 1 << 1


def attach(program: LoadedProgram, where: object) -> Link:
    """Attach to the interface `where` (its name, or its index)."""
    name, index = interface(where, f"attach {program.spec.name}")
    what = f"attach {program.spec.name} to interface {name}"
    try:
        link = _create(program, index)
    except OSError as error:
        if error.errno == errno.EBUSY:
            raise LoadError(f"cannot {what}: another XDP program is attached there", "target") from None
        raise explain(error, what, "xdp") from error
    return Link(program.spec.name, f"interface {name}", (link,))


def _create(program: LoadedProgram, index: int) -> sys.Descriptor:
    try:
        return sys.link_create(program.fd, index, AttachType.XDP)
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):
            raise
        return sys.link_create(program.fd, index, AttachType.XDP, XDP_FLAGS_SKB_MODE)


def interface(where: object, what: str) -> tuple[str, int]:
    """Name and index of an interface in the present network namespace."""
    known = {name: index for index, name in socket.if_nameindex()}
    if isinstance(where, int):
        name = next((name for name, index in known.items() if index == where), None)
        if name is not None:
            return name, where
    elif str(where) in known:
        return str(where), known[str(where)]
    near = difflib.get_close_matches(str(where), known, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(sorted(known)) or 'none'}"
    raise LoadError(f"cannot {what}: there is no interface {where}{hint}", "target")
