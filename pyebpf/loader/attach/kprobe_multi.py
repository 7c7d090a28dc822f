"""Probes on many functions of the kernel: one link for all of them, by one call (5.18, CONFIG_FPROBE).

Elsewhere a kprobe each, as far as that goes: each is opened by a call and closed by another, which wait for all CPUs.
"""

from __future__ import annotations

import ctypes
import errno
import struct
import warnings
from array import array
from contextlib import ExitStack
from typing import Final

from pyebpf.kernel.arguments import nearest_target
from pyebpf.kernel.btf import Btf, BtfError
from pyebpf.kernel.hooks import KPROBE, Hook, hook_by_name
from pyebpf.kernel.programs import AttachType
from pyebpf.kernel.traceable import Traceable, is_pattern, matching
from pyebpf.kernel.versions import running_version
from pyebpf.loader import sys
from pyebpf.loader.attach import kprobe
from pyebpf.loader.attach.link import Closable, Link
from pyebpf.loader.attach.perf import set_program
from pyebpf.loader.errors import LoadError, LoadWarning, explain
from pyebpf.loader.kprobes import MULTI_SINCE, has_multi
from pyebpf.loader.load import LoadedProgram

F_RETURN: Final = 1
"""BPF_F_KPROBE_MULTI_RETURN."""
MOST_EVENTS: Final = 256
"""Kprobes one by one, before it is too many: each takes some milliseconds, and an open file."""


def attach(program: LoadedProgram, where: object) -> Link:
    """Attach to all the functions that match the pattern in the program's section. In a program
    `get_attach_cookie()` is the number of the function in `Link.functions`."""
    hook, pattern = hook_by_name(program.spec.hook), program.spec.argument
    assert hook is not None
    what = f"attach {program.spec.name} to {hook.name} {pattern}"
    together = has_multi()
    session = hook.attach_type == AttachType.TRACE_KPROBE_SESSION
    if session and not together:
        raise LoadError(f"cannot {what}: {_none()}, and there is nothing else for sessions", "kernel")
    if not together and not kprobe.are_there():
        raise LoadError(f"cannot {what}: {_none()}, nor kprobes (CONFIG_KPROBE_EVENTS)", "kernel")
    functions = matching(pattern) if is_pattern(pattern) else [Traceable(pattern, 0)]
    if not functions:
        raise LoadError(f"cannot {what}: {_no_match(pattern)}", "target")
    if together:
        try:
            holders: tuple[Closable, ...] = (_link(program, hook, functions),)
        except OSError as error:
            raise _explained(error, what, hook, pattern) from error
    else:
        holders, functions = _events(program, hook, functions, what)
    count = f", {len(functions)} function{'s' * (len(functions) != 1)}"
    names = tuple(each.name for each in functions)
    parts = 1 if together else len(functions)
    return Link(program.spec.name, f"{hook.name} {pattern}{count}", holders, parts=parts, functions=names)


def _link(program: LoadedProgram, hook: Hook, functions: list[Traceable]) -> sys.Descriptor:
    """Everything by one call. Raises OSError."""
    kind = hook.attach_type
    assert kind is not None
    count = len(functions)
    flags = F_RETURN if hook.gives and kind == AttachType.TRACE_KPROBE_MULTI else 0
    cookies = array("Q", range(count))
    symbols, addresses = (ctypes.c_char_p * count)(), array("Q", [each.address for each in functions])
    named = not all(addresses)
    if named:
        symbols[:] = [each.name.encode() for each in functions]
    extra = struct.pack(
        "=IIQQQ",
        *(flags, count, ctypes.addressof(symbols) if named else 0),
        *(0 if named else addresses.buffer_info()[0], cookies.buffer_info()[0]),
    )
    return sys.link_create(program.fd, 0, kind, extra=extra)


def _events(
    program: LoadedProgram, hook: Hook, functions: list[Traceable], what: str
) -> tuple[tuple[Closable, ...], list[Traceable]]:
    """A kprobe for each function that takes one."""
    if len(functions) > MOST_EVENTS:
        raise LoadError(
            f"cannot {what}: {_none()}, and a kprobe for each of {len(functions):,} functions is more than the "
            f"{MOST_EVENTS} that are attached one by one; name fewer",
            "kernel",
        )
    probed: list[Traceable] = []
    with ExitStack() as undo:
        holders: list[Closable] = []
        for each in functions:
            try:
                event, definition = kprobe.open_event(each.name, 0, hook.gives, what)
            except OSError as error:
                if error.errno in (errno.EINVAL, errno.EADDRNOTAVAIL, errno.EILSEQ) and len(functions) > 1:
                    continue  # one that takes no kprobe, or several of that name
                raise kprobe.explained(error, each.name, what, KPROBE.name) from error
            for kept in definition:
                undo.callback(kept.close)
            undo.callback(event.close)
            try:
                found = set_program(program, event, cookie=len(probed))
            except OSError as error:
                raise explain(error, what, hook.name) from error
            undo.callback(found[0].close)
            holders += [*found, *definition]
            probed.append(each)
        if not probed:
            raise LoadError(f"cannot {what}: none of the {len(functions)} functions takes a kprobe", "target")
        undo.pop_all()
    if len(probed) > 1:
        text = f"{program.spec.name}: {_none()}: {len(probed)} functions have a kprobe each, which takes its time"
        warnings.warn(text, LoadWarning, stacklevel=5)
    return tuple(holders), probed


def _none() -> str:
    """Why there is no one link."""
    if (running_version() or MULTI_SINCE) < MULTI_SINCE:
        return "before Linux 5.18 there are no probes on many functions at once"
    return "this kernel has no probes on many functions at once (CONFIG_FPROBE)"


def _no_match(pattern: str) -> str:
    if not is_pattern(pattern):
        return f"this kernel has no function {pattern} that can be traced{_nearest(pattern)}"
    return "no function that can be traced here has such a name"


def _nearest(name: str) -> str:
    assert KPROBE.target is not None
    try:
        near = nearest_target(Btf.running(), KPROBE.target, name)
    except (BtfError, OSError):
        return ""
    return f"; did you mean {near}?" if near else ""


def _explained(error: OSError, what: str, hook: Hook, pattern: str) -> LoadError:
    match error.errno:
        case errno.ESRCH | errno.ENOENT | errno.EINVAL if not is_pattern(pattern):
            return LoadError(f"cannot {what}: {_no_match(pattern)}", "target")
        case errno.ESRCH | errno.ENOENT | errno.EINVAL if (running_version() or hook.since) >= hook.since:
            text = "some of these functions can't be traced, and which can isn't told (available_filter_functions)"
            return LoadError(f"cannot {what}: {text}", "target")
        case errno.E2BIG:
            return LoadError(f"cannot {what}: those are more functions than the kernel takes", "target")
    return explain(error, what, hook.name)
