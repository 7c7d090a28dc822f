"""The smallest programs and maps of every kind: what a kernel is asked with, to learn whether it has the kind.

Sources: `enum bpf_prog_type`, `enum bpf_attach_type` and `enum bpf_map_type` in include/uapi/linux/bpf.h; what each
kind's `check` and `alloc_check` functions want of sizes and flags.
"""

from __future__ import annotations

import mmap
from typing import Final, final

from pyebpf.kernel.maps import MapFlag, MapType
from pyebpf.kernel.programs import ProgramType
from pyebpf.kernel.versions import Version
from pyebpf.records import dataclass

T = ProgramType
SLEEPABLE: Final = 1 << 4
"""BPF_F_SLEEPABLE."""
_BPF: Final = ("CAP_BPF",)
_TRACING: Final = ("CAP_BPF", "CAP_PERFMON")
_NETWORK: Final = ("CAP_BPF", "CAP_NET_ADMIN")
RARE: Final = "kernel_halt"
"""A function that every kernel has, and that nobody calls."""


@final
@dataclass(frozen=True, slots=True)
class LeastProgram:
    """Programs that the verifier treats alike, and the smallest of them: it returns `result`."""

    name: str
    type: ProgramType
    since: Version
    attach: int = 0
    """`enum bpf_attach_type`."""
    target: str = ""
    """What it is attached to: a function, a tracepoint (`btf_trace_…`), or an operation (`struct.member`)."""
    flags: int = 0
    result: int = 0
    capabilities: tuple[str, ...] = _NETWORK
    """What loading takes. Attaching may take more: see the hooks' rows."""
    by_link: bool = False
    """Older kernels take it for a plain kprobe, or another program of its type, since only attaching makes a difference
    there."""
    needs: str = ""
    """An option of the kernel's configuration, without which the kind isn't there."""


