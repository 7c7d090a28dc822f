"""Why an object could not be loaded, and what would allow it."""

from __future__ import annotations

import errno
import os
from typing import Literal, Protocol

from pyebpf.diagnostics.base import Error
from pyebpf.kernel.hooks import hook_by_name
from pyebpf.kernel.versions import running_version
from pyebpf.loader.hints import did_you_mean_path
from pyebpf.loader.privileges import MEMORY_CGROUPS, why_refused

Reason = Literal["privileges", "kernel", "object", "target"]


class Refusing(Protocol):
    """A BPF token."""

    def why_refused(self, needed: tuple[str, ...]) -> str: ...


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


def explain(
    error: OSError,
    what: str,
    hook: str = "",
    needed: tuple[str, ...] = (),
    token: Refusing | None = None,
) -> LoadError:
    """What an error of bpf(2) means here. `what` was tried: `create map counts`. It takes the capabilities `needed`, if
    that isn't what the hook says; with `token`, in its namespace of users."""
    row = hook_by_name(hook)
    needed = needed or (row.capabilities if row else ("CAP_BPF",))
    if error.errno == errno.ENOSYS:
        return LoadError(f"cannot {what}: this kernel has no bpf(2) system call (CONFIG_BPF_SYSCALL)", "kernel")
    if error.errno == errno.EPERM and token is not None:
        return LoadError(f"cannot {what}: {token.why_refused(needed)}", "privileges")
    if error.errno in (errno.EPERM, errno.EACCES):
        return LoadError(f"cannot {what}: {why_refused(needed, memory=error.errno == errno.EPERM)}", "privileges")
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


def unreachable(error: OSError | ValueError, what: str, path: str) -> LoadError:
    """A place that can't be opened: it isn't there, or this user may not."""
    text = getattr(error, "strerror", None) or str(error)
    if isinstance(error, PermissionError):
        opens = "CAP_SYS_PTRACE" if path.startswith("/proc/") else "CAP_DAC_READ_SEARCH"
        return LoadError(f"cannot {what}: {path} is closed to this user ({text}); {opens} opens it", "privileges")
    return LoadError(f"cannot {what}: {text}{did_you_mean_path(path)}", "target")


def counts_locked_memory() -> bool:
    """Whether this kernel counts maps and programs as locked memory, under RLIMIT_MEMLOCK: it does before 5.11."""
    return (running_version() or (0, 0)) < MEMORY_CGROUPS
