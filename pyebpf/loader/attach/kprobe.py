"""kprobes and kretprobes, by the perf PMU of that name (4.17), so that nothing is in tracefs; before, by way of it."""

from __future__ import annotations

import ctypes
import errno
import re
from pathlib import Path
from typing import Final

from pyebpf.kernel.arguments import nearest, nearest_target
from pyebpf.kernel.btf import Btf, BtfError
from pyebpf.kernel.hooks import ContextKind, hook_by_name
from pyebpf.kernel.registers import registers_of
from pyebpf.kernel.syscalls import SYSCALLS
from pyebpf.kernel.tracefs import TracepointsUnavailable, read_text, tracefs
from pyebpf.loader import sys
from pyebpf.loader.attach.link import Link
from pyebpf.loader.attach.perf import ATTRIBUTES, set_program
from pyebpf.loader.attach.tracefs_probe import Definition, open_probe
from pyebpf.loader.errors import LoadError, explain
from pyebpf.loader.load import LoadedProgram

PMU: Final = Path("/sys/bus/event_source/devices/kprobe")
_PLACE: Final = re.compile(r"(?P<function>[^+]+)(?:\+(?P<offset>0x[0-9a-fA-F]+|\d+))?")


def attach(program: LoadedProgram, where: object) -> Link:
    """Attach to the function, or to that of the system call, that the program's section names."""
    hook, name = hook_by_name(program.spec.hook), program.spec.argument
    assert hook is not None and hook.target is not None
    place = f"{hook.target.what} {name}"
    what = f"attach {program.spec.name} to {place}"
    match = _PLACE.fullmatch(name)
    if match is None:
        raise LoadError(f"cannot {what}: that is no function", "target")
    function = match["function"]
    if hook.context is ContextKind.SYSCALL:
        architecture = registers_of(None)
        if architecture is None:
            raise LoadError(f"cannot {what}: pyebpf doesn't know how this machine makes system calls", "kernel")
        function = architecture.syscall + name
    try:
        event, definition = open_event(function, int(match["offset"] or "0", 0), hook.gives, what)
    except OSError as error:
        raise explained(error, function, what, hook.name) from error
    try:
        holders = set_program(program, event)
    except OSError as error:
        event.close()
        for each in definition:
            each.close()
        raise explain(error, what, hook.name) from error
    return Link(program.spec.name, place, (*holders, *definition))


def open_event(function: str, offset: int, returns: bool, what: str) -> tuple[sys.Descriptor, tuple[Definition, ...]]:
    """The perf event, and its definition where it needs one. Raises OSError, and LoadError where the kernel has none
    of its kind."""
    if not PMU.exists():
        defined = open_probe("kprobe", f"{function}+{offset:#x}" if offset else function, returns)
        if defined is not None:
            return defined[0], defined[1:]
    try:
        kind = int((PMU / "type").read_text())
        bit = int((PMU / "format/retprobe").read_text().rpartition(":")[2])
    except (OSError, ValueError):
        text = "this kernel has no kprobes (CONFIG_KPROBE_EVENTS)"
        raise LoadError(f"cannot {what}: {text}", "kernel") from None
    name = ctypes.create_string_buffer(function.encode())
    config = 1 << bit if returns else 0
    address = ctypes.addressof(name)
    attributes = ATTRIBUTES.pack(kind, ATTRIBUTES.size, config, 0, 0, 0, 0, 0, 0, address, offset)
    return sys.perf_event_open(attributes, -1, 0), ()


def are_there() -> bool:
    """Whether the kernel has kprobes in some way."""
    if PMU.exists():
        return True
    try:
        with tracefs() as root:
            return read_text(root, "kprobe_events") is not None
    except TracepointsUnavailable:
        return False


def explained(error: OSError, function: str, what: str, hook: str) -> LoadError:
    match error.errno:
        case errno.ENOENT:
            return LoadError(f"cannot {what}: this kernel has no such function{_nearest(function, hook)}", "target")
        case errno.EADDRNOTAVAIL:
            return LoadError(f"cannot {what}: this kernel has several functions of that name", "target")
        case errno.EINVAL | errno.EILSEQ:
            return LoadError(f"cannot {what}: kprobes can't be on it", "target")
    return explain(error, what, hook)


def _nearest(function: str, name: str) -> str:
    hook, architecture = hook_by_name(name), registers_of(None)
    assert hook is not None and hook.target is not None
    if hook.context is ContextKind.SYSCALL and architecture is not None:
        near = nearest(function.removeprefix(architecture.syscall), SYSCALLS)
    else:
        try:
            near = nearest_target(Btf.running(), hook.target, function)
        except (BtfError, OSError):
            near = ""
    return f"; did you mean {near}?" if near else ""
