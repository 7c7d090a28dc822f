"""Asks a kernel's verifier which programs may call which helpers. Runs anywhere, in guests too:

    python tests/kernel/helper_facts.py > facts.json

For each kind of program a line of 211 hexadecimal digits, one for each helper: the sum of `Answer`'s bits; or a text,
why programs of the kind don't load here at all.
"""

from __future__ import annotations

import json
import platform
import re
import sys
from enum import IntFlag
from pathlib import Path
from typing import Final, NamedTuple

sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parent)]

from load_program import RETURN_ONE, RETURN_ZERO, call, load

from pyebpf.kernel.btf import Btf, Kind
from pyebpf.kernel.btf_types import Struct
from pyebpf.kernel.helpers import HELPERS, Helper
from pyebpf.kernel.programs import ProgramType

SLEEPABLE: Final = 1 << 4
"""BPF_F_SLEEPABLE."""
T = ProgramType


class Answer(IntFlag):
    """What the verifier minds of a call, in the order in which it does; its arguments come last."""

    ALLOWED = 1
    GPL = 2
    SLEEPS = 4
    """Only programs that may sleep call it."""
    ELSEWHERE = 8
    """Not in the program that asked: where it is attached decides."""


class Programs(NamedTuple):
    """Programs that the verifier treats alike."""

    type: ProgramType
    attach: int = 0
    """`enum bpf_attach_type`."""
    target: str = ""
    """What it is attached to: a function, a tracepoint (`btf_trace_…`), or an operation (`struct.member`)."""
    flags: int = 0
    code: bytes = RETURN_ZERO


KINDS: Final = {
    "socket_filter": Programs(T.SOCKET_FILTER),
    "kprobe": Programs(T.KPROBE),
    "kprobe.multi": Programs(T.KPROBE, 42),
    "kprobe.session": Programs(T.KPROBE, 56),
    "uprobe.multi": Programs(T.KPROBE, 48),
    "sched_cls": Programs(T.SCHED_CLS),
    "sched_act": Programs(T.SCHED_ACT),
    "tracepoint": Programs(T.TRACEPOINT),
    "xdp": Programs(T.XDP, 37),
    "perf_event": Programs(T.PERF_EVENT),
    "cgroup_skb": Programs(T.CGROUP_SKB),
    "cgroup_sock.create": Programs(T.CGROUP_SOCK, 2),
    "cgroup_sock.post_bind4": Programs(T.CGROUP_SOCK, 12),
    "cgroup_sock.release": Programs(T.CGROUP_SOCK, 34),
    "lwt_in": Programs(T.LWT_IN),
    "lwt_out": Programs(T.LWT_OUT),
    "lwt_xmit": Programs(T.LWT_XMIT),
    "sock_ops": Programs(T.SOCK_OPS, 3),
    "sk_skb": Programs(T.SK_SKB, 5),
    "cgroup_device": Programs(T.CGROUP_DEVICE, 6),
    "sk_msg": Programs(T.SK_MSG, 7),
    "raw_tracepoint": Programs(T.RAW_TRACEPOINT),
    "raw_tracepoint_writable": Programs(T.RAW_TRACEPOINT_WRITABLE),
    "cgroup_sock_addr.bind4": Programs(T.CGROUP_SOCK_ADDR, 8),
    "cgroup_sock_addr.connect4": Programs(T.CGROUP_SOCK_ADDR, 10),
    "cgroup_sock_addr.sendmsg4": Programs(T.CGROUP_SOCK_ADDR, 14),
    "cgroup_sock_addr.recvmsg4": Programs(T.CGROUP_SOCK_ADDR, 19, code=RETURN_ONE),
    "cgroup_sock_addr.getpeername4": Programs(T.CGROUP_SOCK_ADDR, 29, code=RETURN_ONE),
    "cgroup_sock_addr.connect_unix": Programs(T.CGROUP_SOCK_ADDR, 49),
    "lwt_seg6local": Programs(T.LWT_SEG6LOCAL),
    "lirc_mode2": Programs(T.LIRC_MODE2, 16),
    "sk_reuseport": Programs(T.SK_REUSEPORT, 39),
    "flow_dissector": Programs(T.FLOW_DISSECTOR, 17),
    "cgroup_sysctl": Programs(T.CGROUP_SYSCTL, 18),
    "cgroup_sockopt.get": Programs(T.CGROUP_SOCKOPT, 21),
    "cgroup_sockopt.set": Programs(T.CGROUP_SOCKOPT, 22),
    "sk_lookup": Programs(T.SK_LOOKUP, 36),
    "syscall": Programs(T.SYSCALL, flags=SLEEPABLE),
    "netfilter": Programs(T.NETFILTER, 45),
    "tp_btf": Programs(T.TRACING, 23, "btf_trace_sched_switch"),
    "fentry": Programs(T.TRACING, 24, "vfs_read"),
    "fentry.file": Programs(T.TRACING, 24, "filp_close"),
    "fentry.sleepable": Programs(T.TRACING, 24, "__x64_sys_nanosleep", SLEEPABLE),
    "fexit": Programs(T.TRACING, 25, "vfs_read"),
    "fmod_ret": Programs(T.TRACING, 26, "security_task_kill"),
    "iterator": Programs(T.TRACING, 28, "bpf_iter_task"),
    "iterator.sleepable": Programs(T.TRACING, 28, "bpf_iter_task", SLEEPABLE),
    "lsm": Programs(T.LSM, 27, "bpf_lsm_task_kill"),
    "lsm.file_open": Programs(T.LSM, 27, "bpf_lsm_file_open"),
    "lsm.sleepable": Programs(T.LSM, 27, "bpf_lsm_file_open", SLEEPABLE),
    "lsm.bprm": Programs(T.LSM, 27, "bpf_lsm_bprm_creds_for_exec", SLEEPABLE),
    "lsm_cgroup": Programs(T.LSM, 43, "bpf_lsm_socket_bind", code=RETURN_ONE),
    "lsm_cgroup.create": Programs(T.LSM, 43, "bpf_lsm_socket_post_create", code=RETURN_ONE),
    "struct_ops.tcp": Programs(T.STRUCT_OPS, 0, "tcp_congestion_ops.ssthresh"),
}


