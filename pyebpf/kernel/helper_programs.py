"""Which programs may call which helpers: groups of program types, and where the type alone doesn't decide.

Sources: the `*_func_proto` functions of the kernel's program types (kernel/bpf, kernel/trace/bpf_trace.c,
net/core/filter.c), as their verifiers answer; the kernel's history for versions. A version here is the true one where
the history is certain, and else the oldest of the kernels 5.10, 6.1, 6.12, 6.18, 7.3 whose verifier agrees.

Programs that replace a function of another program (EXT) may call what that one may. Those of struct_ops have what
their struct allows: the rows speak of tcp_congestion_ops.
"""

from __future__ import annotations

from typing import Final, TypeAlias, final

from pyebpf.kernel.programs import AttachType, ProgramType
from pyebpf.records import dataclass

Version: TypeAlias = "tuple[int, int]"
_P: Final = ProgramType
_A: Final = AttachType

ALL: Final = tuple(type for type in ProgramType if type is not _P.UNSPEC)
TYPED: Final = (_P.TRACING, _P.LSM, _P.SYSCALL)
"""Programs whose arguments have types of the kernel's, and those that are called by a process itself."""
TRACERS: Final = (
    *TYPED,
    *(_P.KPROBE, _P.TRACEPOINT, _P.PERF_EVENT, _P.RAW_TRACEPOINT, _P.RAW_TRACEPOINT_WRITABLE),
)
TC: Final = (_P.SCHED_CLS, _P.SCHED_ACT)
LWT: Final = (_P.LWT_IN, _P.LWT_OUT, _P.LWT_XMIT, _P.LWT_SEG6LOCAL)
CGROUP: Final = (_P.CGROUP_DEVICE, _P.CGROUP_SOCK, _P.CGROUP_SOCKOPT, _P.CGROUP_SOCK_ADDR, _P.CGROUP_SYSCTL)
"""Of a cgroup, and not about one packet."""
_PACKETS: Final = (*TC, *LWT, _P.XDP, _P.SOCKET_FILTER, _P.CGROUP_SKB, _P.SK_SKB, _P.FLOW_DISSECTOR)
SOCKETS: Final = (*TYPED, *_PACKETS, _P.SOCK_OPS, _P.SK_MSG, _P.SK_LOOKUP, _P.CGROUP_SOCK_ADDR)
"""What may see sockets as those of their protocol."""
OUTPUT: Final = tuple(
    type for type in ALL if type not in (_P.FLOW_DISSECTOR, _P.NETFILTER, _P.SK_REUSEPORT, _P.STRUCT_OPS, _P.LIRC_MODE2)
)
"""What may write into the rings of perf events."""
COARSE: Final = tuple(
    type
    for type in ALL
    if type not in (*TRACERS, _P.CGROUP_DEVICE, _P.CGROUP_SOCKOPT, _P.NETFILTER, _P.LIRC_MODE2, _P.EXT)
)
"""All but what may be in the middle of setting the clock (tracing), and what was forgotten."""

SLEEPING: Final[frozenset[str]] = frozenset(
    ("copy_from_user", "copy_from_user_task", "ima_inode_hash", "ima_file_hash")
)
"""What may sleep (`might_sleep` of its proto)."""


@final
@dataclass(frozen=True, slots=True)
class Rule:
    """Programs of the types may call the helpers; where attach types are named, only those with one of them."""

    helpers: str
    programs: tuple[ProgramType, ...]
    since: Version = (0, 0)
    attach_types: tuple[int, ...] = ()
    """`expected_attach_type`; empty if it doesn't matter."""


_WITH_PROCESS: Final = (*TRACERS, *CGROUP, _P.SK_MSG)
"""What could always ask who is running."""
_WITHOUT: Final = tuple(type for type in ALL if type not in _WITH_PROCESS)
_NO_TRACERS: Final = tuple(type for type in ALL if type not in TRACERS)
_RAW: Final = (_P.RAW_TRACEPOINT, _P.RAW_TRACEPOINT_WRITABLE)
_CURRENT: Final = (_P.CGROUP_DEVICE, _P.CGROUP_SYSCTL, _P.CGROUP_SOCKOPT)
_TRAMPOLINES: Final = (_A.TRACE_FENTRY, _A.TRACE_FEXIT, _A.MODIFY_RETURN)
_NAMES: Final = (*range(19, 21), *range(29, 33), *range(51, 54))
"""What is asked after the fact, where there is no result to change: recvmsg, getpeername, getsockname."""

