"""Contexts with fields: which there are, and who may read and write them. A file per family of programs."""

from __future__ import annotations

import platform
from typing import Final

from pyebpf.kernel.contexts.cgroups import DEVICE, SOCKOPT, SYSCTL
from pyebpf.kernel.contexts.fields import ContextField, ContextStruct, SocketField
from pyebpf.kernel.contexts.packets import SK_BUFF, XDP_MD
from pyebpf.kernel.contexts.perf_events import PERF_EVENT_DATA
from pyebpf.kernel.contexts.sockets import SK_LOOKUP, SK_MSG, SK_REUSEPORT, SOCK, SOCK_ADDR, SOCK_OPS
from pyebpf.kernel.helpers import helper_by_name
from pyebpf.kernel.hooks.kinds import ContextKind, Hook

__all__ = ["CONTEXTS", "ContextField", "ContextStruct", "SocketField", "context_of", "field_at", "socket_of"]

CONTEXTS: Final = (
    *(XDP_MD, SK_BUFF),
    *(SOCK_ADDR, SOCK, SOCK_OPS, SK_LOOKUP, SK_MSG, SK_REUSEPORT),
    *(DEVICE, SYSCTL, SOCKOPT),
    *PERF_EVENT_DATA,
)


def context_of(hook: Hook, machine: str = "") -> ContextStruct | None:
    """The struct of the programs on `hook`; None where contexts are something else. `machine`: the one that they are
    for, if that isn't this one."""
    if hook.context is ContextKind.NOTHING:
        return None
    machines = ("", machine or platform.machine())
    return next((each for each in CONTEXTS if hook.program_type in each.programs and each.machine in machines), None)


def socket_of(hook: Hook) -> SocketField | None:
    """Where the programs on `hook` find a socket that they may use whole."""
    context = context_of(hook)
    found = context.socket if context is not None else None
    whole = helper_by_name("sk_fullsock")
    assert whole is not None
    return found if found is None or not found.ask or whole.allows(hook.program_type, hook.attach_type) else None


def field_at(hook: Hook, offset: int) -> ContextField | None:
    """The field that a program on `hook` finds at `offset`."""
    context = context_of(hook)
    fields = context.fields if context is not None else ()
    return next((field for field in fields if field.offset <= offset < field.offset + field.size), None)
