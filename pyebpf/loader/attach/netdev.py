"""XDP: a link on a network interface (5.9), in the driver where it can, else in the kernel's generic path."""

from __future__ import annotations

import difflib
import errno
import socket
import struct
from sys import byteorder
from typing import Final

from pyebpf.kernel.programs import AttachType
from pyebpf.loader import sys
from pyebpf.loader.attach.link import Detaching, Link
from pyebpf.loader.errors import LoadError, explain
from pyebpf.loader.load import LoadedProgram

XDP_FLAGS_SKB_MODE: Final = 1 << 1
RTM_GETLINK: Final = 18
NLM_F_REQUEST: Final = 1
NLA_TYPE_MASK: Final = 0x3FFF
IFLA_XDP: Final = 43
IFLA_XDP_PROG_ID: Final = 4


def attach(program: LoadedProgram, where: object) -> Link:
    """Attach to the interface `where` (its name, or its index)."""
    name, index = interface(where, f"attach {program.spec.name}")
    what = f"attach {program.spec.name} to interface {name}"
    try:
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
    request = struct.pack("=IHHIIBxHiII", 32, RTM_GETLINK, NLM_F_REQUEST, 1, 0, socket.AF_UNSPEC, 0, index, 0, 0)
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0) as netlink:
            netlink.settimeout(1)
            netlink.send(request)
            answer = netlink.recv(1 << 16)
    except OSError:
        return 0
    xdp = _attributes(answer[32:]).get(IFLA_XDP, b"") if len(answer) > 32 else b""
    return int.from_bytes(_attributes(xdp).get(IFLA_XDP_PROG_ID, b""), byteorder)


def _attributes(data: bytes) -> dict[int, bytes]:
    """Netlink attributes by type."""
    found = {}
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        if length < 4:
            break
        found[kind & NLA_TYPE_MASK] = data[4:length]
        data = data[length + 3 & ~3 :]
    return found


def interface(where: object, what: str) -> tuple[str, int]:
    """Name and index of an interface in the present network namespace."""
    known = {name: index for index, name in socket.if_nameindex()}
    if isinstance(where, int) and not isinstance(where, bool):
        name = next((name for name, index in known.items() if index == where), None)
        if name is not None:
            return name, where
    elif str(where) in known:
        return str(where), known[str(where)]
    near = difflib.get_close_matches(str(where), known, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(sorted(known)) or 'none'}"
    raise LoadError(f"cannot {what}: there is no interface {where}{hint}", "target")
