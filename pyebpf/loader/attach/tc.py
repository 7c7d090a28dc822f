"""Traffic control: a link on the interface (tcx, 6.6); on older kernels a filter of the qdisc clsact (4.5).

A filter doesn't hang on a descriptor: it is taken away when its link is detached, or when Python ends; a process of its
own sees to it if this one is killed. The qdisc goes with the last filter of ours, if it was made for one and nobody
else has used it.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from contextlib import suppress
from typing import Final, final
from weakref import WeakValueDictionary, finalize

from pyebpf.kernel.hooks import hook_by_name
from pyebpf.kernel.programs import AttachType
from pyebpf.loader import netlink, sys
from pyebpf.loader.attach.link import Detaching, Link
from pyebpf.loader.attach.netdev import interface
from pyebpf.loader.attach.order import FIRST_COME, Order, check_neighbour
from pyebpf.loader.errors import LoadError, explain
from pyebpf.loader.guard import Guard
from pyebpf.loader.load import LoadedProgram

RTM_NEWQDISC: Final = 36
RTM_DELQDISC: Final = 37
RTM_GETQDISC: Final = 38
RTM_NEWTFILTER: Final = 44
RTM_DELTFILTER: Final = 45
RTM_GETTFILTER: Final = 46
TCA_KIND: Final = 1
TCA_OPTIONS: Final = 2
TCA_BPF_FD: Final = 6
TCA_BPF_NAME: Final = 7
TCA_BPF_FLAGS: Final = 8
TCA_BPF_ID: Final = 11
DIRECT_ACTION: Final = 1
"""TCA_BPF_FLAG_ACT_DIRECT: the program answers with an action."""
CLSACT: Final = 0xFFFF_FFF1
HANDLE: Final = 0xFFFF_0000
PARENTS: Final = {AttachType.TCX_INGRESS: HANDLE | 0xFFF2, AttachType.TCX_EGRESS: HANDLE | 0xFFF3}
"""TC_H_MIN_INGRESS and TC_H_MIN_EGRESS of the qdisc."""
ETH_P_ALL: Final = socket.htons(0x0003)
_MESSAGE: Final = struct.Struct("=BxxxiIII")
"""`struct tcmsg`: family, interface, handle, parent, and the priority with the protocol."""


def attach(program: LoadedProgram, where: object, order: Order = FIRST_COME) -> Link:
    """Attach to the interface `where` (its name, or its index)."""
    hook = hook_by_name(program.spec.hook)
    assert hook is not None and hook.attach_type is not None
    name, index = interface(where, f"attach {program.spec.name}")
    direction = hook.name.rpartition(".")[2]
    what = f"attach {program.spec.name} to {direction} of interface {name}"
    try:
        link = sys.link_create(program.fd, index, hook.attach_type, order.flags, order.packed())
    except OSError as error:
        check_neighbour(error, what, order)
        if error.errno != errno.EINVAL:
            raise explain(error, what, hook.name) from error
    else:
        return Link(program.spec.name, f"{direction} of interface {name}", (Detaching(link),))
    if order is not FIRST_COME:
        raise LoadError(f"cannot {what} in an order: that needs links (Linux 6.6)", "kernel")
    return attach_filter(program, where)


def attach_filter(program: LoadedProgram, where: object) -> Link:
    """The same by a filter, which all kernels know."""
    hook = hook_by_name(program.spec.hook)
    assert hook is not None and hook.attach_type is not None
    name, index = interface(where, f"attach {program.spec.name}")
    place = f"{hook.name.rpartition('.')[2]} of interface {name}"
    what = f"attach {program.spec.name} to {place}"
    try:
        return Link(program.spec.name, f"{place}, clsact", (Filter(program, index, hook.attach_type),))
    except OSError as error:
        if error.errno == errno.ENOENT:
            text = "this kernel has no clsact or no cls_bpf (CONFIG_NET_CLS_ACT, CONFIG_NET_CLS_BPF)"
            raise LoadError(f"cannot {what}: {text}", "kernel") from error
        raise explain(error, what, hook.name) from error


@final
class Qdisc:
    """clsact on an interface. Filters that this process has there share one."""

    def __init__(self, route: netlink.Netlink, index: int) -> None:
        """Raises OSError."""
        self.index = index
        self.made = True
        message = _MESSAGE.pack(0, index, HANDLE, CLSACT, 0) + netlink.attribute(TCA_KIND, b"clsact\0")
        try:
            route.ask(RTM_NEWQDISC, netlink.ACK | netlink.CREATE | netlink.EXCL, message)
        except OSError as error:
            if error.errno != errno.EEXIST:
                raise
            self.made = False

    def leave(self, route: netlink.Netlink) -> None:
        """Take it away, if it was made here and has no filters any more."""
        if self.made:
            _leave(route, self.index)


def _leave(route: netlink.Netlink, index: int) -> None:
    for parent in PARENTS.values():
        if route.ask(RTM_GETTFILTER, netlink.DUMP, _MESSAGE.pack(0, index, 0, parent, 0)):
            return
    route.ask(RTM_DELQDISC, netlink.ACK, _MESSAGE.pack(0, index, HANDLE, CLSACT, 0))


def _has_clsact(route: netlink.Netlink, index: int) -> bool:
    for _, body in route.ask(RTM_GETQDISC, netlink.DUMP, _MESSAGE.pack(0, index, 0, 0, 0)):
        there = netlink.attributes(body[_MESSAGE.size :])
        if _MESSAGE.unpack_from(body)[1] == index and there.get(TCA_KIND) == b"clsact\0":
            return True
    return False


_OURS: Final[WeakValueDictionary[tuple[int, int], Qdisc]] = WeakValueDictionary()
"""By network namespace and interface, as long as there are filters on them: the kernel doesn't say who made a qdisc."""


