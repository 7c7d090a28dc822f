"""Section names: which program type and attach type libbpf's convention gives to the programs in them.

Source: libbpf's documentation, "Program types and ELF sections"; `enum bpf_attach_type` in
include/uapi/linux/bpf.h for numbers.
"""

from __future__ import annotations

from typing import Final, final

from pyebpf.kernel.hooks import HOOKS
from pyebpf.kernel.programs import ProgramType as T
from pyebpf.records import dataclass


@final
@dataclass(frozen=True, slots=True)
class SectionName:
    """A row: sections named `name`, or `name/…`. `attach_type` is None where the kernel expects none (sends 0)."""

    name: str
    program_type: int
    attach_type: int | None = None
    sleepable: bool = False


@final
@dataclass(frozen=True, slots=True)
class Meaning:
    """What a section name says of the programs in it."""

    program_type: int
    attach_type: int | None
    hook: str
    argument: str
    sleepable: bool = False


SECTION_NAMES: Final = (
    SectionName("socket", T.SOCKET_FILTER),
    SectionName("sk_reuseport/migrate", T.SK_REUSEPORT, 40),
    SectionName("sk_reuseport", T.SK_REUSEPORT, 39),
    SectionName("kprobe", T.KPROBE),
    SectionName("kretprobe", T.KPROBE),
    SectionName("uprobe", T.KPROBE),
    SectionName("uretprobe", T.KPROBE),
    SectionName("uprobe.s", T.KPROBE, None, True),
    SectionName("uretprobe.s", T.KPROBE, None, True),
    SectionName("kprobe.multi", T.KPROBE, 42),
    SectionName("kretprobe.multi", T.KPROBE, 42),
    SectionName("kprobe.session", T.KPROBE, 56),
    SectionName("uprobe.multi", T.KPROBE, 48),
    SectionName("uretprobe.multi", T.KPROBE, 48),
    SectionName("uprobe.session", T.KPROBE, 57),
    SectionName("uprobe.session.s", T.KPROBE, 57, True),
    SectionName("uprobe.multi.s", T.KPROBE, 48, True),
    SectionName("uretprobe.multi.s", T.KPROBE, 48, True),
    SectionName("ksyscall", T.KPROBE),
    SectionName("kretsyscall", T.KPROBE),
    SectionName("usdt", T.KPROBE, 48),
    SectionName("usdt.s", T.KPROBE, 48, True),
    SectionName("tc/ingress", T.SCHED_CLS, 46),
    SectionName("tc/egress", T.SCHED_CLS, 47),
    SectionName("tcx/ingress", T.SCHED_CLS, 46),
    SectionName("tcx/egress", T.SCHED_CLS, 47),
    SectionName("netkit/primary", T.SCHED_CLS, 54),
    SectionName("netkit/peer", T.SCHED_CLS, 55),
    SectionName("tc", T.SCHED_CLS),
    SectionName("classifier", T.SCHED_CLS),
    SectionName("action", T.SCHED_ACT),
    SectionName("tracepoint", T.TRACEPOINT),
    SectionName("tp", T.TRACEPOINT),
    SectionName("raw_tracepoint.w", T.RAW_TRACEPOINT_WRITABLE),
    SectionName("raw_tp.w", T.RAW_TRACEPOINT_WRITABLE),
    SectionName("raw_tracepoint", T.RAW_TRACEPOINT),
    SectionName("raw_tp", T.RAW_TRACEPOINT),
    SectionName("tp_btf", T.TRACING, 23),
    SectionName("fentry", T.TRACING, 24),
    SectionName("fentry.s", T.TRACING, 24, True),
    SectionName("fmod_ret", T.TRACING, 26),
    SectionName("fmod_ret.s", T.TRACING, 26, True),
    SectionName("fexit", T.TRACING, 25),
    SectionName("fexit.s", T.TRACING, 25, True),
    SectionName("freplace", T.EXT),
    SectionName("lsm", T.LSM, 27),
    SectionName("lsm.s", T.LSM, 27, True),
    SectionName("lsm_cgroup", T.LSM, 43),
    SectionName("iter", T.TRACING, 28),
    SectionName("iter.s", T.TRACING, 28, True),
    SectionName("syscall", T.SYSCALL, None, True),
    SectionName("xdp.frags/devmap", T.XDP, 33),
    SectionName("xdp/devmap", T.XDP, 33),
    SectionName("xdp.frags/cpumap", T.XDP, 35),
    SectionName("xdp/cpumap", T.XDP, 35),
    SectionName("xdp.frags", T.XDP, 37),
    SectionName("xdp", T.XDP, 37),
    SectionName("perf_event", T.PERF_EVENT),
    SectionName("lwt_in", T.LWT_IN),
    SectionName("lwt_out", T.LWT_OUT),
    SectionName("lwt_xmit", T.LWT_XMIT),
    SectionName("lwt_seg6local", T.LWT_SEG6LOCAL),
    SectionName("sockops", T.SOCK_OPS, 3),
    SectionName("sk_skb/stream_parser", T.SK_SKB, 4),
    SectionName("sk_skb/stream_verdict", T.SK_SKB, 5),
    SectionName("sk_skb/verdict", T.SK_SKB, 38),
    SectionName("sk_skb", T.SK_SKB),
    SectionName("sk_msg", T.SK_MSG, 7),
    SectionName("lirc_mode2", T.LIRC_MODE2, 16),
    SectionName("flow_dissector", T.FLOW_DISSECTOR, 17),
    SectionName("cgroup_skb/ingress", T.CGROUP_SKB, 0),
    SectionName("cgroup_skb/egress", T.CGROUP_SKB, 1),
    SectionName("cgroup/skb", T.CGROUP_SKB),
    SectionName("cgroup/sock_create", T.CGROUP_SOCK, 2),
    SectionName("cgroup/sock_release", T.CGROUP_SOCK, 34),
    SectionName("cgroup/sock", T.CGROUP_SOCK, 2),
    SectionName("cgroup/post_bind4", T.CGROUP_SOCK, 12),
    SectionName("cgroup/post_bind6", T.CGROUP_SOCK, 13),
    SectionName("cgroup/bind4", T.CGROUP_SOCK_ADDR, 8),
    SectionName("cgroup/bind6", T.CGROUP_SOCK_ADDR, 9),
    SectionName("cgroup/connect4", T.CGROUP_SOCK_ADDR, 10),
    SectionName("cgroup/connect6", T.CGROUP_SOCK_ADDR, 11),
    SectionName("cgroup/connect_unix", T.CGROUP_SOCK_ADDR, 49),
    SectionName("cgroup/sendmsg4", T.CGROUP_SOCK_ADDR, 14),
    SectionName("cgroup/sendmsg6", T.CGROUP_SOCK_ADDR, 15),
    SectionName("cgroup/sendmsg_unix", T.CGROUP_SOCK_ADDR, 50),
    SectionName("cgroup/recvmsg4", T.CGROUP_SOCK_ADDR, 19),
    SectionName("cgroup/recvmsg6", T.CGROUP_SOCK_ADDR, 20),
    SectionName("cgroup/recvmsg_unix", T.CGROUP_SOCK_ADDR, 51),
    SectionName("cgroup/getpeername4", T.CGROUP_SOCK_ADDR, 29),
    SectionName("cgroup/getpeername6", T.CGROUP_SOCK_ADDR, 30),
    SectionName("cgroup/getpeername_unix", T.CGROUP_SOCK_ADDR, 52),
    SectionName("cgroup/getsockname4", T.CGROUP_SOCK_ADDR, 31),
    SectionName("cgroup/getsockname6", T.CGROUP_SOCK_ADDR, 32),
    SectionName("cgroup/getsockname_unix", T.CGROUP_SOCK_ADDR, 53),
    SectionName("cgroup/sysctl", T.CGROUP_SYSCTL, 18),
    SectionName("cgroup/getsockopt", T.CGROUP_SOCKOPT, 21),
    SectionName("cgroup/setsockopt", T.CGROUP_SOCKOPT, 22),
    SectionName("cgroup/dev", T.CGROUP_DEVICE, 6),
    SectionName("struct_ops.s", T.STRUCT_OPS, None, True),
    SectionName("struct_ops", T.STRUCT_OPS),
    SectionName("sk_lookup", T.SK_LOOKUP, 36),
    SectionName("netfilter", T.NETFILTER, 45),
)
_BY_NAME: Final = {row.name: row for row in SECTION_NAMES}


def meaning_of(section: str) -> Meaning | None:
    """What `section` says, or None if the name follows no convention. A leading `?` (don't autoload) is passed over."""
    section = section.removeprefix("?")
    name = section
    while name not in _BY_NAME:
        name, slash, _ = name.rpartition("/")
        if not slash:
            return None
    row = _BY_NAME[name]
    argument = section[len(name) + 1 :]
    plain = name.removesuffix(".s") if row.sleepable else name
    for hook in HOOKS:
        if hook.section.partition("/{")[0] == _ALIASES.get(plain, plain):
            return Meaning(row.program_type, row.attach_type, hook.name, argument, row.sleepable)
    return Meaning(row.program_type, row.attach_type, "", argument, row.sleepable)


_ALIASES: Final = {"tp": "tracepoint", "raw_tp": "raw_tracepoint"}
