"""Helpers: the functions of the kernel that programs call by number.

Sources: `enum bpf_func_id` in include/uapi/linux/bpf.h for numbers and names, the kernel's history for versions, its
`bpf_func_proto` definitions for the licence. Which program types may call which helper is what the verifiers of
Linux 6.18 and 7.3 answer; what earlier kernels allow to fewer types, and only in some places, is in `helper_programs`.
The table is closed: helpers are no longer added to the kernel (kfuncs are), so 211 is the last number.
"""

from __future__ import annotations

from typing import Final, final

from pyebpf.kernel import helper_programs as groups
from pyebpf.kernel.helper_programs import Version
from pyebpf.kernel.programs import ProgramType
from pyebpf.records import dataclass


@final
@dataclass(frozen=True, slots=True)
class Helper:
    """A helper."""

    id: int
    """`BPF_FUNC_*`."""
    name: str
    """Without the `bpf_` in front."""
    since: Version
    """First kernel."""
    programs: tuple[ProgramType, ...]
    """The program types that may call it, somewhere."""
    gpl: bool = False
    """Whether the program's licence must be compatible with the GPL. (`ktime_get_ns`: before 5.8 too; `get_stackid`
    not in programs on perf events, `get_func_ip` not in those on several functions.)"""

    def allows(self, program_type: ProgramType, attach_type: int | None = None) -> bool:
        """Whether programs of `program_type` may call it; of those with an `attach_type` (`expected_attach_type`), if
        one is given."""
        return self.allowed_since(program_type, attach_type) is not None

    def allowed_since(self, program_type: ProgramType, attach_type: int | None = None) -> Version | None:
        """The first kernel on which they may; None if they may not."""
        if program_type not in self.programs:
            return None
        later = groups.later(self.name, program_type, attach_type)
        return None if later is None else max(self.since, later)

    @property
    def sleeps(self) -> bool:
        """Whether only programs that may sleep (`BPF_F_SLEEPABLE`) may call it."""
        return self.name in groups.SLEEPING


_P: Final = ProgramType
_ALL: Final = groups.ALL
_TRACERS: Final = groups.TRACERS
_TYPED: Final = groups.TYPED
_TC: Final = groups.TC
_LWT: Final = groups.LWT
_CGROUP: Final = groups.CGROUP
_SOCKETS: Final = groups.SOCKETS
_OUTPUT: Final = groups.OUTPUT
_COARSE: Final = groups.COARSE

