"""The facilities of BPF that are tried by `facilities.py`: a row for each, with the case that shows it.

A case says from which kernel on it works. What a kernel may lack for another reason stands here: how it was built, or
what its owner forbids. To add a facility: a row, and a case in `cases/` if none shows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, final

from pyebpf.kernel.least import LEAST_MAPS
from pyebpf.kernel.versions import INSTRUCTION_SETS, Version

HERE: Final = "here"


@final
@dataclass(frozen=True)
class Facility:
    """A row: what it is, and the case that loads, attaches and fires it, or what facts.py tries."""

    group: str
    name: str
    case: str = ""
    fact: str = ""
    """A group of `pyebpf features`, or `instructions`, and the name there."""
    since: Version = (0, 0)
    """The first kernel, of what has no case and no row in the features."""
    attaches: bool = True
    """Whether there is something to attach, other than to run it."""
    guests_only: bool = False
    """It could refuse something to others: here it is only loaded."""
    lacks: Mapping[str, str] = field(default_factory=dict)
    """Why a kernel needn't have it. `here` is whatever machine this is run on."""


KPROBES: Final = {HERE: "kernels may be built without CONFIG_KPROBES"}
TRAMPOLINES: Final = {HERE: "a policy may forbid programs on the kernel's functions"}
FPROBE: Final = {HERE: "kernels may be built without CONFIG_FPROBE", "6.1": "built without CONFIG_FPROBE"}


def _tracing() -> tuple[Facility, ...]:
    group = "tracing"
    return (
        Facility(group, "tracepoint", "tracepoint"),
        Facility(group, "raw_tracepoint", "raw_tracepoint"),
        Facility(group, "tp_btf", "tp_btf"),
        Facility(group, "kprobe, kretprobe", "kprobe", lacks=KPROBES),
        Facility(group, "ksyscall, kretsyscall", "ksyscall", lacks=KPROBES),
        Facility(group, "fentry, fexit", "fentry", lacks=TRAMPOLINES),
        Facility(group, "fmod_ret", "fmod_ret", guests_only=True, lacks=TRAMPOLINES),
        Facility(group, "lsm", "lsm", guests_only=True, lacks=TRAMPOLINES),
        Facility(group, "lsm, sleeping", "lsm_sleeping", guests_only=True, lacks=TRAMPOLINES),
        Facility(group, "lsm_cgroup", "lsm_cgroup", guests_only=True, lacks=TRAMPOLINES),
        Facility(group, "uprobe, uretprobe, uprobe.multi", "uprobe"),
        Facility(group, "uprobe.session", "uprobe_session"),
        Facility(group, "usdt", "usdt"),
        Facility(group, "freplace", "freplace", lacks=TRAMPOLINES),
        Facility(group, "kprobe.multi", "kprobe_multi", lacks=KPROBES),
        Facility(group, "a thousand kprobes by one link", "kprobe_thousand", lacks=FPROBE),
        Facility(group, "kprobe.session", "kprobe_session", lacks=FPROBE),
        Facility(group, "perf_event: cpu-clock, page-faults", "perf_events"),
        Facility(group, "perf_event: registers, addresses, stacks", "perf_event"),
        Facility(group, "stacks of the kernel and of processes, counted by", "stacks"),
        Facility(group, "stacks of Python functions, CPython 3.11 to 3.13: in profiles", "python_profile"),
        Facility(group, "the same in other programs", "python_stacks"),
        Facility(group, "names of functions, of processes that are gone", "symbols", lacks=KPROBES),
        Facility(group, "iterator: task", "iterator"),
        Facility(group, "iterators: task_vma, tcp, bpf_map, bpf_map_elem, cgroup", "iterators"),
        Facility(group, "struct_ops: tcp_congestion_ops", "struct_ops"),
    )


