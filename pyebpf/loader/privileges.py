"""Why the kernel doesn't let this process do something, in words: what is missing, or who forbids it."""

from __future__ import annotations

import os
from typing import Final

from pyebpf.kernel.capabilities import CAPABILITIES, DIVIDED, INCLUDED
from pyebpf.kernel.versions import Version, running_version

INITIAL_USERS: Final = 0xEFFFFFFD
"""PROC_USER_INIT_INO: the number of the first namespace of users (include/linux/proc_ns.h)."""
MEMORY_CGROUPS: Final[Version] = (5, 11)
"""From here on maps and programs are accounted to memory cgroups, and RLIMIT_MEMLOCK means nothing to them."""
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
    return held("CapEff")


def held(field: str) -> tuple[str, ...]:
    """The same of a field of /proc/self/status: `CapEff`, those in effect; `CapPrm`, those that may be."""
    bits = int(status(field) or "0", 16)
    return tuple(name for name, number in CAPABILITIES.items() if bits >> number & 1)


def missing(needed: tuple[str, ...]) -> tuple[str, ...]:
    """Which of `needed` this process doesn't have, by the names that this kernel has for them."""
    have = effective()
    if "CAP_SYS_ADMIN" in have:
        have += INCLUDED
    lacking = [name for name in needed if name not in have]
    if (running_version() or DIVIDED) < DIVIDED:
        lacking = ["CAP_SYS_ADMIN" if name in ("CAP_BPF", "CAP_PERFMON") else name for name in lacking]
    return tuple(dict.fromkeys(lacking))


def why_refused(needed: tuple[str, ...], *, memory: bool = False) -> str:
    """Why EPERM, where `needed` are the capabilities that it takes. `memory`: whether it is that of maps and programs,
    which older kernels count as locked."""
    lacking = missing(needed)
    if in_user_namespace():
        return _why_in_namespace(lacking)
    if lacking:
        return f"this process lacks {', '.join(lacking)}{_remedy(lacking)}{_unprivileged()}"
    limit = locked_memory() if memory else None
    if limit is not None:
        text = f"maps and programs count as locked memory before Linux 5.11, of which this process may have {limit}"
        return f"{text} (RLIMIT_MEMLOCK, ulimit -l); CAP_SYS_RESOURCE raises it"
    return forbidden()


def forbidden() -> str:
    """Why EPERM, where all capabilities are there."""
    if status("Seccomp") not in ("", "0"):
        return "a seccomp filter (of a container, perhaps) forbids it; allow the bpf system call there"
    if lockdown() == "confidentiality":
        return "the kernel is locked down (confidentiality), and so programs may not read its memory"
    modules = "a security module"
    watching = [name for name in security_modules() if name in _WATCHERS]
    if watching:
        modules = f"a security module, {' or '.join(watching)}"
    return f"the kernel's policy forbids it ({modules}, or lockdown), though the capabilities are there"


def _remedy(lacking: tuple[str, ...]) -> str:
    """What to do about it."""
    permitted = held("CapPrm")
    if all(name in permitted for name in lacking):
        return ", which it may have but doesn't use (they are permitted, and not in effect)"
    return "" if os.geteuid() == 0 else "; run it as root, or give it these capabilities"


def _why_in_namespace(lacking: tuple[str, ...]) -> str:
    where = "this process is in a user namespace, whose capabilities don't count for BPF"
    if lacking:
        where += f", and doesn't have {', '.join(lacking)} even there"
    return f"{where}; run it outside, or with a BPF token (Linux 6.9; for all but perf events)"


def locked_memory() -> str | None:
    """How much memory this process may lock; None where that doesn't matter to BPF, or is without a limit."""
    import resource

    if (running_version() or MEMORY_CGROUPS) >= MEMORY_CGROUPS:
        return None
    limit = resource.getrlimit(resource.RLIMIT_MEMLOCK)[0]
    return None if limit == resource.RLIM_INFINITY else f"{limit // 1024:,} KiB"


def in_user_namespace() -> bool:
    """Whether capabilities here are those of a namespace of users, and not those of the machine."""
    try:
        return os.stat("/proc/self/ns/user").st_ino != INITIAL_USERS
    except OSError:  # no such namespaces, or no /proc
        return False


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