HELPERS: Final = (
    Helper(1, "map_lookup_elem", (3, 19), _ALL),
    Helper(2, "map_update_elem", (3, 19), _ALL),
    Helper(3, "map_delete_elem", (3, 19), _ALL),
    Helper(4, "probe_read", (4, 1), _TRACERS, gpl=True),
    Helper(5, "ktime_get_ns", (4, 1), _ALL),
    Helper(6, "trace_printk", (4, 1), _ALL, gpl=True),
    Helper(7, "get_prandom_u32", (4, 1), _ALL),
    Helper(8, "get_smp_processor_id", (4, 1), _ALL),
    Helper(9, "skb_store_bytes", (4, 1), (*_TC, _P.LWT_XMIT, _P.SK_SKB)),
    Helper(10, "l3_csum_replace", (4, 1), (*_TC, _P.LWT_XMIT)),
    Helper(11, "l4_csum_replace", (4, 1), (*_TC, _P.LWT_XMIT)),
    Helper(12, "tail_call", (4, 2), _ALL),
    Helper(13, "clone_redirect", (4, 2), (*_TC, _P.LWT_XMIT)),
    Helper(14, "get_current_pid_tgid", (4, 2), _ALL),
    Helper(15, "get_current_uid_gid", (4, 2), _ALL),
    Helper(16, "get_current_comm", (4, 2), _ALL),
    Helper(17, "get_cgroup_classid", (4, 3), _ALL),
    Helper(18, "skb_vlan_push", (4, 3), _TC),
    Helper(19, "skb_vlan_pop", (4, 3), _TC),
    Helper(20, "skb_get_tunnel_key", (4, 3), (*_TC, _P.LWT_XMIT)),
    Helper(21, "skb_set_tunnel_key", (4, 3), (*_TC, _P.LWT_XMIT)),
    Helper(22, "perf_event_read", (4, 3), _ALL, gpl=True),
    Helper(23, "redirect", (4, 4), (*_TC, _P.XDP, _P.LWT_XMIT)),
    Helper(24, "get_route_realm", (4, 4), (*_LWT, *_TC)),
    Helper(25, "perf_event_output", (4, 4), _OUTPUT, gpl=True),
    Helper(
        26,
        "skb_load_bytes",
        (4, 5),
        (*_LWT, *_TC, _P.SOCKET_FILTER, _P.CGROUP_SKB, _P.SK_SKB, _P.SK_REUSEPORT, _P.FLOW_DISSECTOR),
    ),
    Helper(27, "get_stackid", (4, 6), _TRACERS, gpl=True),
    Helper(28, "csum_diff", (4, 6), (*_LWT, *_TC, _P.XDP)),
    Helper(29, "skb_get_tunnel_opt", (4, 6), (*_TC, _P.LWT_XMIT)),
    Helper(30, "skb_set_tunnel_opt", (4, 6), (*_TC, _P.LWT_XMIT)),
    Helper(31, "skb_change_proto", (4, 8), _TC),
    Helper(32, "skb_change_type", (4, 8), _TC),
    Helper(33, "skb_under_cgroup", (4, 8), (*_LWT, *_TC)),
    Helper(34, "get_hash_recalc", (4, 8), (*_LWT, *_TC)),
    Helper(35, "get_current_task", (4, 8), _ALL, gpl=True),
    Helper(36, "probe_write_user", (4, 8), _TRACERS, gpl=True),
    Helper(37, "current_task_under_cgroup", (4, 9), _ALL),
    Helper(38, "skb_change_tail", (4, 9), (*_TC, _P.LWT_XMIT, _P.SK_SKB)),
    Helper(39, "skb_pull_data", (4, 9), (*_LWT, *_TC, _P.SK_SKB)),
    Helper(40, "csum_update", (4, 9), (*_TC, _P.LWT_XMIT)),
    Helper(41, "set_hash_invalid", (4, 9), (*_TC, _P.LWT_XMIT)),
    Helper(42, "get_numa_node_id", (4, 10), _ALL),
    Helper(43, "skb_change_head", (4, 10), (*_TC, _P.LWT_XMIT, _P.SK_SKB)),
    Helper(44, "xdp_adjust_head", (4, 10), (_P.XDP,)),
    Helper(45, "probe_read_str", (4, 11), _TRACERS, gpl=True),
    Helper(
        46,
        "get_socket_cookie",
        (4, 12),
        (
            *_TYPED,
            *_TC,
            _P.SOCKET_FILTER,
            _P.CGROUP_SKB,
            _P.CGROUP_SOCK,
            _P.SOCK_OPS,
            _P.SK_SKB,
            _P.CGROUP_SOCK_ADDR,
            _P.SK_REUSEPORT,
        ),
    ),
    Helper(47, "get_socket_uid", (4, 12), (*_TC, _P.SOCKET_FILTER, _P.CGROUP_SKB, _P.SK_SKB)),
    Helper(48, "set_hash", (4, 13), _TC),
    Helper(
        49,
        "setsockopt",
        (4, 13),
        (_P.CGROUP_SOCK, _P.SOCK_OPS, _P.CGROUP_SOCK_ADDR, _P.CGROUP_SOCKOPT, _P.STRUCT_OPS, _P.LSM),
    ),
    Helper(50, "skb_adjust_room", (4, 13), (*_TC, _P.SK_SKB)),
    Helper(51, "redirect_map", (4, 14), (_P.XDP,)),
    Helper(52, "sk_redirect_map", (4, 14), (_P.SK_SKB,)),
    Helper(53, "sock_map_update", (4, 14), (_P.SOCK_OPS,)),
    Helper(54, "xdp_adjust_meta", (4, 15), (_P.XDP,)),
    Helper(55, "perf_event_read_value", (4, 15), _ALL, gpl=True),
    Helper(56, "perf_prog_read_value", (4, 15), (_P.PERF_EVENT,), gpl=True),
    Helper(
        57,
        "getsockopt",
        (4, 15),
        (_P.CGROUP_SOCK, _P.SOCK_OPS, _P.CGROUP_SOCK_ADDR, _P.CGROUP_SOCKOPT, _P.STRUCT_OPS, _P.LSM),
    ),
    Helper(58, "override_return", (4, 16), (_P.KPROBE,), gpl=True),
    Helper(59, "sock_ops_cb_flags_set", (4, 16), (_P.SOCK_OPS,)),
    Helper(60, "msg_redirect_map", (4, 17), (_P.SK_MSG,)),
    Helper(61, "msg_apply_bytes", (4, 17), (_P.SK_MSG,)),
    Helper(62, "msg_cork_bytes", (4, 17), (_P.SK_MSG,)),
    Helper(63, "msg_pull_data", (4, 17), (_P.SK_MSG,)),
    Helper(64, "bind", (4, 17), (_P.CGROUP_SOCK_ADDR,)),
    Helper(65, "xdp_adjust_tail", (4, 18), (_P.XDP,)),
    Helper(66, "skb_get_xfrm_state", (4, 18), _TC),
    Helper(67, "get_stack", (4, 18), _TRACERS, gpl=True),
    Helper(68, "skb_load_bytes_relative", (4, 18), (*_TC, _P.SOCKET_FILTER, _P.CGROUP_SKB, _P.SK_REUSEPORT)),
    Helper(69, "fib_lookup", (4, 18), (*_TC, _P.XDP), gpl=True),
    Helper(70, "sock_hash_update", (4, 18), (_P.SOCK_OPS,)),
    Helper(71, "msg_redirect_hash", (4, 18), (_P.SK_MSG,)),
    Helper(72, "sk_redirect_hash", (4, 18), (_P.SK_SKB,)),
    Helper(73, "lwt_push_encap", (4, 18), (_P.LWT_IN, _P.LWT_XMIT)),
    Helper(74, "lwt_seg6_store_bytes", (4, 18), (_P.LWT_SEG6LOCAL,)),
    Helper(75, "lwt_seg6_adjust_srh", (4, 18), (_P.LWT_SEG6LOCAL,)),
    Helper(76, "lwt_seg6_action", (4, 18), (_P.LWT_SEG6LOCAL,)),
    Helper(77, "rc_repeat", (4, 18), (_P.LIRC_MODE2,), gpl=True),
    Helper(78, "rc_keydown", (4, 18), (_P.LIRC_MODE2,), gpl=True),
    Helper(79, "skb_cgroup_id", (4, 18), (*_TC, _P.CGROUP_SKB)),
    Helper(80, "get_current_cgroup_id", (4, 18), _ALL),
    Helper(81, "get_local_storage", (4, 19), (*_CGROUP, _P.CGROUP_SKB, _P.SOCK_OPS, _P.LSM)),
    Helper(82, "sk_select_reuseport", (4, 19), (_P.SK_REUSEPORT,)),
    Helper(83, "skb_ancestor_cgroup_id", (4, 19), (*_TC, _P.CGROUP_SKB)),
    Helper(84, "sk_lookup_tcp", (4, 20), (*_TC, _P.XDP, _P.CGROUP_SKB, _P.SK_SKB, _P.CGROUP_SOCK_ADDR)),
    Helper(85, "sk_lookup_udp", (4, 20), (*_TC, _P.XDP, _P.CGROUP_SKB, _P.SK_SKB, _P.CGROUP_SOCK_ADDR)),
    Helper(86, "sk_release", (4, 20), (*_TC, _P.XDP, _P.CGROUP_SKB, _P.SK_SKB, _P.CGROUP_SOCK_ADDR, _P.SK_LOOKUP)),
    Helper(87, "map_push_elem", (4, 20), _ALL),
    Helper(88, "map_pop_elem", (4, 20), _ALL),
    Helper(89, "map_peek_elem", (4, 20), _ALL),
    Helper(90, "msg_push_data", (4, 20), (_P.SK_MSG,)),
    Helper(91, "msg_pop_data", (5, 0), (_P.SK_MSG,)),
    Helper(92, "rc_pointer_rel", (5, 0), (_P.LIRC_MODE2,), gpl=True),
    Helper(93, "spin_lock", (5, 1), _ALL),
    Helper(94, "spin_unlock", (5, 1), _ALL),
    Helper(95, "sk_fullsock", (5, 1), (*_TC, _P.CGROUP_SKB)),
    Helper(96, "tcp_sock", (5, 1), (*_TC, _P.CGROUP_SKB, _P.SOCK_OPS, _P.CGROUP_SOCKOPT)),
    Helper(97, "skb_ecn_set_ce", (5, 1), (*_TC, _P.CGROUP_SKB)),
    Helper(98, "get_listener_sock", (5, 1), (*_TC, _P.CGROUP_SKB)),
    Helper(99, "skc_lookup_tcp", (5, 2), (*_TC, _P.XDP, _P.CGROUP_SKB, _P.SK_SKB, _P.CGROUP_SOCK_ADDR)),
    Helper(100, "tcp_check_syncookie", (5, 2), (*_TC, _P.XDP), gpl=True),
    Helper(101, "sysctl_get_name", (5, 2), (_P.CGROUP_SYSCTL,)),
    Helper(102, "sysctl_get_current_value", (5, 2), (_P.CGROUP_SYSCTL,)),
    Helper(103, "sysctl_get_new_value", (5, 2), (_P.CGROUP_SYSCTL,)),
    Helper(104, "sysctl_set_new_value", (5, 2), (_P.CGROUP_SYSCTL,)),
    Helper(105, "strtol", (5, 2), _ALL),
    Helper(106, "strtoul", (5, 2), _ALL),
    Helper(
        107,
        "sk_storage_get",
        (5, 2),
        (
            *_TYPED,
            *_TC,
            _P.CGROUP_SKB,
            _P.CGROUP_SOCK,
            _P.SOCK_OPS,
            _P.SK_MSG,
            _P.CGROUP_SOCK_ADDR,
            _P.CGROUP_SOCKOPT,
            _P.STRUCT_OPS,
        ),
    ),
    Helper(
        108,
        "sk_storage_delete",
        (5, 2),
        (*_TYPED, *_TC, _P.CGROUP_SKB, _P.SOCK_OPS, _P.SK_MSG, _P.CGROUP_SOCK_ADDR, _P.CGROUP_SOCKOPT, _P.STRUCT_OPS),
    ),
    Helper(109, "send_signal", (5, 3), _ALL),
    Helper(110, "tcp_gen_syncookie", (5, 3), (*_TC, _P.XDP), gpl=True),
    Helper(111, "skb_output", (5, 5), _TYPED, gpl=True),
    Helper(112, "probe_read_user", (5, 5), _ALL, gpl=True),
    Helper(113, "probe_read_kernel", (5, 5), _ALL, gpl=True),
    Helper(114, "probe_read_user_str", (5, 5), _ALL, gpl=True),
    Helper(115, "probe_read_kernel_str", (5, 5), _ALL, gpl=True),
    Helper(116, "tcp_send_ack", (5, 6), (_P.STRUCT_OPS,)),
    Helper(117, "send_signal_thread", (5, 6), _ALL),
    Helper(118, "jiffies64", (5, 6), _ALL),
    Helper(119, "read_branch_records", (5, 7), (_P.PERF_EVENT,), gpl=True),
    Helper(120, "get_ns_current_pid_tgid", (5, 7), _ALL),
    Helper(121, "xdp_output", (5, 7), _TYPED, gpl=True),
    Helper(
        122,
        "get_netns_cookie",
        (5, 7),
        (
            *_TC,
            _P.SOCKET_FILTER,
            _P.CGROUP_SKB,
            _P.CGROUP_SOCK,
            _P.SOCK_OPS,
            _P.SK_MSG,
            _P.CGROUP_SOCK_ADDR,
            _P.CGROUP_SOCKOPT,
        ),
    ),
    Helper(123, "get_current_ancestor_cgroup_id", (5, 7), _ALL),
    Helper(124, "sk_assign", (5, 7), (*_TC, _P.SK_LOOKUP)),
    Helper(125, "ktime_get_boot_ns", (5, 8), _ALL),
    Helper(126, "seq_printf", (5, 8), (_P.TRACING,), gpl=True),
    Helper(127, "seq_write", (5, 8), (_P.TRACING,), gpl=True),
    Helper(128, "sk_cgroup_id", (5, 8), (_P.CGROUP_SKB,)),
    Helper(129, "sk_ancestor_cgroup_id", (5, 8), (_P.CGROUP_SKB,)),
    Helper(130, "ringbuf_output", (5, 8), _ALL),
    Helper(131, "ringbuf_reserve", (5, 8), _ALL),
    Helper(132, "ringbuf_submit", (5, 8), _ALL),
    Helper(133, "ringbuf_discard", (5, 8), _ALL),
    Helper(134, "ringbuf_query", (5, 8), _ALL),
    Helper(135, "csum_level", (5, 8), (*_TC, _P.LWT_XMIT)),
    Helper(136, "skc_to_tcp6_sock", (5, 9), _SOCKETS),
    Helper(137, "skc_to_tcp_sock", (5, 9), _SOCKETS),
    Helper(138, "skc_to_tcp_timewait_sock", (5, 9), _SOCKETS),
    Helper(139, "skc_to_tcp_request_sock", (5, 9), _SOCKETS),
    Helper(140, "skc_to_udp6_sock", (5, 9), _SOCKETS),
    Helper(141, "get_task_stack", (5, 9), _ALL),
    Helper(142, "load_hdr_opt", (5, 10), (_P.SOCK_OPS,)),
    Helper(143, "store_hdr_opt", (5, 10), (_P.SOCK_OPS,)),
    Helper(144, "reserve_hdr_opt", (5, 10), (_P.SOCK_OPS,)),
    Helper(145, "inode_storage_get", (5, 10), (_P.LSM,)),
    Helper(146, "inode_storage_delete", (5, 10), (_P.LSM,)),
    Helper(147, "d_path", (5, 10), _TYPED),
    Helper(148, "copy_from_user", (5, 10), _ALL),
    Helper(149, "snprintf_btf", (5, 10), _ALL),
    Helper(150, "seq_printf_btf", (5, 10), (_P.TRACING,), gpl=True),
    Helper(151, "skb_cgroup_classid", (5, 10), _TC),
    Helper(152, "redirect_neigh", (5, 10), _TC),
    Helper(153, "per_cpu_ptr", (5, 10), _ALL),
    Helper(154, "this_cpu_ptr", (5, 10), _ALL),
    Helper(155, "redirect_peer", (5, 10), _TC),
    Helper(156, "task_storage_get", (5, 11), _ALL),
    Helper(157, "task_storage_delete", (5, 11), _ALL),
    Helper(158, "get_current_task_btf", (5, 11), _ALL, gpl=True),
    Helper(159, "bprm_opts_set", (5, 11), (_P.LSM,)),
    Helper(160, "ktime_get_coarse_ns", (5, 11), _COARSE),
    Helper(161, "ima_inode_hash", (5, 11), (_P.LSM,)),
    Helper(162, "sock_from_file", (5, 11), _TYPED),
    Helper(163, "check_mtu", (5, 12), (*_TC, _P.XDP), gpl=True),
    Helper(164, "for_each_map_elem", (5, 13), _ALL),
    Helper(165, "snprintf", (5, 13), _ALL, gpl=True),
    Helper(166, "sys_bpf", (5, 14), (_P.SYSCALL,)),
    Helper(167, "btf_find_by_name_kind", (5, 14), (_P.SYSCALL,)),
    Helper(168, "sys_close", (5, 14), (_P.SYSCALL,)),
    Helper(169, "timer_init", (5, 15), _ALL, gpl=True),
    Helper(170, "timer_set_callback", (5, 15), _ALL, gpl=True),
    Helper(171, "timer_start", (5, 15), _ALL, gpl=True),
    Helper(172, "timer_cancel", (5, 15), _ALL, gpl=True),
    Helper(173, "get_func_ip", (5, 15), (_P.KPROBE, _P.TRACING), gpl=True),
    Helper(
        174,
        "get_attach_cookie",
        (5, 15),
        (_P.KPROBE, _P.TRACEPOINT, _P.PERF_EVENT, _P.RAW_TRACEPOINT, _P.RAW_TRACEPOINT_WRITABLE, _P.TRACING, _P.LSM),
    ),
    Helper(175, "task_pt_regs", (5, 15), _ALL, gpl=True),
    Helper(176, "get_branch_snapshot", (5, 16), _ALL, gpl=True),
    Helper(177, "trace_vprintk", (5, 16), _ALL, gpl=True),
    Helper(178, "skc_to_unix_sock", (5, 16), _SOCKETS),
    Helper(179, "kallsyms_lookup_name", (5, 16), (_P.SYSCALL,)),
    Helper(180, "find_vma", (5, 17), _ALL),
    Helper(181, "loop", (5, 17), _ALL),
    Helper(182, "strncmp", (5, 17), _ALL),
    Helper(183, "get_func_arg", (5, 17), (_P.TRACING, _P.LSM)),
    Helper(184, "get_func_ret", (5, 17), (_P.TRACING, _P.LSM)),
    Helper(185, "get_func_arg_cnt", (5, 17), (_P.TRACING, _P.LSM)),
    Helper(186, "get_retval", (5, 18), (*_CGROUP, _P.LSM)),
    Helper(187, "set_retval", (5, 18), (*_CGROUP, _P.LSM)),
    Helper(188, "xdp_get_buff_len", (5, 18), (*_TYPED, _P.XDP)),
    Helper(189, "xdp_load_bytes", (5, 18), (_P.XDP,)),
    Helper(190, "xdp_store_bytes", (5, 18), (_P.XDP,)),
    Helper(191, "copy_from_user_task", (5, 18), _ALL, gpl=True),
    Helper(192, "skb_set_tstamp", (5, 18), _TC),
    Helper(193, "ima_file_hash", (5, 18), (_P.LSM,)),
    Helper(194, "kptr_xchg", (5, 19), _ALL),
    Helper(195, "map_lookup_percpu_elem", (5, 19), _ALL),
    Helper(196, "skc_to_mptcp_sock", (5, 19), _SOCKETS),
    Helper(197, "dynptr_from_mem", (5, 19), _ALL),
    Helper(198, "ringbuf_reserve_dynptr", (5, 19), _ALL),
    Helper(199, "ringbuf_submit_dynptr", (5, 19), _ALL),
    Helper(200, "ringbuf_discard_dynptr", (5, 19), _ALL),
    Helper(201, "dynptr_read", (5, 19), _ALL),
    Helper(202, "dynptr_write", (5, 19), _ALL),
    Helper(203, "dynptr_data", (5, 19), _ALL),
    Helper(204, "tcp_raw_gen_syncookie_ipv4", (6, 0), (*_TC, _P.XDP), gpl=True),
    Helper(205, "tcp_raw_gen_syncookie_ipv6", (6, 0), (*_TC, _P.XDP), gpl=True),
    Helper(206, "tcp_raw_check_syncookie_ipv4", (6, 0), (*_TC, _P.XDP), gpl=True),
    Helper(207, "tcp_raw_check_syncookie_ipv6", (6, 0), (*_TC, _P.XDP), gpl=True),
    Helper(208, "ktime_get_tai_ns", (6, 1), _ALL),
    Helper(209, "user_ringbuf_drain", (6, 1), _ALL),
    Helper(210, "cgrp_storage_get", (6, 2), _ALL),
    Helper(211, "cgrp_storage_delete", (6, 2), _ALL),
)

_BY_NAME: Final = {helper.name: helper for helper in HELPERS}


def helper_by_name(name: str) -> Helper | None:
    """The helper `name` (`map_lookup_elem`), or None."""
    return _BY_NAME.get(name)


def helper_by_id(id: int) -> Helper | None:
    """The helper number `id`, or None."""
    return HELPERS[id - 1] if 0 < id <= len(HELPERS) else None