LEAST_PROGRAMS: Final = (
    LeastProgram("socket_filter", T.SOCKET_FILTER, (3, 19), capabilities=_BPF),
    LeastProgram("kprobe", T.KPROBE, (4, 1), capabilities=_TRACING, needs="CONFIG_BPF_EVENTS"),
    LeastProgram("kprobe.multi", T.KPROBE, (5, 18), 42, capabilities=_TRACING, by_link=True, needs="CONFIG_FPROBE"),
    LeastProgram("kprobe.session", T.KPROBE, (6, 10), 56, capabilities=_TRACING, by_link=True, needs="CONFIG_FPROBE"),
    LeastProgram("uprobe.multi", T.KPROBE, (6, 6), 48, capabilities=_TRACING, by_link=True, needs="CONFIG_UPROBES"),
    LeastProgram("uprobe.session", T.KPROBE, (6, 13), 57, capabilities=_TRACING, by_link=True, needs="CONFIG_UPROBES"),
    LeastProgram("tracepoint", T.TRACEPOINT, (4, 7), capabilities=_TRACING, needs="CONFIG_BPF_EVENTS"),
    LeastProgram("raw_tracepoint", T.RAW_TRACEPOINT, (4, 17), capabilities=_TRACING, needs="CONFIG_BPF_EVENTS"),
    LeastProgram("raw_tracepoint.writable", T.RAW_TRACEPOINT_WRITABLE, (5, 2), capabilities=_TRACING),
    LeastProgram("perf_event", T.PERF_EVENT, (4, 9), capabilities=_TRACING, needs="CONFIG_BPF_EVENTS"),
    LeastProgram("tp_btf", T.TRACING, (5, 5), 23, "btf_trace_sched_switch", capabilities=_TRACING),
    LeastProgram("fentry", T.TRACING, (5, 5), 24, RARE, capabilities=_TRACING, needs="CONFIG_FUNCTION_TRACER"),
    LeastProgram("fexit", T.TRACING, (5, 5), 25, RARE, capabilities=_TRACING, needs="CONFIG_FUNCTION_TRACER"),
    LeastProgram("fmod_ret", T.TRACING, (5, 7), 26, "security_task_kill", capabilities=_TRACING),
    LeastProgram("iterator", T.TRACING, (5, 8), 28, "bpf_iter_task", capabilities=_TRACING),
    LeastProgram("lsm", T.LSM, (5, 7), 27, "bpf_lsm_task_kill", capabilities=_TRACING, needs="CONFIG_BPF_LSM"),
    LeastProgram(
        *("lsm_cgroup", T.LSM, (6, 0), 43, "bpf_lsm_socket_bind"),
        result=1,
        capabilities=_TRACING,
        needs="CONFIG_BPF_LSM",
    ),
    LeastProgram(
        *("struct_ops", T.STRUCT_OPS, (5, 6), 0, "tcp_congestion_ops.ssthresh"),
        capabilities=_TRACING,
        needs="CONFIG_BPF_JIT",
    ),
    LeastProgram("syscall", T.SYSCALL, (5, 14), flags=SLEEPABLE, capabilities=_BPF),
    LeastProgram("xdp", T.XDP, (4, 8), 37),
    LeastProgram("tc", T.SCHED_CLS, (4, 1)),
    LeastProgram("tc.action", T.SCHED_ACT, (4, 1)),
    LeastProgram("netkit.primary", T.SCHED_CLS, (6, 7), 54, by_link=True, needs="CONFIG_NETKIT"),
    LeastProgram("netkit.peer", T.SCHED_CLS, (6, 7), 55, by_link=True, needs="CONFIG_NETKIT"),
    LeastProgram("netfilter", T.NETFILTER, (6, 4), 45, needs="CONFIG_NETFILTER_BPF_LINK"),
    LeastProgram("sk_lookup", T.SK_LOOKUP, (5, 9), 36, capabilities=_BPF),
    LeastProgram("sk_reuseport", T.SK_REUSEPORT, (4, 19), 39, capabilities=_BPF),
    LeastProgram("sk_skb", T.SK_SKB, (4, 14), 5),
    LeastProgram("sk_skb.verdict", T.SK_SKB, (5, 13), 38, by_link=True),
    LeastProgram("sk_msg", T.SK_MSG, (4, 17), 7),
    LeastProgram("flow_dissector", T.FLOW_DISSECTOR, (4, 20), 17),
    LeastProgram("lwt_in", T.LWT_IN, (4, 10), needs="CONFIG_LWTUNNEL_BPF"),
    LeastProgram("lwt_out", T.LWT_OUT, (4, 10), needs="CONFIG_LWTUNNEL_BPF"),
    LeastProgram("lwt_xmit", T.LWT_XMIT, (4, 10), needs="CONFIG_LWTUNNEL_BPF"),
    LeastProgram("lwt_seg6local", T.LWT_SEG6LOCAL, (4, 18), needs="CONFIG_LWTUNNEL_BPF"),
    LeastProgram("lirc_mode2", T.LIRC_MODE2, (4, 18), 16, needs="CONFIG_BPF_LIRC_MODE2"),
    LeastProgram("cgroup.skb", T.CGROUP_SKB, (4, 10), capabilities=_BPF, needs="CONFIG_CGROUP_BPF"),
    LeastProgram("cgroup.sock_create", T.CGROUP_SOCK, (4, 10), 2, needs="CONFIG_CGROUP_BPF"),
    LeastProgram("cgroup.sock_release", T.CGROUP_SOCK, (5, 9), 34, needs="CONFIG_CGROUP_BPF"),
    LeastProgram("cgroup.post_bind4", T.CGROUP_SOCK, (4, 17), 12, needs="CONFIG_CGROUP_BPF"),
    LeastProgram("cgroup.bind4", T.CGROUP_SOCK_ADDR, (4, 17), 8, needs="CONFIG_CGROUP_BPF"),
    LeastProgram("cgroup.connect4", T.CGROUP_SOCK_ADDR, (4, 17), 10, needs="CONFIG_CGROUP_BPF"),
    LeastProgram("cgroup.sendmsg4", T.CGROUP_SOCK_ADDR, (4, 18), 14, needs="CONFIG_CGROUP_BPF"),
    LeastProgram("cgroup.recvmsg4", T.CGROUP_SOCK_ADDR, (5, 2), 19, result=1, needs="CONFIG_CGROUP_BPF"),
    LeastProgram("cgroup.getpeername4", T.CGROUP_SOCK_ADDR, (5, 8), 29, result=1, needs="CONFIG_CGROUP_BPF"),
    LeastProgram("cgroup.connect_unix", T.CGROUP_SOCK_ADDR, (6, 7), 49, needs="CONFIG_CGROUP_BPF"),
    LeastProgram("cgroup.sockops", T.SOCK_OPS, (4, 13), 3, needs="CONFIG_CGROUP_BPF"),
    LeastProgram("cgroup.device", T.CGROUP_DEVICE, (4, 15), 6, needs="CONFIG_CGROUP_BPF"),
    LeastProgram("cgroup.sysctl", T.CGROUP_SYSCTL, (5, 2), 18, needs="CONFIG_CGROUP_BPF"),
    LeastProgram("cgroup.getsockopt", T.CGROUP_SOCKOPT, (5, 3), 21, needs="CONFIG_CGROUP_BPF"),
    LeastProgram("cgroup.setsockopt", T.CGROUP_SOCKOPT, (5, 3), 22, needs="CONFIG_CGROUP_BPF"),
)
"""`ext` (freplace) can't be asked for so: it needs a program to replace a function of."""


