"""Program and attach types: the numbers of `enum bpf_prog_type` and `enum bpf_attach_type`
(include/uapi/linux/bpf.h)."""

from __future__ import annotations

from enum import IntEnum


class ProgramType(IntEnum):
    """`enum bpf_prog_type`."""

    UNSPEC = 0
    SOCKET_FILTER = 1
    KPROBE = 2
    SCHED_CLS = 3
    SCHED_ACT = 4
    TRACEPOINT = 5
    XDP = 6
    PERF_EVENT = 7
    CGROUP_SKB = 8
    CGROUP_SOCK = 9
    LWT_IN = 10
    LWT_OUT = 11
    LWT_XMIT = 12
    SOCK_OPS = 13
    SK_SKB = 14
    CGROUP_DEVICE = 15
    SK_MSG = 16
    RAW_TRACEPOINT = 17
    CGROUP_SOCK_ADDR = 18
    LWT_SEG6LOCAL = 19
    LIRC_MODE2 = 20
    SK_REUSEPORT = 21
    FLOW_DISSECTOR = 22
    CGROUP_SYSCTL = 23
    RAW_TRACEPOINT_WRITABLE = 24
    CGROUP_SOCKOPT = 25
    TRACING = 26
    STRUCT_OPS = 27
    EXT = 28
    LSM = 29
    SK_LOOKUP = 30
    SYSCALL = 31
    NETFILTER = 32


WITHOUT_LOCKS = (
    *(ProgramType.SOCKET_FILTER, ProgramType.KPROBE, ProgramType.TRACEPOINT, ProgramType.PERF_EVENT),
    *(ProgramType.RAW_TRACEPOINT, ProgramType.RAW_TRACEPOINT_WRITABLE),
)
"""Programs that may not use maps with spin locks (`check_map_prog_compatibility` in kernel/bpf/verifier.c)."""
WITHOUT_TIMERS = (
    *(ProgramType.KPROBE, ProgramType.TRACEPOINT, ProgramType.PERF_EVENT),
    *(ProgramType.RAW_TRACEPOINT, ProgramType.RAW_TRACEPOINT_WRITABLE),
)
"""Programs that may not use maps with timers (`is_tracing_prog_type`, and `check_map_prog_compatibility`, in
kernel/bpf/verifier.c)."""


class AttachType(IntEnum):
    """`enum bpf_attach_type`, those that a table of ours names."""

    CGROUP_INET_INGRESS = 0
    CGROUP_INET_EGRESS = 1
    CGROUP_INET_SOCK_CREATE = 2
    CGROUP_INET4_BIND = 8
    CGROUP_INET6_BIND = 9
    CGROUP_INET4_CONNECT = 10
    CGROUP_INET6_CONNECT = 11
    CGROUP_UDP4_SENDMSG = 14
    CGROUP_UDP6_SENDMSG = 15
    CGROUP_GETSOCKOPT = 21
    CGROUP_SETSOCKOPT = 22
    TRACE_RAW_TP = 23
    TRACE_FENTRY = 24
    TRACE_FEXIT = 25
    MODIFY_RETURN = 26
    LSM_MAC = 27
    TRACE_ITER = 28
    XDP = 37
    LSM_CGROUP = 43
    CGROUP_UNIX_CONNECT = 49
    CGROUP_UNIX_SENDMSG = 50
