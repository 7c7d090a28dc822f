"""What helpers take and give, as probes call them; and what to write instead of those that probes don't call.

Sources: the prototypes in include/uapi/linux/bpf.h, and for which memory is read, written, or may be empty, the
`bpf_func_proto` definitions of Linux 6.18; `bpf_helper_changes_pkt_data` for what moves packets; the function
`check_map_func_compatibility` of the verifier for the maps.

A row's text has the kernel's order and names. Memory brings its size along, so sizes that follow memory aren't written.

    ctx         the program's context
    u32 i32 …   a number; `be16` one that the kernel wants in network order; `net` one in the order of the packet, as
                many bytes as the last argument's low bits say
    address     an address that the helper itself checks
    in out both memory that it reads, writes, or both; with `:N` of at least N bytes and without a size; with `0`
                possibly empty; with `?` possibly None
    map:A|B     a map of the types
    dynptr      a dynptr; `room` one that the helper makes, as `with` names it
    type        how much memory the helper shall give, which is the result: `slice`
    task_struct …   a kernel struct that the verifier knows; `a|b` either of them
    percpu      a per-CPU variable of the kernel, by its name
"""

from __future__ import annotations

from functools import cache
from typing import Final, Literal, TypeAlias, final

from pyebpf.kernel.maps import MapType
from pyebpf.kernel.programs import ProgramType
from pyebpf.records import dataclass

Kind: TypeAlias = Literal[
    "context", "number", "net", "address", "memory", "map", "struct", "percpu", "dynptr", "room", "type"
]
Use: TypeAlias = Literal["in", "out", "both"]


