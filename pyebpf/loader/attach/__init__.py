"""Attaching programs: a file per mechanism, one table that says which hook uses which.

Everything attached here hangs on descriptors of this process: it is gone when they are closed, or when the process
ends, however it ends. Children of fork(2) have the same descriptors; see `Link`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Final

from pyebpf.diagnostics.base import article
from pyebpf.kernel.hooks import PLACES, AttachKind, Hook, hook_by_name
from pyebpf.loader.attach import (
    cgroup,
    iterator,
    kprobe,
    netfilter,
    netns,
    raw_tracepoint,
    socket_map,
    tracepoint,
    trampoline,
)
from pyebpf.loader.attach.link import Link
from pyebpf.loader.attach.order import FIRST_COME, Order
from pyebpf.loader.errors import LoadError
from pyebpf.loader.load import LoadedMap, LoadedProgram
from pyebpf.object.specs import ProgramSpec

__all__ = ["Link", "attach_program", "is_attached", "needs_place"]


def _late(module: str) -> Callable[..., Link]:
    """A mechanism that takes long to import, in `module` of this package: it is imported when it is first used."""

    def attach(program: LoadedProgram, where: object, *order: Order) -> Link:
        link: Link = import_module(f"{__name__}.{module}").attach(program, where, *order)
        return link

    return attach


MECHANISMS: Final[dict[AttachKind, Callable[[LoadedProgram, object], Link]]] = {
    AttachKind.TRACEPOINT: tracepoint.attach,
    AttachKind.RAW_TRACEPOINT: raw_tracepoint.attach,
    AttachKind.NETDEV_XDP: _late("netdev"),
    AttachKind.TC: _late("tc"),
    AttachKind.NETKIT: _late("netkit"),
    AttachKind.CGROUP: cgroup.attach,
    AttachKind.NETNS: netns.attach,
    AttachKind.REPLACEMENT: _late("replacement"),
    AttachKind.ROUTE: _late("route"),
    AttachKind.NETFILTER: netfilter.attach,
    AttachKind.SOCKET_MAP: socket_map.attach,
    AttachKind.REUSEPORT: _late("reuseport"),
    AttachKind.SOCKET: _late("socket"),
    AttachKind.TRAMPOLINE: trampoline.attach,
    AttachKind.PERF_EVENT: _late("perf_event"),
    AttachKind.KPROBE: kprobe.attach,
    AttachKind.UPROBE: _late("uprobe"),
    AttachKind.USDT: _late("usdt"),
    AttachKind.KPROBE_MULTI: _late("kprobe_multi"),
}


ORDERED: Final[dict[AttachKind, Callable[[LoadedProgram, object, Order], Link]]] = {
    AttachKind.TC: _late("tc"),
    AttachKind.NETKIT: _late("netkit"),
}
"""Those whose programs have an order."""


def needs_place(program: LoadedProgram) -> str:
    """What `where` must name for this program (`interface`), or "" if its section says all."""
    hook = hook_by_name(program.spec.hook)
    if hook is None:
        return ""
    if hook.attach is AttachKind.NETFILTER and program.spec.argument:
        return ""
    if hook.attach is not AttachKind.ITERATOR:
        return hook.where or ("" if program.spec.argument else hook.place)
    found = PLACES.get(program.spec.argument)
    return found.words if found is not None and found.needed else ""


def is_attached(program: ProgramSpec) -> bool:
    """Whether programs of its kind hang on a hook; others are run by user space, or where a map names them."""
    hook = hook_by_name(program.hook)
    return hook is None or hook.attach not in (AttachKind.RUN, AttachKind.IN_A_MAP, AttachKind.OPERATIONS)


def attach_program(
    program: LoadedProgram,
    where: object = None,
    maps: Mapping[str, LoadedMap] = MappingProxyType({}),
    pid: int | None = None,
    order: Order = FIRST_COME,
) -> Link:
    """Attach `program`; `where` for hooks that need a place, or can have one. Raises LoadError.

    `maps`: those that `where` may name for programs that go through a map, or are on the sockets in one. `pid`: the
    process, where it can be one.
    """
    hook = hook_by_name(program.spec.hook)
    if hook is None:
        raise LoadError(
            f"program {program.spec.name} (section {program.spec.section}) can't be attached by pyebpf yet", "object"
        )
    if hook.attach is AttachKind.IN_A_MAP:
        name = program.spec.name
        put = f'session.maps["ports"][0] = ("eth0", session.programs["{name}"])'
        raise LoadError(f"program {name} runs where a map names it: {put}", "target")
    if hook.attach is AttachKind.OPERATIONS:
        raise LoadError(
            f"program {program.spec.name} is registered with its struct, by the name of its class", "target"
        )
    if hook.attach is AttachKind.RUN:
        name = program.spec.name
        raise LoadError(f'program {name} has no hook: session.programs["{name}"].test_run(ctx=…) runs it', "target")
    needed = needs_place(program)
    if needed and where is None:
        name = program.spec.name
        raise LoadError(
            f"program {name} needs to know where: --attach {name}={needed.upper().replace(' ', '_')}", "target"
        )
    if pid is not None:
        where = _of_process(program, hook, where, pid)
    if hook.attach is AttachKind.ITERATOR:
        return iterator.attach(program, where, maps)
    if hook.attach is AttachKind.SOCKET_MAP and isinstance(where, str):
        where = maps.get(where, where)
    if not hook.where and not hook.place and where is not None:
        raise LoadError(
            f"program {program.spec.name} attaches to {hook.name} {program.spec.argument}, and takes no place", "target"
        )
    if order is FIRST_COME:
        return MECHANISMS[hook.attach](program, where)
    if hook.attach not in ORDERED:
        raise LoadError(f"program {program.spec.name} has no order among others: {hook.name} has none", "target")
    return ORDERED[hook.attach](program, where, order)


def _of_process(program: LoadedProgram, hook: Hook, where: object, pid: int) -> str:
    """The place, with the process that it is for."""
    name = program.spec.name
    if not hook.place:
        raise LoadError(f"program {name} is {article(hook.name)} program, which isn't for one process", "target")
    if isinstance(pid, bool) or not isinstance(pid, int) or pid <= 0:
        raise LoadError(f"program {name}: {pid!r:.40} is no process's number", "target")
    if not isinstance(where, str | os.PathLike | None):
        raise LoadError(f"program {name} is attached by text, {hook.place}, not by {where!r:.80}", "target")
    return f"pid={pid}" if where is None else f"{os.fsdecode(where)},pid={pid}"
