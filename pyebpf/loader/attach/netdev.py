"""XDP: a link on a network interface (5.9), in the driver where it can, else in the kernel's generic path."""

from __future__ import annotations

import errno
import socket
import struct
from sys import byteorder
from typing import Final

from pyebpf.kernel.programs import AttachType
from pyebpf.loader import netlink, sys
from pyebpf.loader.attach.link import Detaching, Link
from pyebpf.loader.errors import LoadError, explain
from pyebpf.loader.hints import did_you_mean
from pyebpf.loader.load import LoadedProgram

XDP_FLAGS_SKB_MODE: Final = 1 << 1
MODES: Final = {"generic": XDP_FLAGS_SKB_MODE, "native": 1 << 2, "offload": 1 << 3}
"""Where a program runs: in the kernel's generic path, in the driver, on the device."""
RTM_GETLINK: Final = 18
IFLA_XDP: Final = 43
IFLA_XDP_PROG_ID: Final = 4
_INTERFACE: Final = struct.Struct("=BxHiII")
"""`struct ifinfomsg`."""


def attach(program: LoadedProgram, where: object) -> Link:
    """Attach to the interface `where` (its name, or its index): in the driver if it can, else in the generic path; or
    as the word after a colon says, `eth0:generic`."""
    asked = ""
    if isinstance(where, str) and ":" in where:  # no name of an interface has one
        where, _, asked = where.rpartition(":")
        if asked not in MODES:
            text = f"there is no mode {asked}: {', '.join(MODES)}{did_you_mean(asked, MODES)}"
            raise LoadError(f"cannot attach {program.spec.name}: {text}", "target")
    name, index = interface(where, f"attach {program.spec.name}")
    what = f"attach {program.spec.name} to interface {name}"
    try:
        if asked:
            link, mode = sys.link_create(program.fd, index, AttachType.XDP, MODES[asked]), f", {asked} mode"
        else:
            link, mode = _create(program, index)
    except OSError as error:
        if error.errno in (errno.EBUSY, errno.EEXIST):  # EEXIST: in the other one of the two modes
            number = attached_program(index)
            other = f" (id {number})" if number else ""
            raise LoadError(f"cannot {what}: another XDP program{other} is attached there", "target") from None
        raise explain(error, what, "xdp") from error
    return Link(program.spec.name, f"interface {name}{mode}", (Detaching(link),))


def _create(program: LoadedProgram, index: int) -> tuple[sys.Descriptor, str]:
    """The link, and what to say of its mode. Drivers refuse for many reasons: frames or queues that don't suit them."""
    try:
        return sys.link_create(program.fd, index, AttachType.XDP), ""
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL, errno.ERANGE, errno.ENOSPC):
            raise
        first = error
    try:
        return sys.link_create(program.fd, index, AttachType.XDP, XDP_FLAGS_SKB_MODE), ", generic mode"
    except OSError as error:
        raise (error if error.errno in (errno.EBUSY, errno.EEXIST) else first) from None


def attached_program(index: int) -> int:
    """The id of the XDP program on an interface, by rtnetlink; 0 if there is none, or it can't be told (4.13)."""
    try:
        with netlink.Netlink() as route:
            found = route.ask(RTM_GETLINK, netlink.ACK, _INTERFACE.pack(socket.AF_UNSPEC, 0, index, 0, 0))
    except OSError:
        return 0
    answer = found[0][1] if found else b""
    xdp = netlink.attributes(answer[_INTERFACE.size :]).get(IFLA_XDP, b"")
    return int.from_bytes(netlink.attributes(xdp).get(IFLA_XDP_PROG_ID, b""), byteorder)


def interface(where: object, what: str) -> tuple[str, int]:
    """Name and index of an interface in the present network namespace."""
    known = {name: index for index, name in socket.if_nameindex()}
    if isinstance(where, int) and not isinstance(where, bool):
        name = next((name for name, index in known.items() if index == where), None)
        if name is not None:
            return name, where
    elif str(where) in known:
        return str(where), known[str(where)]
    hint = did_you_mean(str(where), known, 0.5) or f"; there are {', '.join(sorted(known)) or 'none'}"
    raise LoadError(f"cannot {what}: there is no interface {where}{hint}", "target")
