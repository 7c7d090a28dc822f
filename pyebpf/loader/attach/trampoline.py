"""Programs that named their target when they were loaded: functions of the kernel, its tracepoints by BTF (5.5)."""

from __future__ import annotations

import errno

from pyebpf.kernel.hooks import hook_by_name
from pyebpf.loader import sys
from pyebpf.loader.attach.link import Link
from pyebpf.loader.errors import LoadError, explain
from pyebpf.loader.load import LoadedProgram


def attach(program: LoadedProgram, where: object) -> Link:
    """Attach to what the program's section names."""
    hook, name = hook_by_name(program.spec.hook), program.spec.argument
    assert hook is not None and hook.target is not None
    place = f"{hook.target.what} {name}"
    what = f"attach {program.spec.name} to {place}"
    try:
        link = sys.raw_tracepoint_open("", program.fd)
    except OSError as error:
        raise _explained(error, what, hook.name) from error
    return Link(program.spec.name, place, (link,))


def _explained(error: OSError, what: str, hook: str) -> LoadError:
    match error.errno:
        case errno.EOPNOTSUPP | 524:  # ENOTSUPP, which is the kernel's own
            # No trampolines on this architecture, or not for a function with that many arguments.
            return LoadError(f"cannot {what}: this kernel can't have programs on it", "kernel")
        case errno.EBUSY:
            return LoadError(f"cannot {what}: something else changes the beginning of the function", "kernel")
        case errno.E2BIG:
            return LoadError(f"cannot {what}: as many programs as there may be are attached there already", "kernel")
        case errno.ENOENT:
            return LoadError(
                f"cannot {what}: the kernel has it in its BTF only; what would be traced isn't there", "target"
            )
    return explain(error, what, hook)