@final
class Filter:
    """A program as a filter of clsact."""

    needs = ("CAP_NET_ADMIN",)

    def __init__(self, program: LoadedProgram, index: int, attach_type: AttachType) -> None:
        """Raises OSError."""
        self.index, self.parent = index, PARENTS[attach_type]
        self.route = netlink.Netlink()
        try:
            key = (os.stat("/proc/thread-self/ns/net").st_ino, index)
            there = _OURS.get(key)
            made = there.made if there is not None else not _has_clsact(self.route, index)
            guard = Guard(undo, index, self.parent, program.id, made)
            try:
                handle, info = self._added(program, there, key)
            except BaseException:
                guard.dismiss()
                raise
        except BaseException:
            self.route.close()
            raise
        own = _MESSAGE.pack(0, index, handle, self.parent, info) + netlink.attribute(TCA_KIND, b"bpf\0")
        self._end = finalize(self, _remove, self.route, self.qdisc, own, guard)

    def _added(self, program: LoadedProgram, there: Qdisc | None, key: tuple[int, int]) -> tuple[int, int]:
        """As `_add`, with the qdisc, which is left where that fails."""
        self.qdisc = there or _OURS.setdefault(key, Qdisc(self.route, self.index))
        try:
            return self._add(program)
        except BaseException:
            self.qdisc.leave(self.route)
            raise

    def _add(self, program: LoadedProgram) -> tuple[int, int]:
        """The filter's handle, and its priority with the protocol, as the kernel chose them."""
        options = netlink.nested(
            TCA_OPTIONS,
            netlink.attribute(TCA_BPF_FD, struct.pack("=I", program.fd)),
            netlink.attribute(TCA_BPF_NAME, program.spec.name.encode() + b"\0"),
            netlink.attribute(TCA_BPF_FLAGS, struct.pack("=I", DIRECT_ACTION)),
        )
        message = _MESSAGE.pack(0, self.index, 0, self.parent, ETH_P_ALL) + netlink.attribute(TCA_KIND, b"bpf\0")
        flags = netlink.ACK | netlink.ECHO | netlink.CREATE | netlink.EXCL
        for kind, body in self.route.ask(RTM_NEWTFILTER, flags, message + options):
            if kind == RTM_NEWTFILTER:
                _, _, handle, _, info = _MESSAGE.unpack_from(body)
                return handle, info
        raise OSError(errno.EPROTO, os.strerror(errno.EPROTO))

    def close(self) -> None:
        self._end()


def undo(index: int, parent: int, program: int, made: bool) -> None:
    """What is done when a process was killed that had a program as a filter there. `made`: and whose qdisc it is."""
    with netlink.Netlink() as route:
        for _, body in route.ask(RTM_GETTFILTER, netlink.DUMP, _MESSAGE.pack(0, index, 0, parent, 0)):
            _, _, handle, _, info = _MESSAGE.unpack_from(body)
            options = netlink.attributes(netlink.attributes(body[_MESSAGE.size :]).get(TCA_OPTIONS, b""))
            if options.get(TCA_BPF_ID) == struct.pack("=I", program):
                own = _MESSAGE.pack(0, index, handle, parent, info) + netlink.attribute(TCA_KIND, b"bpf\0")
                route.ask(RTM_DELTFILTER, netlink.ACK, own)
        if made:
            with suppress(OSError):  # it hadn't come to that
                _leave(route, index)


def _remove(route: netlink.Netlink, qdisc: Qdisc, own: bytes, guard: Guard) -> None:
    """Delete a filter. A child of fork(2) leaves it to its parent."""
    if os.getpid() == route.process:
        with suppress(OSError):
            route.ask(RTM_DELTFILTER, netlink.ACK, own)
            qdisc.leave(route)
        guard.dismiss()
    route.close()
