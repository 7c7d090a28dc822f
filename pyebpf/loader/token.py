"""BPF tokens (6.9): what the machine's root has delegated to a namespace of users, as containers have them.

A bpf file system that was made in the namespace carries what is delegated, as mount options: `delegate_cmds`,
`delegate_maps`, `delegate_progs`, `delegate_attachs`. A token of it goes along when types, maps and programs are
loaded; the capabilities of the namespace count then. It doesn't help with what is opened otherwise, as perf events are.

Sources: kernel/bpf/token.c; kernel/bpf/inode.c for the options; `union bpf_attr` in include/uapi/linux/bpf.h.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, final

from pyebpf.kernel.versions import Version, running_version, show_version
from pyebpf.loader import pins, privileges, sys
from pyebpf.loader.errors import LoadError, unreachable
from pyebpf.records import dataclass

SINCE: Final[Version] = (6, 9)
VARIABLE: Final = "PYEBPF_TOKEN"
"""In the environment: the folder to have a token of; empty for none."""
PLACE: Final = "/sys/fs/bpf"
"""Where a token is looked for in a namespace, if nothing is said."""
OPTIONS: Final = ("cmds", "maps", "progs", "attachs")


@final
@dataclass(frozen=True, slots=True, eq=False)
class Token:
    """A token, until `close`: what was loaded with it stays."""

    descriptor: sys.Descriptor
    path: str
    delegated: Mapping[str, tuple[str, ...]]
    """By `cmds`, `maps`, `progs` and `attachs`, what they are named as, or `any`."""

    def why_refused(self, needed: tuple[str, ...]) -> str:
        """Why EPERM with it, where `needed` are the capabilities that it takes."""
        lacking = privileges.missing(needed)
        if lacking:
            return f"this process lacks {', '.join(lacking)} in its user namespace, and the BPF token doesn't help then"
        if all("any" in self.delegated.get(name, ()) for name in OPTIONS):
            return privileges.forbidden()
        return f"the BPF token of {self.path} doesn't delegate it: {shown(self.delegated)}"

    def close(self) -> None:
        self.descriptor.close()


def fd_of(token: Token | None) -> int:
    """Its descriptor, 0 if there is none."""
    return 0 if token is None else token.descriptor.fd


def shown(delegated: Mapping[str, tuple[str, ...]]) -> str:
    """What is delegated, in words."""
    names = {"cmds": "commands", "maps": "maps", "progs": "programs", "attachs": "attachments"}
    return "; ".join(f"{words} {', '.join(delegated.get(name, ())) or 'none'}" for name, words in names.items())


def token_of(given: str | os.PathLike[str] | bool | None) -> Token | None:
    """A token of the bpf file system at `given`, or at what PYEBPF_TOKEN names. If nothing is said, that of
    /sys/fs/bpf for a process in a namespace of users, if there is one; False is for none. Raises LoadError."""
    if given is False:
        return None
    place = os.environ.get(VARIABLE) if given is None or given is True else os.fsdecode(given)
    if place == "":
        return None
    if place is not None:
        return _opened(place)
    if not privileges.in_user_namespace():
        return None
    try:
        return _opened(PLACE)
    except LoadError:
        return None


def _opened(path: str) -> Token:
    what = f"get a BPF token of {path}"
    try:
        folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise unreachable(error, what, path) from None
    try:
        descriptor = sys.token_create(folder)
    except OSError as error:
        raise _explained(error, what, path) from error
    finally:
        os.close(folder)
    return Token(descriptor, path, delegated_at(path))


def _explained(error: OSError, what: str, path: str) -> LoadError:
    from pathlib import Path

    if pins.file_system_of(Path(path)) != pins.BPF_FS_MAGIC:
        return LoadError(f"cannot {what}: that is no bpf file system", "target")
    if (running_version() or SINCE) < SINCE:
        return LoadError(f"cannot {what}: that needs Linux {show_version(SINCE)} or later", "kernel")
    match error.errno:
        case errno.EOPNOTSUPP:
            text = "tokens are for namespaces of users, and this file system is the machine's own"
            return LoadError(f"cannot {what}: {text}", "target")
        case errno.ENOENT:
            options = ", ".join(f"delegate_{name}" for name in OPTIONS)
            text = f"nothing is delegated there (the mount options {options}, which the machine's root sets)"
            return LoadError(f"cannot {what}: {text}", "privileges")
        case errno.EINVAL:
            return LoadError(f"cannot {what}: that is a folder in a bpf file system, and not its root", "target")
        case errno.EPERM if not privileges.missing(("CAP_BPF",)):
            return LoadError(f"cannot {what}: it is that of another user namespace", "privileges")
    return LoadError(f"cannot {what}: {privileges.why_refused(('CAP_BPF',))}", "privileges")


def delegated_at(path: str) -> Mapping[str, tuple[str, ...]]:
    """What the file system at `path` delegates, as its mount says; empty where that can't be told."""
    found: dict[str, tuple[str, ...]] = {}
    place = os.path.realpath(path)
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
            lines = [line.split() for line in file]
    except OSError:
        return MappingProxyType(found)
    for fields in lines:
        if len(fields) > 4 and fields[4] == place and "-" in fields and fields[fields.index("-") + 1] == "bpf":
            options = dict(option.partition("=")[::2] for option in fields[-1].split(","))
            found = {name: tuple(options.get(f"delegate_{name}", "").split(":")) for name in OPTIONS}
            found = {name: tuple(filter(None, values)) for name, values in found.items()}
    return MappingProxyType(found)
