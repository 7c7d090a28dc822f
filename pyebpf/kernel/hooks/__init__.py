"""Hooks: where a program can be attached. One row each, in a file per family; to add a hook, add its row there and its
name to `HOOKS`.

Sources: `include/uapi/linux/bpf.h` for numbers, libbpf's section names (its
documentation, "Program types and ELF sections"), the kernel's changelogs for versions.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from pyebpf.kernel.hooks.cgroups import CGROUP_HOOKS, SOCKOPS
from pyebpf.kernel.hooks.flows import FLOW_DISSECTOR, FlowAction
from pyebpf.kernel.hooks.functions import FENTRY, FEXIT, FMOD_RET
from pyebpf.kernel.hooks.iterators import CGROUP_ORDERS, ITERATOR, PLACES, IteratorPlace
from pyebpf.kernel.hooks.kinds import AttachKind, ContextKind, Hook, Target
from pyebpf.kernel.hooks.kprobes import (
    KPROBE,
    KPROBE_MULTI,
    KPROBE_SESSION,
    KRETPROBE,
    KRETPROBE_MULTI,
    KRETSYSCALL,
    KSYSCALL,
)
from pyebpf.kernel.hooks.netfilter import NETFILTER, NfAction
from pyebpf.kernel.hooks.netkit import NETKIT_PEER, NETKIT_PRIMARY
from pyebpf.kernel.hooks.network import (
    CGROUP_SKB_EGRESS,
    CGROUP_SKB_INGRESS,
    SOCKET_FILTER,
    XDP,
    XDP_CPUMAP,
    XDP_DEVMAP,
    XDP_FRAGS,
    CgroupAction,
    XdpAction,
)
from pyebpf.kernel.hooks.operations import STRUCT_OPS
from pyebpf.kernel.hooks.perf_events import PERF_EVENT
from pyebpf.kernel.hooks.replacing import FREPLACE, has_context, replacing
from pyebpf.kernel.hooks.routes import LWT_INPUT, LWT_OUTPUT, LWT_SEG6LOCAL, LWT_XMIT, LwtAction
from pyebpf.kernel.hooks.security import LSM, LSM_CGROUP
from pyebpf.kernel.hooks.sockets import SK_LOOKUP, SK_MSG, SK_REUSEPORT, SK_SKB, SK_SKB_PARSER, SK_SKB_VERDICT, SkAction
from pyebpf.kernel.hooks.syscalls import SYSCALL
from pyebpf.kernel.hooks.tc import TC_EGRESS, TC_INGRESS, TcAction
from pyebpf.kernel.hooks.tracepoints import RAW_TRACEPOINT, TP_BTF, TRACEPOINT
from pyebpf.kernel.hooks.uprobes import UPROBE, UPROBE_MULTI, UPROBE_SESSION, URETPROBE, URETPROBE_MULTI, USDT

__all__ = [
    "CGROUP_HOOKS",
    "CGROUP_ORDERS",
    "CGROUP_SKB_EGRESS",
    "CGROUP_SKB_INGRESS",
    "FENTRY",
    "FEXIT",
    "FLOW_DISSECTOR",
    "FMOD_RET",
    "FREPLACE",
    "HOOKS",
    "ITERATOR",
    "KPROBE",
    "KPROBE_MULTI",
    "KPROBE_SESSION",
    "KRETPROBE",
    "KRETPROBE_MULTI",
    "KRETSYSCALL",
    "KSYSCALL",
    "LSM",
    "PLACES",
    "IteratorPlace",
    "LSM_CGROUP",
    "LWT_INPUT",
    "LWT_OUTPUT",
    "LWT_SEG6LOCAL",
    "LWT_XMIT",
    "NETFILTER",
    "PERF_EVENT",
    "NETKIT_PEER",
    "NETKIT_PRIMARY",
    "RAW_TRACEPOINT",
    "SK_LOOKUP",
    "SK_MSG",
    "SK_REUSEPORT",
    "SK_SKB",
    "SK_SKB_PARSER",
    "SK_SKB_VERDICT",
    "SOCKET_FILTER",
    "SOCKOPS",
    "STRUCT_OPS",
    "SYSCALL",
    "TC_EGRESS",
    "TC_INGRESS",
    "TP_BTF",
    "TRACEPOINT",
    "UPROBE",
    "UPROBE_MULTI",
    "UPROBE_SESSION",
    "URETPROBE",
    "URETPROBE_MULTI",
    "USDT",
    "XDP",
    "XDP_CPUMAP",
    "XDP_DEVMAP",
    "XDP_FRAGS",
    "AttachKind",
    "CgroupAction",
    "ContextKind",
    "FlowAction",
    "Hook",
    "LwtAction",
    "NfAction",
    "SkAction",
    "Target",
    "TcAction",
    "XdpAction",
    "decorators",
    "has_context",
    "hook_by_name",
    "replacing",
    "sleeping",
    "timer_of",
    "work_queue_of",
]

HOOKS: Final = (
    *(TRACEPOINT, RAW_TRACEPOINT, TP_BTF, FENTRY, FEXIT, FMOD_RET, LSM, LSM_CGROUP),
    *(KPROBE, KRETPROBE, KPROBE_MULTI, KRETPROBE_MULTI, KPROBE_SESSION),
    *(KSYSCALL, KRETSYSCALL, ITERATOR, SYSCALL, FREPLACE, STRUCT_OPS),
    *(UPROBE, URETPROBE, UPROBE_MULTI, URETPROBE_MULTI, UPROBE_SESSION, USDT),
    PERF_EVENT,
    *(XDP, XDP_FRAGS, XDP_DEVMAP, XDP_CPUMAP, TC_INGRESS, TC_EGRESS, NETKIT_PRIMARY, NETKIT_PEER),
    *(CGROUP_SKB_INGRESS, CGROUP_SKB_EGRESS, SOCKET_FILTER),
    *CGROUP_HOOKS,
    *(LWT_INPUT, LWT_OUTPUT, LWT_XMIT, LWT_SEG6LOCAL),
    *(FLOW_DISSECTOR, SK_LOOKUP, SK_REUSEPORT, SK_MSG, SK_SKB, SK_SKB_PARSER, SK_SKB_VERDICT, NETFILTER),
)


def timer_of(owner: Hook) -> Hook:
    """What the callbacks of timers run as: programs of the owner's type, in a softirq, that answer 0
    (`bpf_timer_cb` in kernel/bpf/helpers.c; in_async_callback_fn in kernel/bpf/verifier.c)."""
    return replace(
        owner,
        name="timer",
        section="",
        attach_type=None,
        context=ContextKind.NOTHING,
        parameter="entry",
        returns=None,
        result=(0, 0),
        default=0,
        takes="",
        where="",
        since=(5, 15),
        test_run=False,
        sleepable=False,
        alone=(5, 15),  # of softirqs one runs at a time on a CPU
    )


def work_queue_of(owner: Hook) -> Hook:
    """What the callbacks of work queues run as: programs of the owner's type, in a thread of the kernel, which may
    sleep (`bpf_wq_work` in kernel/bpf/helpers.c)."""
    return replace(timer_of(owner), name="work queue", since=(6, 10), sleepable=True, alone=None)


def sleeping(hook: Hook) -> Hook:
    """`hook` for programs that may sleep, as `sleepable=True` asks for. While one of them sleeps, others run."""
    assert hook.sleeps is not None
    kind, slash, argument = hook.section.partition("/")
    return replace(
        hook,
        section=f"{kind}.s{slash}{argument}",
        since=max(hook.since, hook.sleeps),
        alone=None,
        sleepable=True,
    )


SEVERAL: Final = 4
"""Hooks of a family that are named one by one, where it isn't all of them."""


def decorators(hooks: Iterable[Hook]) -> list[str]:
    """How to write them, for messages: `@xdp`; `@tc.*` where all hooks of that family are among them, or most."""
    given = tuple(hook for hook in hooks if hook is not FREPLACE)  # whose programs can what those can that they replace
    return list(dict.fromkeys(_decorator(hook, given) for hook in given))


def _decorator(hook: Hook, given: tuple[Hook, ...]) -> str:
    words = hook.name.split(".")
    for count in range(1, len(words)):
        family = ".".join(words[:count]) + "."
        members = [each in given for each in HOOKS if each.name.startswith(family)]
        if all(members):
            return f"@{family}*"
        if sum(members) > SEVERAL:
            return f"most @{family}*"
    return f"@{hook.name}"


def hook_by_name(name: str) -> Hook | None:
    """The row named `name`, or None."""
    return next((hook for hook in HOOKS if hook.name == name), None)
