"""Routes: programs on what goes by one (4.10), as an encapsulation of it (`lwtunnel`).

A route doesn't hang on a descriptor, and the kernel has no link for it: when its last program is detached, or when
Python ends, it is set back to what it was, or taken away if it wasn't there; a process of its own does so if this one
is killed. All programs on a route are set together, so those of this process on one know each other.
"""

from __future__ import annotations

import errno
import os
import struct
from contextlib import suppress
from typing import Final, final
from weakref import WeakValueDictionary, finalize

from pyebpf.kernel.hooks import hook_by_name
from pyebpf.kernel.programs import ProgramType
from pyebpf.loader import netlink, routes
from pyebpf.loader.attach.link import Link
from pyebpf.loader.errors import LoadError, explain
from pyebpf.loader.guard import Guard
from pyebpf.loader.load import LoadedProgram

LWTUNNEL_ENCAP_BPF: Final = 6
LWTUNNEL_ENCAP_SEG6_LOCAL: Final = 7
PLACES: Final = {ProgramType.LWT_IN: 1, ProgramType.LWT_OUT: 2, ProgramType.LWT_XMIT: 3}
"""LWT_BPF_IN, LWT_BPF_OUT, LWT_BPF_XMIT: attributes of include/uapi/linux/lwtunnel.h."""
PROG_FD: Final = 1
PROG_NAME: Final = 2
"""The same in LWT_BPF_PROG_* and SEG6_LOCAL_BPF_PROG*."""
SEG6_LOCAL_ACTION: Final = 1
SEG6_LOCAL_BPF: Final = 8
END_BPF: Final = 15
"""SEG6_LOCAL_ACTION_END_BPF (4.18)."""


def attach(program: LoadedProgram, where: object) -> Link:
    """Attach to the route `where`: `10.1.0.0/16` for one that is there; for a new one also `via ADDRESS` or `dev
    INTERFACE`."""
    what = f"attach {program.spec.name} to route {where}"
    hook = hook_by_name(program.spec.hook)
    assert hook is not None
    try:
        wanted = routes.parse(str(where))
    except (ValueError, OSError) as error:
        raise LoadError(f"cannot {what}: {getattr(error, 'strerror', None) or error}", "target") from None
    try:
        holder = OnRoute(program, wanted)
    except OSError as error:
        raise _refused(error, what, hook.name) from error
    except ValueError as error:
        raise LoadError(f"cannot {what}: {error}", "target") from None
    return Link(program.spec.name, f"route {where}", (holder,))


def _refused(error: OSError, what: str, hook: str) -> LoadError:
    if error.errno == errno.EOPNOTSUPP:
        option = "CONFIG_IPV6_SEG6_BPF" if hook.endswith("seg6local") else "CONFIG_LWTUNNEL_BPF"
        return LoadError(f"cannot {what}: this kernel has no programs on routes ({option})", "kernel")
    if error.errno in (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENODEV, errno.EINVAL, errno.ENETDOWN):
        return LoadError(f"cannot {what}: {error.strerror}", "target")
    return explain(error, what, hook)


@final
class Shared:
    """A route that programs of this process are on."""

    def __init__(self, wanted: routes.Wanted, route: routes.Route, there: bool) -> None:
        self.wanted = wanted
        self.route = route
        self.there = there
        """Whether it was there before."""
        self.made = False
        """Whether it has been set since."""
        self.programs: dict[ProgramType, tuple[int, str]] = {}
        """A descriptor, and a name that no other program has: the kernel takes routes with equal names for equal."""

    def set(self, netlink_socket: netlink.Netlink) -> None:
        """Bring the kernel's route to the present state. Raises OSError."""
        if self.programs:
            flags = routes.REPLACE if self.there or self.made else netlink.EXCL
            body = self.route.message(self._encapsulation())
            netlink_socket.ask(routes.RTM_NEWROUTE, netlink.ACK | netlink.CREATE | flags, body)
            self.made = True
        else:
            _set_back(netlink_socket, self.route.message(), self.there)

    def _encapsulation(self) -> bytes:
        local = self.programs.get(ProgramType.LWT_SEG6LOCAL)
        kind = LWTUNNEL_ENCAP_BPF if local is None else LWTUNNEL_ENCAP_SEG6_LOCAL
        if local is None:
            parts = [netlink.nested(PLACES[type], *_program(*each)) for type, each in self.programs.items()]
        else:
            action = netlink.attribute(SEG6_LOCAL_ACTION, struct.pack("=I", END_BPF))
            parts = [action, netlink.nested(SEG6_LOCAL_BPF, *_program(*local))]
        type = netlink.attribute(routes.RTA_ENCAP_TYPE, struct.pack("=H", kind))
        return type + netlink.nested(routes.RTA_ENCAP, *parts)


