"""pyebpf: write a probe as a Python function and run it inside the Linux kernel.

    from pyebpf import Hash, comm, char, tracepoint, u64
    import pyebpf

    counts = Hash[char[16], u64](max_entries=10_240)

    @tracepoint("raw_syscalls:sys_enter")
    def on_syscall(ctx):
        counts[comm()] += 1

    with pyebpf.load(on_syscall) as session:
        ...
        print(counts.to_dict())

Importing this package is cheap: the compiler and the loader are imported when they are first used.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import TYPE_CHECKING, Any

from pyebpf import kernel
from pyebpf.addresses import MacAddress
from pyebpf.diagnostics.base import CompileError, CompileWarning, Error, InternalError
from pyebpf.kernel.hooks import CgroupAction as CGROUP
from pyebpf.kernel.hooks import FlowAction as FLOW
from pyebpf.kernel.hooks import LwtAction as LWT
from pyebpf.kernel.hooks import NfAction as NF
from pyebpf.kernel.hooks import SkAction as SK
from pyebpf.kernel.hooks import TcAction as TC
from pyebpf.kernel.hooks import XdpAction as XDP
from pyebpf.lang.arena import Arena
from pyebpf.lang.exceptions import NullPointerError, PacketTooShort
from pyebpf.lang.functions import (
    boot_ns,
    cast,
    cgroup_id,
    comm,
    container_of,
    cpu,
    current_cgroup,
    current_task,
    gid,
    kernel_read,
    kernel_stack,
    kernel_str,
    ktime_ns,
    pid,
    python_stack,
    random_u32,
    sizeof,
    tid,
    uid,
    user_read,
    user_stack,
    user_str,
)
from pyebpf.lang.histograms import Histogram, LinearHistogram
from pyebpf.lang.kernel_types import Kernel
from pyebpf.lang.kfuncs import rcu
from pyebpf.lang.maps import (
    Array,
    BloomFilter,
    Hash,
    LpmTrie,
    LruHash,
    LruPerCpuHash,
    PerCpuArray,
    PerCpuHash,
    Queue,
    RingBuf,
    Stack,
)
from pyebpf.lang.nested import ArrayOfMaps, HashOfMaps
from pyebpf.lang.netfilter import netfilter
from pyebpf.lang.perf_buffers import PerfEventArray
from pyebpf.lang.perf_events import perf_event, profile
from pyebpf.lang.probes import (
    cgroup,
    fentry,
    fexit,
    flow_dissector,
    fmod_ret,
    freplace,
    function,
    iterator,
    kprobe,
    kretprobe,
    kretsyscall,
    ksyscall,
    lsm,
    lsm_cgroup,
    lwt,
    netkit,
    raw_tracepoint,
    sk_lookup,
    sk_msg,
    sk_reuseport,
    sk_skb,
    socket_filter,
    sockops,
    syscall,
    tc,
    tp_btf,
    tracepoint,
    uprobe,
    uretprobe,
    usdt,
    xdp,
)
from pyebpf.lang.programs import ProgArray
from pyebpf.lang.stacks import Stacks, StackTrace
from pyebpf.lang.storage import CgroupStorage, InodeStorage, SkStorage, TaskStorage
from pyebpf.lang.struct_ops import struct_ops
from pyebpf.lang.structs import bits, struct, union
from pyebpf.lang.targets import CpuMap, DevMap, DevMapHash, ReuseportSockArray, SockHash, SockMap, XskMap
from pyebpf.lang.types import SpinLock, Timer, WorkQueue, be16, be32, be64, char, i8, i16, i32, i64, u8, u16, u32, u64
from pyebpf.lang.user_rings import UserRingBuf
from pyebpf.lang.variables import Config, Global

if TYPE_CHECKING:
    from pyebpf.clocks import Clock as Clock
    from pyebpf.embed import adopt as adopt
    from pyebpf.embed import compile as compile
    from pyebpf.embed import load as load
    from pyebpf.loader.errors import LoadError as LoadError
    from pyebpf.loader.verifier import VerifierError as VerifierError
    from pyebpf.object.specs import Object as Object
    from pyebpf.runtime.dropping import drop_privileges as drop_privileges
    from pyebpf.runtime.session import Session as Session
    from pyebpf.views.dataframes import columns as columns

__version__ = "0.1.0"

_HEADERS = ("Ethernet", "Vlan", "IPv4", "IPv6", "Tcp", "Udp", "Icmp", "Icmp6", "Arp")
_LAZY = {
    "Clock": "pyebpf.clocks",
    "columns": "pyebpf.views.dataframes",
    "compile": "pyebpf.embed",
    "adopt": "pyebpf.embed",
    "load": "pyebpf.embed",
    "LoadError": "pyebpf.loader.errors",
    "VerifierError": "pyebpf.loader.verifier",
    "Object": "pyebpf.object.specs",
    "drop_privileges": "pyebpf.runtime.dropping",
    "Session": "pyebpf.runtime.session",
}

__all__ = [
    "CGROUP",
    "SK",
    "TC",
    "XDP",
    "WorkQueue",
    "XskMap",
    "Arena",
    "Array",
    "ArrayOfMaps",
    "BloomFilter",
    "CgroupStorage",
    "CompileError",
    "CompileWarning",
    "Config",
    "CpuMap",
    "DevMap",
    "DevMapHash",
    "Error",
    "Global",
    "Hash",
    "HashOfMaps",
    "Histogram",
    "IPv4Address",
    "IPv4Network",
    "IPv6Address",
    "IPv6Network",
    "InodeStorage",
    "InternalError",
    "Kernel",
    "LinearHistogram",
    "LpmTrie",
    "LruHash",
    "LruPerCpuHash",
    "MacAddress",
    "FLOW",
    "LWT",
    "NF",
    "NullPointerError",
    "PacketTooShort",
    "PerCpuArray",
    "PerCpuHash",
    "PerfEventArray",
    "ProgArray",
    "Queue",
    "ReuseportSockArray",
    "RingBuf",
    "SkStorage",
    "SockHash",
    "SockMap",
    "SpinLock",
    "Stack",
    "StackTrace",
    "Stacks",
    "TaskStorage",
    "UserRingBuf",
    "Timer",
    "be16",
    "be32",
    "be64",
    "bits",
    "boot_ns",
    "cast",
    "cgroup",
    "cgroup_id",
    "char",
    "comm",
    "container_of",
    "cpu",
    "current_cgroup",
    "current_task",
    "fentry",
    "flow_dissector",
    "fexit",
    "fmod_ret",
    "freplace",
    "function",
    "gid",
    "i8",
    "i16",
    "i32",
    "i64",
    "kernel",
    "iterator",
    "kernel_read",
    "kernel_stack",
    "kernel_str",
    "kprobe",
    "kretprobe",
    "kretsyscall",
    "ksyscall",
    "ktime_ns",
    "lsm",
    "netfilter",
    "perf_event",
    "profile",
    "netkit",
    "lsm_cgroup",
    "lwt",
    "pid",
    "python_stack",
    "random_u32",
    "rcu",
    "raw_tracepoint",
    "sizeof",
    "sk_lookup",
    "sk_msg",
    "sk_reuseport",
    "sk_skb",
    "socket_filter",
    "sockops",
    "struct",
    "struct_ops",
    "syscall",
    "tc",
    "tid",
    "tp_btf",
    "tracepoint",
    "u8",
    "u16",
    "u32",
    "u64",
    "uid",
    "union",
    "uprobe",
    "uretprobe",
    "usdt",
    "user_read",
    "user_stack",
    "user_str",
    "xdp",
]


def __getattr__(name: str) -> Any:
    """Packet headers, the kernel's constants, and whatever touches the compiler or the kernel, on first use."""
    import importlib

    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    if name in _HEADERS:
        from pyebpf.lang.headers import TYPES

        return TYPES[name]
    if name.isupper():
        from pyebpf.kernel.constants import constant

        value = constant(name)
        if value is not None:
            return value
    raise AttributeError(f"module 'pyebpf' has no attribute {name!r}")


def __dir__() -> list[str]:
    from pyebpf.kernel.constants import CONSTANTS

    return sorted({*__all__, *_HEADERS, *_LAZY, *CONSTANTS})
