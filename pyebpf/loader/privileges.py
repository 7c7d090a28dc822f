"""Why the kernel doesn't let this process do something, in words: what is missing, or who forbids it."""

from __future__ import annotations

import os
from typing import Final

CAPABILITIES: Final = {
    "CAP_DAC_OVERRIDE": 1,
    "CAP_DAC_READ_SEARCH": 2,
    "CAP_NET_ADMIN": 12,
    "CAP_NET_RAW": 13,
    "CAP_SYS_ADMIN": 21,
    "CAP_SYS_RESOURCE": 24,
    "CAP_PERFMON": 38,
    "CAP_BPF": 39,
}
"""Numbers of include/uapi/linux/capability.h, those that BPF is about. The last two came with Linux 5.8; CAP_SYS_ADMIN
stands for both of them, and for CAP_NET_ADMIN where programs are loaded."""
_WATCHERS: Final = ("selinux", "apparmor", "smack", "tomoyo", "bpf")
"""Security modules that have hooks for bpf(2) and perf_event_open(2)."""


def status(field: str) -> str:
    """A field of /proc/self/status, or ""."""
    for line in _read("/proc/self/status").splitlines():
        if line.startswith(field + ":"):
            return line.partition(":")[2].strip()
    return ""


def effective() -> tuple[str, ...]:
    """The capabilities of this process, of those that BPF is about."""
    bits = int(status("CapEff") or "0", 16)
    return tuple(name for name, number in CAPABILITIES.items() if bits >> number & 1)


def missing(needed: tuple[str, ...]) -> tuple[str, ...]:
    """Which of `needed` this process doesn't have."""
    have = effective()
    return () if "CAP_SYS_ADMIN" in have else tuple(name for name in needed if name not in have)


def why_refused(needed: tuple[str, ...]) -> str:
    """Why EPERM, where `needed` are the capabilities that it takes."""
    lacking = missing(needed)
    if lacking:
        user = "" if os.geteuid() == 0 else "; run it as root, or give it these capabilities"
        return f"this process lacks {', '.join(lacking)}{user}{_unprivileged()}"
    if in_user_namespace():
        where = "this process is in a user namespace, whose capabilities don't count for BPF"
        return f"{where}; run it outside, or with a BPF token (6.9)"
    if status("Seccomp") not in ("", "0"):
        return "a seccomp filter (of a container, perhaps) forbids it; allow the bpf system call there"
    if lockdown() == "confidentiality":
        return "the kernel is locked down (confidentiality), and so programs may not read its memory"
    modules = "a security module"
    watching = [name for name in security_modules() if name in _WATCHERS]
    if watching:
        modules = f"a security module, {' or '.join(watching)}"
    return f"the kernel's policy forbids it ({modules}, or lockdown), though the capabilities are there"


def in_user_namespace() -> bool:
    """Whether user ids here are those of a namespace of users."""
    ranges = [line.split() for line in _read("/proc/self/uid_map").splitlines()]
    return bool(ranges) and ranges != [["0", "0", "4294967295"]]


def lockdown() -> str:
    """`none`, `integrity` or `confidentiality` (5.4); "" where that can't be told."""
    text = _read("/sys/kernel/security/lockdown")
    return text.partition("[")[2].partition("]")[0]


def security_modules() -> tuple[str, ...]:
    """Those that the kernel runs, in order; empty where that can't be told."""
    text = _read("/sys/kernel/security/lsm").strip()
    return tuple(text.split(",")) if text else ()


def unprivileged_bpf_disabled() -> int | None:
    """The kernel's setting: 0, or 1 (for good), or 2 (5.13)."""
    text = _read("/proc/sys/kernel/unprivileged_bpf_disabled").strip()
    return int(text) if text.isdigit() else None


def _unprivileged() -> str:
    value = unprivileged_bpf_disabled()
    return f" (kernel.unprivileged_bpf_disabled is {value})" if value else ""


def mounted(kind: str) -> str | None:
    """Where a file system of the kind is mounted, the first such place; None where none is."""
    mounts = [line.split() for line in _read("/proc/self/mounts", 4 << 20).splitlines()]
    return next((fields[1] for fields in mounts if len(fields) > 2 and fields[2] == kind), None)


def _read(path: str, most: int = 1 << 16) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(most)
    except OSError:
        return ""