def _program(descriptor: int, name: str) -> tuple[bytes, bytes]:
    return (
        netlink.attribute(PROG_FD, struct.pack("=I", descriptor)),
        netlink.attribute(PROG_NAME, name.encode() + b"\0"),
    )


def _set_back(route: netlink.Netlink, message: bytes, there: bool) -> None:
    """The route as it was without programs; taken away, if it wasn't `there`. Raises OSError."""
    if there:
        route.ask(routes.RTM_NEWROUTE, netlink.ACK | routes.REPLACE, message)
    else:
        route.ask(routes.RTM_DELROUTE, netlink.ACK, message)


def _names(route: routes.Route) -> set[bytes]:
    """Of the programs on it."""
    parts = netlink.attributes(route.details.get(routes.RTA_ENCAP, b"")).values()
    return {netlink.attributes(part).get(PROG_NAME, b"").rstrip(b"\0") for part in parts}


def undo(message: bytes, there: bool, name: bytes) -> None:
    """What is done when a process was killed that had a program of this name on the route: one that has been set
    anew meanwhile is somebody else's. Each of its programs has this done; the first one sets the route back."""
    with netlink.Netlink() as route:
        if any(name in _names(each) for each in routes.of_family(route, message[0])):
            with suppress(OSError):  # another one was quicker
                _set_back(route, message, there)


_OURS: Final[WeakValueDictionary[tuple[object, ...], Shared]] = WeakValueDictionary()
"""By network namespace and what makes a route: the kernel doesn't say which programs one has."""


@final
class OnRoute:
    """A program on a route."""

    needs = ("CAP_NET_ADMIN",)

    def __init__(self, program: LoadedProgram, wanted: routes.Wanted) -> None:
        """Raises OSError, and ValueError for a route that can't have it."""
        self.route = netlink.Netlink()
        try:
            shared = _shared(self.route, wanted)
            type = ProgramType(program.spec.program_type)
            _check_free(shared, type)
            name = f"{program.spec.name}:{program.id}"
            guard = Guard(undo, shared.route.message(), shared.there, name.encode())
            shared.programs[type] = (os.dup(program.fd), name)
            try:
                shared.set(self.route)
                _remember(self.route, shared)
            except BaseException:
                os.close(shared.programs.pop(type)[0])
                guard.dismiss()
                raise
        except BaseException:
            self.route.close()
            raise
        self._end = finalize(self, _remove, self.route, shared, type, guard)

    def close(self) -> None:
        self._end()


def _shared(route: netlink.Netlink, wanted: routes.Wanted) -> Shared:
    found = routes.find(route, wanted)
    target = found or routes.made(wanted)
    known = _OURS.get((_network(), *target.key))
    if known is not None and known.programs:
        return known
    details = target.details
    if routes.RTA_ENCAP_TYPE in details:
        raise ValueError("the route has an encapsulation already (`ip route replace` sets it without one)")
    if routes.RTA_MULTIPATH in details or routes.RTA_NH_ID in details:
        raise ValueError("the route has several next hops, or one of its own: programs go on a route with one")
    return Shared(wanted, target, found is not None)


def _remember(route: netlink.Netlink, shared: Shared) -> None:
    """For the next program on it: by what the kernel says of the route."""
    found = routes.find(route, shared.wanted)
    if found is not None:
        key = (_network(), *found.key)
        _OURS[key] = shared


def _network() -> int:
    """A number of the present network namespace."""
    return os.stat("/proc/thread-self/ns/net").st_ino


def _check_free(shared: Shared, type: ProgramType) -> None:
    alone = ProgramType.LWT_SEG6LOCAL
    if type in shared.programs:
        raise ValueError("another program of this process is at that place of the route")
    if shared.programs and alone in (type, *shared.programs):
        raise ValueError("a @lwt.seg6local program is alone on its route")
    if type == alone and len(shared.wanted.prefix) == 4:
        raise ValueError("@lwt.seg6local programs are for routes of IPv6")


def _remove(route: netlink.Netlink, shared: Shared, type: ProgramType, guard: Guard) -> None:
    """Take one program off. A child of fork(2) leaves it to its parent."""
    descriptor, _ = shared.programs.pop(type)
    if os.getpid() == route.process:
        with suppress(OSError):
            shared.set(route)
        guard.dismiss()
    os.close(descriptor)
    route.close()