RULES: Final = (
    # By way of the program's place.
    Rule("seq_printf seq_write seq_printf_btf", (_P.TRACING,), (5, 8), (_A.TRACE_ITER,)),
    Rule("get_func_arg get_func_ret get_func_arg_cnt", (_P.TRACING,), (5, 17), _TRAMPOLINES),
    Rule("get_func_arg get_func_arg_cnt", (_P.TRACING,), (7, 0), (_A.TRACE_RAW_TP,)),
    Rule("get_func_arg get_func_ret get_func_arg_cnt", (_P.LSM,), (5, 17), (_A.LSM_MAC,)),
    Rule("get_func_ip", (_P.TRACING,), (5, 15), _TRAMPOLINES),
    Rule("get_attach_cookie", (_P.TRACING,), (5, 19), _TRAMPOLINES),
    Rule("get_attach_cookie", (_P.TRACING,), (6, 10), (_A.TRACE_RAW_TP,)),
    Rule("get_attach_cookie", _RAW, (6, 10)),
    Rule("get_attach_cookie", (_P.LSM,), (5, 19), (_A.LSM_MAC,)),
    Rule("get_local_storage", (_P.LSM,), (6, 0), (_A.LSM_CGROUP,)),
    Rule("get_retval set_retval", (_P.LSM,), (6, 0), (_A.LSM_CGROUP,)),
    Rule("setsockopt getsockopt", (_P.LSM,), (6, 0), (_A.LSM_CGROUP,)),
    Rule("setsockopt getsockopt", (_P.CGROUP_SOCK,), (7, 3), (_A.CGROUP_INET_SOCK_CREATE,)),
    Rule("setsockopt getsockopt", (_P.CGROUP_SOCKOPT,), (5, 15), (_A.CGROUP_SETSOCKOPT,)),
    Rule("setsockopt getsockopt", (_P.CGROUP_SOCK_ADDR,), (5, 8), (_A.CGROUP_INET4_CONNECT, _A.CGROUP_INET6_CONNECT)),
    Rule("setsockopt getsockopt", (_P.CGROUP_SOCK_ADDR,), (5, 12)),
    Rule("setsockopt getsockopt", (_P.STRUCT_OPS,), (5, 15)),
    Rule("bind", (_P.CGROUP_SOCK_ADDR,), (4, 17), (_A.CGROUP_INET4_CONNECT, _A.CGROUP_INET6_CONNECT)),
    Rule(
        "get_retval set_retval",
        (_P.CGROUP_SOCK_ADDR,),
        (6, 1),
        tuple(number for number in range(8, 64) if number not in _NAMES),
    ),
    # Asked of packets, where the process that runs need not be the one that they are about.
    Rule("get_current_pid_tgid", _CURRENT, (6, 1)),
    Rule("get_current_pid_tgid", _WITHOUT, (6, 10)),
    Rule("get_ns_current_pid_tgid", _NO_TRACERS, (6, 10)),
    Rule("get_current_cgroup_id get_current_ancestor_cgroup_id", _WITHOUT, (6, 12)),
    Rule("get_current_uid_gid", _WITHOUT, (6, 16)),
    Rule("get_current_comm", _CURRENT, (6, 1)),
    Rule("get_current_comm", (*_WITHOUT, _P.SK_MSG), (6, 16)),
    Rule("current_task_under_cgroup", CGROUP, (6, 12)),
    Rule("current_task_under_cgroup", (*_WITHOUT, _P.SK_MSG), (6, 16)),
    Rule("get_cgroup_classid", _CURRENT, (6, 1)),
    Rule(
        "get_cgroup_classid",
        (
            *(*TRACERS, _P.SOCKET_FILTER, _P.XDP, _P.CGROUP_SKB, _P.SOCK_OPS, _P.SK_SKB, _P.SK_REUSEPORT),
            *(_P.FLOW_DISSECTOR, _P.SK_LOOKUP, _P.NETFILTER, _P.STRUCT_OPS),
        ),
        (6, 16),
    ),
    Rule("perf_event_read perf_event_read_value send_signal send_signal_thread get_task_stack", _NO_TRACERS, (6, 16)),
    Rule("task_storage_get task_storage_delete get_branch_snapshot find_vma", _NO_TRACERS, (6, 16)),
    Rule("copy_from_user copy_from_user_task", _NO_TRACERS, (6, 16)),
    Rule("get_current_task_btf", _NO_TRACERS, (6, 1)),
    # Others that reached more programs in time.
    Rule("get_current_ancestor_cgroup_id", TRACERS, (5, 15)),
    Rule("get_current_ancestor_cgroup_id", _CURRENT, (6, 1)),
    Rule("get_socket_cookie", (_P.TRACING, _P.LSM), (5, 12)),
    Rule("get_socket_cookie", (_P.SK_REUSEPORT,), (5, 14)),
    Rule("get_netns_cookie", (_P.SOCK_OPS, _P.SK_MSG, _P.CGROUP_SOCKOPT), (5, 15)),
    Rule("get_netns_cookie", (*TC, _P.SOCKET_FILTER, _P.CGROUP_SKB), (6, 16)),
    Rule(
        "sk_storage_get sk_storage_delete",
        (_P.TRACING,),
        (5, 11),
        (_A.TRACE_RAW_TP, _A.TRACE_FENTRY, _A.TRACE_FEXIT, _A.TRACE_ITER),
    ),
    Rule("spin_lock spin_unlock", TRACERS, (6, 1)),
    Rule("strtol strtoul", tuple(type for type in ALL if type is not _P.CGROUP_SYSCTL), (6, 1)),
)


def later(helper: str, program_type: ProgramType, attach_type: int | None) -> Version | None:
    """Since when the rules allow it, (0, 0) if there is none for them; None if there are, and none allows it."""
    found = [rule for rule in RULES if program_type in rule.programs and helper in rule.helpers.split()]
    if not found:
        return (0, 0)
    fitting = [
        rule.since for rule in found if not rule.attach_types or attach_type is None or attach_type in rule.attach_types
    ]
    return min(fitting, default=None)
