"""Capabilities: which of them the kernel wants for what.

Sources: include/uapi/linux/capability.h; `is_net_admin_prog_type`, `is_perfmon_prog_type` and `map_create` in
kernel/bpf/syscall.c; `bpf_base_func_proto` in kernel/bpf/helpers.c; `perf_uprobe_event_init` in kernel/events/core.c.
What programs need is in the rows of `kernel.hooks`, and for those without a hook there in `kernel.least`.
"""

from __future__ import annotations

from typing import Final, final

from pyebpf.kernel.hooks.kinds import AttachKind
from pyebpf.kernel.maps import MapType
from pyebpf.kernel.versions import Version
from pyebpf.records import dataclass

CAPABILITIES: Final = {
    "CAP_DAC_OVERRIDE": 1,
    "CAP_DAC_READ_SEARCH": 2,
    "CAP_NET_ADMIN": 12,
    "CAP_NET_RAW": 13,
    "CAP_SYS_PTRACE": 19,
    "CAP_SYS_ADMIN": 21,
    "CAP_SYS_RESOURCE": 24,
    "CAP_SYSLOG": 34,
    "CAP_PERFMON": 38,
    "CAP_BPF": 39,
}
"""Those that BPF is about, by number."""
DIVIDED: Final[Version] = (5, 8)
"""CAP_BPF and CAP_PERFMON came with it; before, CAP_SYS_ADMIN is what both are now."""
INCLUDED: Final = ("CAP_BPF", "CAP_PERFMON", "CAP_NET_ADMIN")
"""What CAP_SYS_ADMIN stands for as well, where maps and programs are made."""
OPEN_AFTERWARDS: Final[Version] = (5, 19)
"""From here on kernel.unprivileged_bpf_disabled forbids to make maps and programs, and nothing that is done with a
descriptor. Before, every call of bpf(2) needs CAP_BPF where it is set."""
MAPS: Final[dict[int, tuple[str, ...]]] = dict.fromkeys(
    (MapType.DEVMAP, MapType.DEVMAP_HASH, MapType.SOCKMAP, MapType.SOCKHASH, MapType.XSKMAP),
    ("CAP_BPF", "CAP_NET_ADMIN"),
)
"""Types of maps that need more than CAP_BPF."""
PERFMON_HELPERS: Final = frozenset(
    (
        *("copy_from_user", "copy_from_user_task", "find_vma", "get_branch_snapshot", "get_current_comm"),
        *("get_current_task", "get_current_task_btf", "get_task_stack", "perf_event_read", "perf_event_read_value"),
        *("probe_read_kernel", "probe_read_kernel_str", "probe_read_user", "probe_read_user_str", "send_signal"),
        *("send_signal_thread", "snprintf", "snprintf_btf", "task_pt_regs", "trace_printk", "trace_vprintk"),
    )
)
"""Helpers that programs may call only if CAP_PERFMON was there when they were loaded, whatever kind they are: they read
the kernel's memory, or tell of it."""


LOCKED_HELPERS: Final = {
    **dict.fromkeys(
        ("probe_read_kernel", "probe_read_kernel_str", "probe_read", "probe_read_str"), ("confidentiality",)
    ),
    "probe_write_user": ("integrity", "confidentiality"),
}
"""Helpers that nobody may have where the kernel is locked down so (5.4)."""


@final
@dataclass(frozen=True, slots=True)
class Attaching:
    """What attaching needs beside what loading does."""

    kind: AttachKind
    capability: str
    why: str
    when: str
    """In which case, in words: `before Linux 6.6`."""
    until: Version | None = None
    """First kernel that doesn't want it any more."""


UPROBE_LINKS: Final[Version] = (6, 6)
"""BPF_TRACE_UPROBE_MULTI, which CAP_PERFMON is enough for. Uprobes by perf events take CAP_SYS_ADMIN."""
ATTACHING: Final = (
    Attaching(
        *(AttachKind.TRACEPOINT, "CAP_DAC_READ_SEARCH", "tracefs has the numbers of tracepoints"),
        when="where tracefs is root's alone",
    ),
    *(
        Attaching(kind, "CAP_SYS_ADMIN", "perf events on user space take it", "before Linux 6.6", UPROBE_LINKS)
        for kind in (AttachKind.UPROBE, AttachKind.USDT)
    ),
)


@final
@dataclass(frozen=True, slots=True)
class Action:
    """Something that is done with what is loaded, and what it needs."""

    what: str
    capabilities: tuple[str, ...]


ACTIONS: Final = (
    Action("count and time runs (session.stats)", ("CAP_SYS_ADMIN",)),
    Action("read perf buffers (PerfEventArray)", ("CAP_PERFMON",)),
    Action("open the maps in a map of maps by their numbers", ("CAP_SYS_ADMIN",)),
    Action("call functions of the kernel's modules, or attach to them", ("CAP_SYS_ADMIN",)),
    Action("addresses of symbols, where kernel.kptr_restrict or kernel.perf_event_paranoid hide them", ("CAP_SYSLOG",)),
    Action("detach a filter of clsact (tc before Linux 6.6)", ("CAP_NET_ADMIN",)),
    Action("know processes that end before their stacks are read (session.symbols.follow)", ("CAP_PERFMON",)),
    Action("enter another user's process: its files, its network namespace", ("CAP_SYS_PTRACE",)),
)
"""For the table in the documentation."""