def capabilities_of(type: int) -> tuple[str, ...]:
    """What loading a program of the type takes, where no hook says more."""
    if type == T.EXT:
        return ("CAP_BPF", "CAP_PERFMON", "CAP_NET_ADMIN")
    return next((row.capabilities for row in LEAST_PROGRAMS if row.type == type), _BPF)


@final
@dataclass(frozen=True, slots=True)
class LeastMap:
    """Sizes in bytes, entries and flags with which a map of the type can be made."""

    key: int = 4
    value: int = 8
    entries: int = 4
    flags: int = 0
    typed: bool = False
    """It must say what it holds, in BTF."""
    holds_maps: bool = False


_INDEXES: Final = LeastMap(4, 4, 4)
_STORAGE: Final = LeastMap(4, 8, 0, MapFlag.NO_PREALLOC, typed=True)
_NO_KEY: Final = LeastMap(0, 8, 4)
_RING: Final = LeastMap(0, 0, mmap.PAGESIZE)
_CGROUP: Final = LeastMap(16, 8, 0)
LEAST_MAPS: Final[dict[MapType, LeastMap]] = {
    **{kind: LeastMap() for kind in MapType if kind not in (MapType.UNSPEC, MapType.STRUCT_OPS)},
    **dict.fromkeys((MapType.PROG_ARRAY, MapType.PERF_EVENT_ARRAY, MapType.CGROUP_ARRAY), _INDEXES),
    **dict.fromkeys((MapType.SOCKMAP, MapType.SOCKHASH), _INDEXES),
    **dict.fromkeys((MapType.ARRAY_OF_MAPS, MapType.HASH_OF_MAPS), LeastMap(4, 4, 4, holds_maps=True)),
    **dict.fromkeys((MapType.DEVMAP, MapType.DEVMAP_HASH, MapType.CPUMAP, MapType.XSKMAP), LeastMap(4, 4, 1)),
    MapType.LPM_TRIE: LeastMap(8, 8, 4, MapFlag.NO_PREALLOC),
    **dict.fromkeys((MapType.CGROUP_STORAGE, MapType.PERCPU_CGROUP_STORAGE), _CGROUP),
    **dict.fromkeys((MapType.QUEUE, MapType.STACK, MapType.BLOOM_FILTER), _NO_KEY),
    **dict.fromkeys((MapType.RINGBUF, MapType.USER_RINGBUF), _RING),
    **dict.fromkeys((MapType.SK_STORAGE, MapType.INODE_STORAGE, MapType.TASK_STORAGE, MapType.CGRP_STORAGE), _STORAGE),
    MapType.ARENA: LeastMap(0, 0, 1, MapFlag.MMAPABLE),
    MapType.INSN_ARRAY: LeastMap(4, 16, 4),
}
"""Each type but STRUCT_OPS, which needs a struct of the kernel's."""
MAP_SINCE: Final[dict[MapType, Version]] = {
    **dict.fromkeys((MapType.HASH, MapType.ARRAY), (3, 19)),
    MapType.PROG_ARRAY: (4, 2),
    MapType.PERF_EVENT_ARRAY: (4, 3),
    **dict.fromkeys((MapType.PERCPU_HASH, MapType.PERCPU_ARRAY, MapType.STACK_TRACE), (4, 6)),
    MapType.CGROUP_ARRAY: (4, 8),
    **dict.fromkeys((MapType.LRU_HASH, MapType.LRU_PERCPU_HASH), (4, 10)),
    MapType.LPM_TRIE: (4, 11),
    **dict.fromkeys((MapType.ARRAY_OF_MAPS, MapType.HASH_OF_MAPS), (4, 12)),
    **dict.fromkeys((MapType.DEVMAP, MapType.SOCKMAP), (4, 14)),
    MapType.CPUMAP: (4, 15),
    **dict.fromkeys((MapType.XSKMAP, MapType.SOCKHASH), (4, 18)),
    **dict.fromkeys((MapType.CGROUP_STORAGE, MapType.REUSEPORT_SOCKARRAY), (4, 19)),
    **dict.fromkeys((MapType.PERCPU_CGROUP_STORAGE, MapType.QUEUE, MapType.STACK), (4, 20)),
    MapType.SK_STORAGE: (5, 2),
    MapType.DEVMAP_HASH: (5, 4),
    MapType.RINGBUF: (5, 8),
    MapType.INODE_STORAGE: (5, 10),
    MapType.TASK_STORAGE: (5, 11),
    MapType.BLOOM_FILTER: (5, 16),
    MapType.USER_RINGBUF: (6, 1),
    MapType.CGRP_STORAGE: (6, 2),
    MapType.ARENA: (6, 9),
    MapType.INSN_ARRAY: (6, 19),
}
"""First kernels."""