OTHERWISE: Final = {
    "override_return": "only with CONFIG_BPF_KPROBE_OVERRIDE",
    "probe_write_user": "not in kernels that are locked down",
    "setsockopt": "at some of the hooks of lsm_cgroup only",
    "getsockopt": "at some of the hooks of lsm_cgroup only",
    "skb_pull_data": "of lwt_seg6local only with CONFIG_IPV6_SEG6_BPF",
}
"""Helpers that verifiers may know nothing of, for reasons that aren't the program's type."""


def disagreements(found: dict[str, str], version: tuple[int, ...]) -> list[str]:
    """Where the table says something else than the verifier of Linux `version` does."""
    wrong = []
    for name, answers in found.items():
        kind = KINDS[name]
        attach = None if kind.type is T.STRUCT_OPS else kind.attach
        for helper, digit in zip(HELPERS, answers if re.fullmatch("[0-9a-f]+", answers) else "", strict=False):
            since = helper.allowed_since(kind.type, attach)
            ours, theirs = since is not None and since <= version, Answer(int(digit, 16))
            if not theirs and ours and (helper.name in OTHERWISE or (helper.sleeps and version < (6, 1))):
                continue
            if theirs & Answer.ELSEWHERE and not ours:
                continue
            if ours != bool(theirs) or (theirs and _disagree(name, helper, theirs)):
                wrong.append(f"{helper.name} in {name}, Linux {version}: {theirs!r}, here since {since}")
    return wrong


def _disagree(kind: str, helper: Helper, theirs: Answer) -> bool:
    if bool(theirs & Answer.SLEEPS) > helper.sleeps:
        return True
    free = ("get_stackid", "perf_event"), ("get_func_ip", "kprobe.multi"), ("get_func_ip", "kprobe.session")
    if (helper.name, kind) in (*free, ("get_func_ip", "uprobe.multi")) or KINDS[kind].type in (T.LSM, T.STRUCT_OPS):
        return False  # these must be under the GPL altogether, and those need not
    return bool(theirs & Answer.GPL) != helper.gpl


def target_of(btf: Btf, name: str) -> tuple[int, int | None] | None:
    """The BTF id of `name`, and the number of the member; None if this kernel has no such thing."""
    if not name:
        return 0, None
    struct, _, member = name.partition(".")
    if not member:
        found = btf.find(name, Kind.TYPEDEF if name.startswith("btf_trace_") else Kind.FUNC)
        return None if found is None else (found, None)
    found = btf.find(struct, Kind.STRUCT)
    type = btf.type(found) if found is not None else None
    if found is None or not isinstance(type, Struct):
        return None
    return found, [each.name for each in type.members].index(member)


def _ask(kind: Programs, helper: int, target: int, attach: int) -> Answer:
    def log(license: str) -> str:
        return load(kind.type, call(helper) + kind.code, license, attach=attach, target=target, flags=kind.flags)[1]

    said = log("GPL")
    if any(
        words in said
        for words in ("cannot use helper", "unknown func", "invalid func", "not supported", "supported only for")
    ):
        return Answer(0)
    answer = Answer.ALLOWED
    if "not allowed in probe" in said:
        answer |= Answer.ELSEWHERE
    if "sleep" in said:
        answer |= Answer.SLEEPS
    if "GPL-restricted" in log("Proprietary"):
        answer |= Answer.GPL
    return answer


def facts() -> dict[str, str]:
    """The answers of this kernel's verifier, by kind."""
    btf = Btf.running()
    found = {}
    for name, kind in KINDS.items():
        place = target_of(btf, kind.target)
        if place is None:
            found[name] = f"no {kind.target}"
            continue
        target, member = place
        attach = kind.attach if member is None else member
        code, log = load(kind.type, kind.code, attach=attach, target=target, flags=kind.flags)
        if code:
            found[name] = f"error {code} {log.strip()[:200]}"
            continue
        found[name] = "".join(f"{_ask(kind, helper.id, target, attach):x}" for helper in HELPERS)
    return found


if __name__ == "__main__":
    print(json.dumps({"kernel": platform.release(), "kinds": facts()}, indent=1))
