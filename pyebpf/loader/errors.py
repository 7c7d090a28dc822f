"""Why an object could not be loaded, and what would allow it."""

from __future__ import annotations

import errno
import os
from typing import Final, Literal

from pyebpf.diagnostics.base import Error
from pyebpf.kernel.hooks import hook_by_name
from pyebpf.kernel.versions import Version, running_version

Reason = Literal["privileges", "kernel", "object", "target"]
MEMORY_CGROUPS: Final[Version] = (5, 11)
"""From here on maps and programs are accounted to memory cgroups, and RLIMIT_MEMLOCK means nothing to them."""
_CAPABILITIES: Final = {"CAP_NET_ADMIN": 12, "CAP_NET_RAW": 13, "CAP_SYS_ADMIN": 21, "CAP_PERFMON": 38, "CAP_BPF": 39}


class LoadError(Error):
    """Loading or attaching failed. `reason` says whose matter it is."""

    def __init__(self, text: str, reason: Reason) -> None:
        self.reason: Reason = reason
        super().__init__(text)


class ConfigError(LoadError):
    """A value for a Config that the object doesn't take."""

    def __init__(self, text: str) -> None:
        super().__init__(text, "object")


class LoadWarning(UserWarning):
    """Loaded, but with less than the object has."""


def explain(error: OSError, what: str, hook: str = "") -> LoadError:
    """What an error of bpf(2) means here. `what` was tried: `create map counts`."""
    row = hook_by_name(hook)
    if error.errno == errno.ENOSYS:
        return LoadError(f"cannot {what}: this kernel has no bpf(2) system call (CONFIG_BPF_SYSCALL)", "kernel")
    if error.errno in (errno.EPERM, errno.EACCES):
        return LoadError(f"cannot {what}: {_privileges(row.capabilities if row else ('CAP_BPF',))}", "privileges")
    if error.errno == errno.EINVAL and row is not None and (running_version() or (0, 0)) < row.since:
        since = ".".join(map(str, row.since))
        return LoadError(
            f"cannot {what}: {row.name} needs Linux {since} or later; this is {os.uname().release}", "kernel"
        )
    if error.errno == errno.ENOMEM and counts_locked_memory():
        return LoadError(f"cannot {what}: the kernel has no memory for it, or RLIMIT_MEMLOCK is too low", "privileges")
    if error.errno == errno.ENOMEM:
        return LoadError(f"cannot {what}: the kernel, or the memory cgroup, has no memory left for it", "kernel")
    return LoadError(f"cannot {what}: {error.strerror}", "kernel")


def counts_locked_memory() -> bool:
    """Whether this kernel counts maps and programs as locked memory, under RLIMIT_MEMLOCK: it does before 5.11."""
    return (running_version() or (0, 0)) < MEMORY_CGROUPS


def _status(field: str) -> str:
    try:
        with open("/proc/self/status") as file:
            return next((line.split()[1] for line in file if line.startswith(field + ":")), "")
    except OSError:
        return ""


def _privileges(needed: tuple[str, ...]) -> str:
    effective = int(_status("CapEff") or "0", 16)
    if effective >> _CAPABILITIES["CAP_SYS_ADMIN"] & 1:
        missing = []
    else:
        missing = [name for name in needed if not effective >> _CAPABILITIES[name] & 1]
    if missing:
        user = "" if os.geteuid() == 0 else "; run it as root, or give it these capabilities"
        return f"this process lacks {', '.join(missing)}{user}{_unprivileged()}"
    if _status("Seccomp") not in ("", "0"):
        return "a seccomp filter (of a container, perhaps) forbids it; allow the bpf system call there"
    return "the kernel's policy forbids it (lockdown or a security module), though the capabilities are there"


def _unprivileged() -> str:
    try:
        with open("/proc/sys/kernel/unprivileged_bpf_disabled") as file:
            value = file.read().strip()
    except OSError:
        return ""
    return f" (kernel.unprivileged_bpf_disabled is {value})" if value != "0" else ""