@final
@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument, as a probe writes it."""

    name: str
    kind: Kind
    type: str = ""
    """Of numbers, the integer (`u32`, `be16`); of a struct, its names (`sock|tcp_sock`)."""
    use: Use = "in"
    """What the helper does with memory."""
    size: int = 0
    """Bytes that memory has at least, where no size follows it; 0 where one does."""
    empty: bool = False
    """Whether the size may be zero."""
    optional: bool = False
    """Whether it may be None: a null pointer, with a size of zero."""
    maps: tuple[MapType, ...] = ()

    @property
    def structs(self) -> tuple[str, ...]:
        """Of a struct: it, and those that begin with one."""
        return tuple(self.type.split("|"))

    def __str__(self) -> str:
        return self.name


@final
@dataclass(frozen=True, slots=True)
class Prototype:
    """A helper that probes may call."""

    name: str
    result: str
    """`int` (64 bits with a sign: most helpers' 0 or -errno), an integer's name, `void`, a kernel struct; `variable` is
    what the per-CPU variable among the arguments is, `slice` a part of a dynptr."""
    takes: str
    moves: bool = False
    """Whether it may change where the packet lies, so that what was parsed of it before is gone."""

    @property
    def answers(self) -> bool:
        """Whether it gives what the program is to answer: one of its hook's actions."""
        return self.name in ANSWERS

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return _parameters(self.takes)

    @property
    def written(self) -> tuple[tuple[int, int, int], ...]:
        """Memory that the helper writes: the argument with its address, counted from 1; the one with its size, or 0;
        and the bytes where none says."""
        return tuple(
            (number, size, parameter.size)
            for parameter, number, size in _placed(self.takes)
            if parameter.kind == "memory" and parameter.use != "in"
        )

    @property
    def sizes(self) -> tuple[int, ...]:
        """Arguments that are sizes of memory, counted from 1."""
        return tuple(size for _, _, size in _placed(self.takes) if size)


ANSWERS: Final = (
    *("redirect", "redirect_neigh", "redirect_peer", "redirect_map"),
    *("sk_redirect_map", "sk_redirect_hash", "msg_redirect_map", "msg_redirect_hash"),
)
"""Helpers that give an action: the one that does what they were asked for, or the one for what can't be done."""
_NUMBERS: Final = ("u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64", "be16", "be32")


@cache
def _parameters(text: str) -> tuple[Parameter, ...]:
    return tuple(_parameter(part) for part in text.split(", ")) if text else ()


@cache
def _placed(text: str) -> tuple[tuple[Parameter, int, int], ...]:
    """Parameters, each with its argument, counted from 1, and that of its size; 0 if it has none."""
    found, number = [], 1
    for parameter in _parameters(text):
        sized = parameter.kind == "memory" and not parameter.size
        found.append((parameter, number, number + 1 if sized else 0))
        number += 1 + sized
    return tuple(found)


def _parameter(text: str) -> Parameter:
    kind, _, name = text.partition(" ")
    word, _, detail = kind.partition(":")
    if kind == "ctx":
        return Parameter("ctx", "context")
    if kind in _NUMBERS:
        return Parameter(name, "number", kind)
    if kind == "percpu":
        return Parameter(name, "percpu")
    if kind in ("dynptr", "room", "type"):
        return Parameter(name, "dynptr" if kind == "dynptr" else "room" if kind == "room" else "type")
    if kind in ("net", "address"):
        return Parameter(name, "net" if kind == "net" else "address", "u64")
    if word == "map":
        return Parameter(name, "map", maps=tuple(MapType[each] for each in detail.split("|")))
    plain = word.rstrip("?0")
    for use in ("in", "out", "both"):
        if plain == use:
            size, optional = int(detail or 0), word.endswith("?")
            return Parameter(name, "memory", "", use, size, optional or word.endswith("0"), optional)
    return Parameter(name, "struct", kind)


_MOVES: Final = True
_SEEN: Final = "bpf_sock|bpf_sock_common|bpf_tcp_sock"
"""ARG_PTR_TO_SOCK_COMMON: sockets as programs see them."""
_SOCK: Final = (
    "sock_common|sock|inet_sock|inet_connection_sock|tcp_sock|tcp6_sock|tcp_timewait_sock|tcp_request_sock|request_sock|"
    "udp_sock|udp6_sock|unix_sock|mptcp_sock|bpf_sock|bpf_sock_common"
)
"""ARG_PTR_TO_BTF_ID_SOCK_COMMON: what begins with a sock_common, and what programs on packets call a socket."""

PROTOTYPES: Final = (
    Prototype("probe_read", "int", "out0 dst, address unsafe_ptr"),
    Prototype("ktime_get_ns", "u64", ""),
    Prototype("get_prandom_u32", "u32", ""),
    Prototype("get_smp_processor_id", "u32", ""),
    Prototype("skb_store_bytes", "int", "ctx, u32 offset, in from, u64 flags", _MOVES),
    Prototype("l3_csum_replace", "int", "ctx, u32 offset, net from, net to, u64 size", _MOVES),
    Prototype("l4_csum_replace", "int", "ctx, u32 offset, net from, net to, u64 flags", _MOVES),
    Prototype("clone_redirect", "int", "ctx, u32 ifindex, u64 flags", _MOVES),
    Prototype("get_current_pid_tgid", "u64", ""),
    Prototype("get_current_uid_gid", "u64", ""),
    Prototype("get_current_comm", "int", "out buf"),
    Prototype("get_cgroup_classid", "u32", "ctx"),
    Prototype("skb_vlan_push", "int", "ctx, be16 vlan_proto, u16 vlan_tci", _MOVES),
    Prototype("skb_vlan_pop", "int", "ctx", _MOVES),
    Prototype("skb_get_tunnel_key", "int", "ctx, out key, u64 flags"),
    Prototype("skb_set_tunnel_key", "int", "ctx, in key, u64 flags"),
    Prototype("perf_event_read", "int", "map:PERF_EVENT_ARRAY map, u64 flags"),
    Prototype("redirect", "int", "u32 ifindex, u64 flags"),
    Prototype("get_route_realm", "u32", "ctx"),
    Prototype("perf_event_output", "int", "ctx, map:PERF_EVENT_ARRAY map, u64 flags, in0 data"),
    Prototype("skb_load_bytes", "int", "ctx, u32 offset, out to"),
    Prototype("get_stackid", "int", "ctx, map:STACK_TRACE map, u64 flags"),
    Prototype("csum_diff", "int", "in? from, in? to, u32 seed"),
    Prototype("skb_get_tunnel_opt", "int", "ctx, out opt"),
    Prototype("skb_set_tunnel_opt", "int", "ctx, in opt"),
    Prototype("skb_change_proto", "int", "ctx, be16 proto, u64 flags", _MOVES),
    Prototype("skb_change_type", "int", "ctx, u32 type"),
    Prototype("skb_under_cgroup", "int", "ctx, map:CGROUP_ARRAY map, u32 index"),
    Prototype("get_hash_recalc", "u32", "ctx"),
    Prototype("get_current_task", "task_struct", ""),
    Prototype("probe_write_user", "int", "address dst, in src"),
    Prototype("current_task_under_cgroup", "int", "map:CGROUP_ARRAY map, u32 index"),
    Prototype("skb_change_tail", "int", "ctx, u32 len, u64 flags", _MOVES),
    Prototype("skb_pull_data", "int", "ctx, u32 len", _MOVES),
    Prototype("csum_update", "int", "ctx, u32 csum"),
    Prototype("set_hash_invalid", "void", "ctx"),
    Prototype("get_numa_node_id", "int", ""),
    Prototype("skb_change_head", "int", "ctx, u32 len, u64 flags", _MOVES),
    Prototype("xdp_adjust_head", "int", "ctx, i32 delta", _MOVES),
    Prototype("probe_read_str", "int", "out0 dst, address unsafe_ptr"),
    Prototype("get_socket_cookie", "u64", "ctx"),
    Prototype("get_socket_uid", "u32", "ctx"),
    Prototype("set_hash", "int", "ctx, u32 hash"),
    Prototype("setsockopt", "int", "ctx, i32 level, i32 optname, in optval"),
    Prototype("skb_adjust_room", "int", "ctx, i32 len_diff, u32 mode, u64 flags", _MOVES),
    Prototype("redirect_map", "int", "map:DEVMAP|DEVMAP_HASH|CPUMAP|XSKMAP map, u64 key, u64 flags"),
    Prototype("sk_redirect_map", "int", "ctx, map:SOCKMAP map, u32 key, u64 flags"),
    Prototype("sock_map_update", "int", "ctx, map:SOCKMAP map, in:4 key, u64 flags"),
    Prototype("xdp_adjust_meta", "int", "ctx, i32 delta", _MOVES),
    Prototype("perf_event_read_value", "int", "map:PERF_EVENT_ARRAY map, u64 flags, out buf"),
    Prototype("perf_prog_read_value", "int", "ctx, out buf"),
    Prototype("getsockopt", "int", "ctx, i32 level, i32 optname, out optval"),
    Prototype("override_return", "int", "ctx, u64 rc"),
    Prototype("sock_ops_cb_flags_set", "int", "ctx, i32 argval"),
    Prototype("msg_redirect_map", "int", "ctx, map:SOCKMAP map, u32 key, u64 flags"),
    Prototype("msg_apply_bytes", "int", "ctx, u32 bytes"),
    Prototype("msg_cork_bytes", "int", "ctx, u32 bytes"),
    Prototype("msg_pull_data", "int", "ctx, u32 start, u32 end, u64 flags", _MOVES),
    Prototype("bind", "int", "ctx, in addr"),
    Prototype("xdp_adjust_tail", "int", "ctx, i32 delta", _MOVES),
    Prototype("skb_get_xfrm_state", "int", "ctx, u32 index, out xfrm_state, u64 flags"),
    Prototype("get_stack", "int", "ctx, out0 buf, u64 flags"),
    Prototype("skb_load_bytes_relative", "int", "ctx, u32 offset, out to, u32 start_header"),
    Prototype("fib_lookup", "int", "ctx, both params, u32 flags"),
    Prototype("sock_hash_update", "int", "ctx, map:SOCKHASH map, in:1 key, u64 flags"),
    Prototype("msg_redirect_hash", "int", "ctx, map:SOCKHASH map, in:1 key, u64 flags"),
    Prototype("sk_redirect_hash", "int", "ctx, map:SOCKHASH map, in:1 key, u64 flags"),
    Prototype("lwt_push_encap", "int", "ctx, u32 type, in hdr", _MOVES),
    Prototype("lwt_seg6_store_bytes", "int", "ctx, u32 offset, in from", _MOVES),
    Prototype("lwt_seg6_adjust_srh", "int", "ctx, u32 offset, i32 delta", _MOVES),
    Prototype("lwt_seg6_action", "int", "ctx, u32 action, in param", _MOVES),
    Prototype("rc_repeat", "int", "ctx"),
    Prototype("rc_keydown", "int", "ctx, u32 protocol, u64 scancode, u32 toggle"),
    Prototype("skb_cgroup_id", "u64", "ctx"),
    Prototype("get_current_cgroup_id", "u64", ""),
    Prototype("sk_select_reuseport", "int", "ctx, map:REUSEPORT_SOCKARRAY|SOCKMAP|SOCKHASH map, in:4 key, u64 flags"),
    Prototype("skb_ancestor_cgroup_id", "u64", "ctx, i32 ancestor_level"),
    Prototype("msg_push_data", "int", "ctx, u32 start, u32 len, u64 flags", _MOVES),
    Prototype("msg_pop_data", "int", "ctx, u32 start, u32 len, u64 flags", _MOVES),
    Prototype("rc_pointer_rel", "int", "ctx, i32 rel_x, i32 rel_y"),
    Prototype("skb_ecn_set_ce", "int", "ctx"),
    Prototype("sysctl_get_name", "int", "ctx, out buf, u64 flags"),
    Prototype("sysctl_get_current_value", "int", "ctx, out buf"),
    Prototype("sysctl_get_new_value", "int", "ctx, out buf"),
    Prototype("sysctl_set_new_value", "int", "ctx, in buf"),
    Prototype("strtol", "int", "in buf, u64 flags, out:8 res"),
    Prototype("strtoul", "int", "in buf, u64 flags, out:8 res"),
    Prototype("send_signal", "int", "u32 sig"),
    Prototype("skb_output", "int", "sk_buff ctx, map:PERF_EVENT_ARRAY map, u64 flags, in0 data"),
    Prototype("probe_read_user", "int", "out0 dst, address unsafe_ptr"),
    Prototype("probe_read_kernel", "int", "out0 dst, address unsafe_ptr"),
    Prototype("probe_read_user_str", "int", "out0 dst, address unsafe_ptr"),
    Prototype("probe_read_kernel_str", "int", "out0 dst, address unsafe_ptr"),
    Prototype("tcp_send_ack", "int", "tcp_sock tp, u32 rcv_nxt"),
    Prototype("send_signal_thread", "int", "u32 sig"),
    Prototype("jiffies64", "u64", ""),
    Prototype("read_branch_records", "int", "ctx, out0 buf, u64 flags"),
    Prototype("get_ns_current_pid_tgid", "int", "u64 dev, u64 ino, out nsdata"),
    Prototype("xdp_output", "int", "xdp_buff ctx, map:PERF_EVENT_ARRAY map, u64 flags, in0 data"),
    Prototype("get_netns_cookie", "u64", "ctx"),
    Prototype("get_current_ancestor_cgroup_id", "u64", "i32 ancestor_level"),
    Prototype("ktime_get_boot_ns", "u64", ""),
    Prototype("seq_write", "int", "seq_file m, in0 data"),
    Prototype("sk_cgroup_id", "u64", f"{_SOCK} sk"),
    Prototype("sk_ancestor_cgroup_id", "u64", f"{_SOCK} sk, i32 ancestor_level"),
    Prototype("ringbuf_query", "u64", "map:RINGBUF ringbuf, u64 flags"),
    Prototype("csum_level", "int", "ctx, u64 level"),
    Prototype("sk_lookup_tcp", "bpf_sock", "ctx, in tuple, i64 netns, u64 flags"),
    Prototype("sk_lookup_udp", "bpf_sock", "ctx, in tuple, i64 netns, u64 flags"),
    Prototype("skc_lookup_tcp", "bpf_sock_common", "ctx, in tuple, i64 netns, u64 flags"),
    Prototype("sk_assign", "int", f"ctx, {_SOCK} sk, u64 flags"),
    Prototype("tcp_sock", "bpf_tcp_sock", f"{_SEEN} sk"),
    Prototype("get_listener_sock", "bpf_sock", f"{_SEEN} sk"),
    Prototype("tcp_check_syncookie", "int", f"{_SOCK} sk, in iph, in th"),
    Prototype("tcp_gen_syncookie", "int", f"{_SOCK} sk, in iph, in th"),
    Prototype("skc_to_tcp6_sock", "tcp6_sock", f"{_SOCK} sk"),
    Prototype("skc_to_tcp_sock", "tcp_sock", f"{_SOCK} sk"),
    Prototype("skc_to_tcp_timewait_sock", "tcp_timewait_sock", f"{_SOCK} sk"),
    Prototype("skc_to_tcp_request_sock", "tcp_request_sock", f"{_SOCK} sk"),
    Prototype("skc_to_udp6_sock", "udp6_sock", f"{_SOCK} sk"),
    Prototype("get_task_stack", "int", "task_struct task, out0 buf, u64 flags"),
    Prototype("load_hdr_opt", "int", "ctx, both searchby_res, u64 flags"),
    Prototype("store_hdr_opt", "int", "ctx, in from, u64 flags", _MOVES),
    Prototype("reserve_hdr_opt", "int", "ctx, u32 len, u64 flags"),
    Prototype("d_path", "int", "path path, out0 buf"),
    Prototype("copy_from_user", "int", "out0 dst, address user_ptr"),
    Prototype("skb_cgroup_classid", "u64", "ctx"),
    Prototype("redirect_neigh", "int", "u32 ifindex, in? params, u64 flags"),
    Prototype("redirect_peer", "int", "u32 ifindex, u64 flags"),
    Prototype("get_current_task_btf", "task_struct", ""),
    Prototype("per_cpu_ptr", "variable", "percpu percpu_ptr, u32 cpu"),
    Prototype("this_cpu_ptr", "variable", "percpu percpu_ptr"),
    Prototype("bprm_opts_set", "int", "linux_binprm bprm, u64 flags"),
    Prototype("ktime_get_coarse_ns", "u64", ""),
    Prototype("ima_inode_hash", "int", "inode inode, out0 dst"),
    Prototype("sock_from_file", "socket", "file file"),
    Prototype("check_mtu", "int", "ctx, u32 ifindex, both:4 mtu_len, i32 len_diff, u64 flags"),
    Prototype("get_func_ip", "u64", "ctx"),
    Prototype("get_attach_cookie", "u64", "ctx"),
    Prototype("task_pt_regs", "pt_regs", "task_struct task"),
    Prototype("get_branch_snapshot", "int", "out0 entries, u64 flags"),
    Prototype("skc_to_unix_sock", "unix_sock", f"{_SOCK} sk"),
    Prototype("get_func_arg", "int", "ctx, u32 n, out:8 value"),
    Prototype("get_func_ret", "int", "ctx, out:8 value"),
    Prototype("get_func_arg_cnt", "int", "ctx"),
    Prototype("get_retval", "int", ""),
    Prototype("set_retval", "int", "i32 retval"),
    Prototype("xdp_get_buff_len", "u64", "ctx"),
    Prototype("xdp_load_bytes", "int", "ctx, u32 offset, out buf"),
    Prototype("xdp_store_bytes", "int", "ctx, u32 offset, in buf"),
    Prototype("copy_from_user_task", "int", "out0 dst, address user_ptr, task_struct tsk, u64 flags"),
    Prototype("skb_set_tstamp", "int", "ctx, u64 tstamp, u32 tstamp_type"),
    Prototype("ima_file_hash", "int", "file file, out0 dst"),
    Prototype("skc_to_mptcp_sock", "mptcp_sock", f"{_SOCK} sk"),
    Prototype("dynptr_from_mem", "int", "both data, u64 flags, room ptr"),
    Prototype("ringbuf_reserve_dynptr", "int", "map:RINGBUF ringbuf, u32 size, u64 flags, room ptr"),
    Prototype("dynptr_read", "int", "out0 dst, dynptr src, u32 offset, u64 flags"),
    Prototype("dynptr_write", "int", "dynptr dst, u32 offset, in0 src, u64 flags"),
    Prototype("dynptr_data", "slice", "dynptr ptr, u32 offset, type len"),
    Prototype("tcp_raw_gen_syncookie_ipv4", "int", "in:20 iph, in th"),
    Prototype("tcp_raw_gen_syncookie_ipv6", "int", "in:40 iph, in th"),
    Prototype("tcp_raw_check_syncookie_ipv4", "int", "in:20 iph, in:20 th"),
    Prototype("tcp_raw_check_syncookie_ipv6", "int", "in:40 iph, in:20 th"),
    Prototype("ktime_get_tai_ns", "u64", ""),
)

_ENTRIES: Final = "maps are used as Python's collections: table[key], table[key] = value, del table[key]"
_QUEUES: Final = "waiting.push(x), waiting.pop(), waiting.peek()"
_PRINT: Final = 'print(f"{pid()}"), or an f-string where text is made'
_RING: Final = "with events.reserve() as event:"
_BYTES: Final = "records.output(data[:n]) of a RingBuf[bytes]; packet.read(offset, data)"
_ROOM: Final = "the end of the block does it: with ringbuf_reserve_dynptr(records, size, 0) as room:"
_TIMER: Final = "entry.timer.start(1_000_000, function) of a Timer in an entry, and entry.timer.cancel()"
_SOCKET: Final = "packet.socket is the packet's whole socket"
_RELEASE: Final = "the end of the block does it: with sk_lookup_tcp(packet, tuple, BPF_F_CURRENT_NETNS, 0) as socket:"
_STORAGE: Final = "SkStorage, CgroupStorage, TaskStorage"
_LOADER: Final = "it is for programs that load others"
_FORMAT: Final = "an f-string, or print: the kernel's formats are C's"
_SEQ: Final = "seq_write(seq, f\"{pid()} \"): the kernel's formats are C's"

INSTEAD: Final[dict[str, str]] = {
    **dict.fromkeys(("map_lookup_elem", "map_update_elem", "map_delete_elem", "map_lookup_percpu_elem"), _ENTRIES),
    **dict.fromkeys(("map_push_elem", "map_pop_elem", "map_peek_elem"), _QUEUES),
    **dict.fromkeys(("trace_printk", "trace_vprintk", "snprintf_btf"), _PRINT),
    **dict.fromkeys(("seq_printf", "seq_printf_btf"), _SEQ),
    "snprintf": _FORMAT,
    "strncmp": "text == other, or text.startswith(other)",
    "tail_call": "return programs[i](packet) of a ProgArray",
    **dict.fromkeys(("spin_lock", "spin_unlock"), "with entry.lock:"),
    **dict.fromkeys(("ringbuf_reserve", "ringbuf_submit", "ringbuf_discard"), _RING),
    "ringbuf_output": _BYTES,
    **dict.fromkeys(("ringbuf_submit_dynptr", "ringbuf_discard_dynptr"), _ROOM),
    **dict.fromkeys(("loop", "for_each_map_elem"), "a for loop: the compiler chooses"),
    **dict.fromkeys(("find_vma", "user_ringbuf_drain"), "it calls a function back, which probes can't give it"),
    **dict.fromkeys(("timer_init", "timer_set_callback", "timer_start", "timer_cancel"), _TIMER),
    "sk_fullsock": _SOCKET,
    "sk_release": _RELEASE,
    **dict.fromkeys(("get_local_storage", "sk_storage_get", "sk_storage_delete", "inode_storage_get"), _STORAGE),
    **dict.fromkeys(("inode_storage_delete", "cgrp_storage_get", "cgrp_storage_delete"), _STORAGE),
    **dict.fromkeys(("task_storage_get", "task_storage_delete"), "states[current_task()] of a TaskStorage"),
    "kptr_xchg": "a field of an entry refers to a struct, and keeps it: entry.task = task",
    **dict.fromkeys(("sys_bpf", "sys_close", "btf_find_by_name_kind", "kallsyms_lookup_name"), _LOADER),
}
"""Helpers that a probe doesn't call itself: what they do the language does, or can't promise to do safely."""

AWAKE: Final = {
    "copy_from_user": "probe_read_user(buffer, address), or user_str(address)",
    "copy_from_user_task": "probe_read_user(buffer, address) reads memory of the current task",
}
"""What programs that may not sleep call instead of what may."""

_BY_NAME: Final = {row.name: row for row in PROTOTYPES}


def prototype_by_name(name: str) -> Prototype | None:
    """The row named `name`, or None."""
    return _BY_NAME.get(name)


OF_STRUCTS: Final = {
    "get_socket_cookie": ("sock", "sock_common", "tcp_sock", "inet_sock", "udp_sock", "unix_sock"),
    "xdp_get_buff_len": ("xdp_buff",),
}
"""Helpers that take the context, but in programs whose arguments have the kernel's types a struct of one of these."""
OF_SOCKETS: Final = frozenset(
    (
        ("setsockopt", ProgramType.CGROUP_SOCKOPT),
        ("getsockopt", ProgramType.CGROUP_SOCKOPT),
        ("get_socket_cookie", ProgramType.SK_REUSEPORT),
    )
)
"""Helpers that take the context, but in programs of this type a socket (`cg_sockopt_func_proto` in kernel/bpf/cgroup.c,
`sk_reuseport_func_proto` in net/core/filter.c)."""
