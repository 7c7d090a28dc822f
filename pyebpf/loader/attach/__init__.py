"""Attaching programs: a file per mechanism, one table that says which hook uses which.

Everything attached here hangs on descriptors of this process: it is gone when they are closed, or when the process
ends, however it ends. Children of fork(2) have the same descriptors; see `Link`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pyebpf.kernel.hooks import AttachKind, hook_by_name
from pyebpf.loader.attach import cgroup, iterator, kprobe, netdev, raw_tracepoint, socket, tracepoint, trampoline
from pyebpf.loader.attach.link import Link
from pyebpf.loader.errors import LoadError
from pyebpf.loader.load import LoadedProgram

__all__ = ["Link", "attach_program", "needs_place"]

MECHANISMS: Final[dict[AttachKind, Callable[[LoadedProgram, object], Link]]] = {
    AttachKind.TRACEPOINT: tracepoint.attach,
    AttachKind.RAW_TRACEPOINT: raw_tracepoint.attach,
    AttachKind.NETDEV_XDP: netdev.attach,
    AttachKind.CGROUP: cgroup.attach,
    AttachKind.SOCKET: socket.attach,
    AttachKind.TRAMPOLINE: trampoline.attach,
    AttachKind.KPROBE: kprobe.attach,
    AttachKind.ITERATOR: iterator.attach,
}


def needs_place(program: LoadedProgram) -> str:
    """What `where` must name for this program (`interface`), or "" if its section says all."""
    hook = hook_by_name(program.spec.hook)
    return hook.where if hook is not None else ""


def attach_program(program: LoadedProgram, where: object = None) -> Link:
    """Attach `program`; `where` for hooks that need a place. Raises LoadError."""
    hook = hook_by_name(program.spec.hook)
    if hook is None:
        raise LoadError(
            f"program {program.spec.name} (section {program.spec.section}) can't be attached by pyebpf yet", "object"
        )
    if hook.where and where is None:
        name = program.spec.name
        raise LoadError(
            f"program {name} needs to know where: --attach {name}={hook.where.upper().replace(' ', '_')}", "target"
        )
    if not hook.where and where is not None:
        raise LoadError(
            f"program {program.spec.name} attaches to {hook.name} {program.spec.argument}, and takes no place", "target"
        )
    return MECHANISMS[hook.attach](program, where)
