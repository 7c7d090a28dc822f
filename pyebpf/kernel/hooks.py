"""Hooks: where a program can be attached. One row each; to add a hook, add its row here.

Sources: `include/uapi/linux/bpf.h` for numbers, libbpf's section names (its
documentation, "Program types and ELF sections"), the kernel's changelogs for versions.
"""

from __future__ import annotations

from dataclasses import replace
from enum import Enum, IntEnum
from typing import Final, final

from pyebpf.kernel.programs import AttachType, ProgramType
from pyebpf.records import dataclass


class AttachKind(Enum):
    """The mechanism that attaches a program; `loader/attach/` has a file for each."""

    TRACEPOINT = "tracepoint"
    RAW_TRACEPOINT = "raw_tracepoint"
    NETDEV_XDP = "xdp"
    CGROUP = "cgroup"
    SOCKET = "socket"


class ContextKind(Enum):
    """What the probe's parameter offers."""

    TRACEPOINT = "tracepoint"
    """The tracepoint's own fields, typed by the kernel."""
    RAW_ARGS = "raw_args"
    """`ctx.args[i]`, u64 each."""
    XDP_PACKET = "xdp_packet"
    """A packet read in place through `struct xdp_md`."""
    SKB_PACKET = "skb_packet"
    """A packet read in place through `struct __sk_buff`, starting at the network header."""
    SKB_COPY = "skb_copy"
    """A packet of `struct __sk_buff` that the hook may not read in place: it is copied out by `skb_load_bytes`."""
    NOTHING = "nothing"
    """No context: a callback has what it is called with."""


class XdpAction(IntEnum):
    """`enum xdp_action`."""

    ABORTED = 0
    DROP = 1
    PASS = 2
    TX = 3
    REDIRECT = 4


class CgroupSkbAction(IntEnum):
    """What a cgroup_skb program answers: let the packet go, or drop it (EPERM for a local sender)."""

    DROP = 0
    PASS = 1


@final
@dataclass(frozen=True, slots=True)
class Hook:
    """A place where programs attach."""

    name: str
    """As in the decorator: `cgroup.skb.egress`."""
    section: str
    """libbpf's section name; `{argument}` is replaced, `:` in the argument by `/`."""
    program_type: ProgramType
    attach_type: AttachType | None
    context: ContextKind
    parameter: str
    """The usual name of the function's one parameter."""
    returns: type[IntEnum] | None
    """The actions that the program may return; None where the result is a plain number."""
    result: tuple[int, int]
    """Smallest and largest result that the kernel takes."""
    default: int
    """The result of a program that runs off its end, and after a fault: never cuts traffic, keeps nothing back."""
    attach: AttachKind
    takes: str
    """What the decorator's argument is (`category:name`), or ""."""
    where: str
    """What `--attach NAME=WHERE` must name (`interface`, `cgroup directory`), or "" if nothing."""
    since: tuple[int, int]
    """First kernel with the program type (or the attach mechanism used, where that is younger)."""
    capabilities: tuple[str, ...]
    test_run: bool
    """Whether BPF_PROG_TEST_RUN takes it."""
    alone: tuple[int, int] | None = None
    """First kernel on which a program that is running on a CPU is never begun again there, by an interrupt, by another
    task or by what it causes itself; None where that can happen."""


TRACEPOINT: Final = Hook(
    name="tracepoint",
    section="tracepoint/{argument}",
    program_type=ProgramType.TRACEPOINT,
    attach_type=None,
    context=ContextKind.TRACEPOINT,
    parameter="ctx",
    returns=None,
    result=(0, 2**31 - 1),
    default=0,
    attach=AttachKind.TRACEPOINT,
    takes="category:name",
    where="",
    since=(4, 7),
    capabilities=("CAP_BPF", "CAP_PERFMON"),
    test_run=False,
    alone=(4, 7),  # trace_call_bpf runs one program at a time on a CPU, by bpf_prog_active
)
RAW_TRACEPOINT: Final = Hook(
    name="raw_tracepoint",
    section="raw_tracepoint/{argument}",
    program_type=ProgramType.RAW_TRACEPOINT,
    attach_type=None,
    context=ContextKind.RAW_ARGS,
    parameter="ctx",
    returns=None,
    result=(0, 2**31 - 1),
    default=0,
    attach=AttachKind.RAW_TRACEPOINT,
    takes="name",
    where="",
    since=(4, 17),
    capabilities=("CAP_BPF", "CAP_PERFMON"),
    test_run=True,  # 5.10
    alone=(6, 1),  # __bpf_trace_run counts in prog->active
)
XDP: Final = Hook(
    name="xdp",
    section="xdp",
    program_type=ProgramType.XDP,
    attach_type=AttachType.XDP,
    context=ContextKind.XDP_PACKET,
    parameter="packet",
    returns=XdpAction,
    result=(0, 4),
    default=XdpAction.PASS.value,
    attach=AttachKind.NETDEV_XDP,
    takes="",
    where="interface",
    since=(5, 9),  # BPF_LINK_CREATE on a netdev; XDP itself is 4.8
    capabilities=("CAP_BPF", "CAP_NET_ADMIN"),
    test_run=True,
    alone=(4, 8),  # in softirqs, of which one runs at a time on a CPU, or with them disabled
)
CGROUP_SKB_INGRESS: Final = Hook(
    name="cgroup.skb.ingress",
    section="cgroup_skb/ingress",
    program_type=ProgramType.CGROUP_SKB,
    attach_type=AttachType.CGROUP_INET_INGRESS,
    context=ContextKind.SKB_PACKET,
    parameter="packet",
    returns=CgroupSkbAction,
    result=(0, 1),
    default=CgroupSkbAction.PASS.value,
    attach=AttachKind.CGROUP,
    takes="",
    where="cgroup directory",
    since=(5, 7),  # BPF_LINK_CREATE on a cgroup; the program type is 4.10
    capabilities=("CAP_BPF", "CAP_NET_ADMIN"),
    test_run=True,
)
CGROUP_SKB_EGRESS: Final = Hook(
    name="cgroup.skb.egress",
    section="cgroup_skb/egress",
    program_type=ProgramType.CGROUP_SKB,
    attach_type=AttachType.CGROUP_INET_EGRESS,
    context=ContextKind.SKB_PACKET,
    parameter="packet",
    returns=CgroupSkbAction,
    result=(0, 1),
    default=CgroupSkbAction.PASS.value,
    attach=AttachKind.CGROUP,
    takes="",
    where="cgroup directory",
    since=(5, 7),
    capabilities=("CAP_BPF", "CAP_NET_ADMIN"),
    test_run=True,
)
SOCKET_FILTER: Final = Hook(
    name="socket_filter",
    section="socket",
    program_type=ProgramType.SOCKET_FILTER,
    attach_type=None,
    context=ContextKind.SKB_COPY,
    parameter="packet",
    returns=None,
    result=(0, 2**32 - 1),
    default=2**32 - 1,  # keep the whole packet
    attach=AttachKind.SOCKET,
    takes="",
    where="interface",
    since=(3, 19),
    capabilities=("CAP_BPF", "CAP_NET_RAW"),
    test_run=True,
)

HOOKS: Final = (TRACEPOINT, RAW_TRACEPOINT, XDP, CGROUP_SKB_INGRESS, CGROUP_SKB_EGRESS, SOCKET_FILTER)


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
        alone=(5, 15),  # of softirqs one runs at a time on a CPU
    )


def hook_by_name(name: str) -> Hook | None:
    """The row named `name`, or None."""
    return next((hook for hook in HOOKS if hook.name == name), None)