def _network() -> tuple[Facility, ...]:
    group = "network"
    return (
        Facility(group, "xdp", "xdp"),
        Facility(group, "xdp.frags", "xdp_frags"),
        Facility(group, "AF_XDP sockets, copying", "xdp_sockets"),
        Facility(group, "link_update", "link_update"),
        Facility(group, "xdp to interfaces and CPUs, xdp.devmap, xdp.cpumap", "redirecting"),
        Facility(group, "tc.ingress, tc.egress (tcx, clsact)", "tc"),
        Facility(group, "netkit", "netkit", lacks={HERE: "kernels may be built without CONFIG_NETKIT"}),
        Facility(group, "clsact", "clsact"),
        Facility(group, "clsact, after a kill", "tc_killed"),
        Facility(group, "netfilter", "netfilter"),
        Facility(group, "sk_lookup, sk_reuseport", "socket_choice"),
        Facility(group, "sk_msg, sk_skb on a SockMap", "socket_maps"),
        Facility(group, "socket_filter", "socket_filter"),
        Facility(group, "flow_dissector", "flow_dissector"),
        Facility(group, "lwt.input, lwt.output, lwt.xmit", "lwt"),
        Facility(group, "cgroup.skb", "cgroup_skb"),
        Facility(group, "cgroup.connect4", "cgroup_connect"),
        Facility(
            group,
            "cgroup: bind, sendmsg, recvmsg, names, sockets, device, sysctl, options; sockops",
            "cgroup_hooks",
        ),
    )


def _language() -> tuple[Facility, ...]:
    group = "language and calls"
    levels = dict(INSTRUCTION_SETS)
    run = {
        "large loops (bpf_loop)": "large_loop",
        "open-coded iterators": "kernel_loops",
        "iterators over tasks, cgroups, memory": "kfunc_iterators",
        "for each entry of a map": "loop_over_map",
        "tail calls": "tail_calls",
        "timers": "timers",
        "work queues": "work_queues",
        "spin locks": "spin_lock",
        "kfuncs that hand out a task": "kfunc_tasks",
        "kfuncs with text": "kfunc_text",
        "kfuncs in regions (RCU, IRQ)": "kfunc_regions",
        "dynptrs": "dynptrs",
        "dynptrs of packets": "dynptrs_of_packets",
        "per-CPU kernel variables (ksyms)": "ksyms",
        "atomic counters in hash maps": "hashes",
        "ring buffers": "ring_buffer",
        "test_run, statistics, batches, shared memory": "running",
        "print": "printing",
        "maps of maps": "maps_of_maps",
        "global functions": "global_functions",
        "may_goto": "may_goto",
        "pointers that maps keep (kptrs)": "kernel_pointers",
        "arenas": "arena",
        "arrays in arenas": "arena_arrays",
        "structs of the kernel in entries": "kept_tasks",
        "maps as memory": "map_memory",
        "rings that user space writes": "user_ring_records",
        "perf buffers": "perf_buffers",
        "local storage of tasks": "task_storage",
        "local storage of sockets": "socket_storage",
        "local storage of cgroups": "cgroup_storage",
        "local storage of inodes": "inode_storage",
    }
    lacks = {
        "inode_storage": TRAMPOLINES,
        "ksyms": {HERE: "kernels may be built without CONFIG_KALLSYMS_ALL"},
    }
    return (
        *(Facility(group, name, case, attaches=False, lacks=lacks.get(case, {})) for name, case in run.items()),
        Facility(group, "capabilities without root", "ordinary_user", attaches=False),
        Facility(group, "BPF token", "token", attaches=False),
        Facility(group, "sessions kept, pinned links", "kept_session"),
        Facility(group, "instructions v3", fact="instructions/v3", since=levels["v3"]),
        Facility(group, "instructions v4", fact="instructions/v4", since=levels["v4"]),
        Facility(group, "atomics that fetch", fact="instructions/fetch", since=(5, 12)),
    )


MAPS: Final = tuple(Facility("maps", kind.name.lower(), fact=f"map/{kind.name}") for kind in LEAST_MAPS)
FACILITIES: Final = (*_tracing(), *_network(), *_language(), *MAPS)
