"""uprobes: one link for all of a program's places (6.6), or a perf event for each (4.17).

The perf PMU of that name needs nothing in tracefs. Whatever the mechanism, the kernel takes the breakpoints out when
the descriptors are closed.
"""

from __future__ import annotations

import ctypes
import errno
import struct
from array import array
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final, final

from pyebpf.kernel.hooks import hook_by_name
from pyebpf.kernel.hooks.uprobes import PLACE
from pyebpf.kernel.programs import AttachType
from pyebpf.kernel.versions import running_version
from pyebpf.loader import privileges, sys
from pyebpf.loader.attach.link import Closable, Link
from pyebpf.loader.attach.perf import ATTRIBUTES, set_program
from pyebpf.loader.attach.tracefs_probe import Definition, open_probe
from pyebpf.loader.attach.uprobe_files import File, find_file
from pyebpf.loader.attach.uprobe_place import place_of
from pyebpf.loader.attach.uprobe_symbols import function_offset, matching_offsets
from pyebpf.loader.errors import LoadError, explain
from pyebpf.loader.load import LoadedProgram
from pyebpf.records import dataclass

PMU: Final = Path("/sys/bus/event_source/devices/uprobe")
F_RETURN: Final = 1
"""BPF_F_UPROBE_MULTI_RETURN."""
MULTI: Final = (AttachType.TRACE_UPROBE_MULTI, AttachType.TRACE_UPROBE_SESSION)
_MOST: Final = 1 << 20
"""MAX_UPROBE_MULTI_CNT: places in one link."""


@final
@dataclass(frozen=True, slots=True)
class Point:
    """A place in a file: an instruction, by its offset."""

    offset: int
    cookie: int | None = None
    """What the program gets by `get_attach_cookie`."""
    semaphore: int = 0
    """Where in the file a counter lies that the kernel counts up in each process while the probe is there; 0: none."""


def attach(program: LoadedProgram, where: object) -> Link:
    """Attach to the functions that `where` names, or else the program's section."""
    hook = hook_by_name(program.spec.hook)
    assert hook is not None
    place = place_of(program.spec.name, program.spec.argument, where, PLACE)
    what = f"attach {program.spec.name} to {hook.name} {place}"
    file = find_file(place.file, place.pid, what)
    if hook.attach_type is None:
        points = [Point(function_offset(file, place.target, what))]
    else:
        points = [Point(offset) for offset in matching_offsets(file, place.target, what)]
    holders = attach_points(program, file, points, hook.gives, place.pid, what)
    functions = f", {len(points)} functions" if hook.attach_type is not None else ""
    process = f", process {place.pid}" if place.pid is not None else ""
    return Link(program.spec.name, f"{hook.name} {file.shown}:{place.target}{functions}{process}", holders)


def attach_points(
    program: LoadedProgram, file: File, points: Sequence[Point], returns: bool, pid: int | None, what: str
) -> tuple[Closable, ...]:
    """Put the program on all `points` of a file, of every process or of one. Raises LoadError."""
    kind = program.spec.expected_attach_type
    if kind in MULTI:
        try:
            return (_multi(program, file, points, returns, pid, AttachType(kind)),)
        except OSError as error:
            older = error.errno in (errno.EINVAL, errno.EOPNOTSUPP) and not _has_multi()
            if kind == AttachType.TRACE_UPROBE_SESSION or not older:
                raise _explained(error, what, program, pid) from error
    several = len(points) > 1
    with ExitStack() as undo:
        holders: list[Closable] = []
        for point in points:
            try:
                found = _event(program, file, point, returns, pid, several, what)
            except OSError as error:
                raise _explained(error, what, program, pid) from error
            for holder in found:
                undo.callback(holder.close)
            holders += found
        undo.pop_all()
    return (_Events(tuple(holders)),) if several else tuple(holders)


@final
@dataclass(frozen=True, slots=True)
class _Events:
    """Many events, which no one link stands for."""

    holders: tuple[Closable, ...]

    def close(self) -> None:
        for holder in self.holders:
            with suppress(OSError):
                holder.close()


def _has_multi() -> bool:
    """Whether the kernel has links for many places: tried, with one that names no file."""
    code = struct.pack("=BBHiBBHi", 0xB7, 0, 0, 0, 0x95, 0, 0, 0)
    kind = AttachType.TRACE_UPROBE_MULTI
    try:
        with sys.prog_load(2, code, "GPL", expected_attach_type=kind) as program:
            path = ctypes.create_string_buffer(b"/")
            one = array("Q", [0])
            extra = struct.pack("=QQQQIII", ctypes.addressof(path), one.buffer_info()[0], 0, 0, 1, 0, 0)
            sys.link_create(program.fd, 0, kind, extra=extra).close()
    except OSError as error:
        return error.errno == errno.EBADF  # "/" is no file: it was looked at
    return True


def _multi(
    program: LoadedProgram, file: File, points: Sequence[Point], returns: bool, pid: int | None, kind: AttachType
) -> sys.Descriptor:
    """BPF_TRACE_UPROBE_MULTI: everything by one call."""
    if len(points) > _MOST:
        raise OSError(errno.E2BIG, f"{len(points)} places are more than the kernel takes")
    path = ctypes.create_string_buffer(file.path.encode("utf-8", "surrogateescape"))
    offsets = array("Q", [point.offset for point in points])
    semaphores = array("Q", [point.semaphore for point in points])
    cookies = array("Q", [point.cookie or 0 for point in points])
    extra = struct.pack(
        "=QQQQIII",
        *(ctypes.addressof(path), offsets.buffer_info()[0]),
        semaphores.buffer_info()[0] if any(semaphores) else 0,
        cookies.buffer_info()[0] if any(cookies) else 0,
        *(len(points), F_RETURN if returns and kind == AttachType.TRACE_UPROBE_MULTI else 0, pid or 0),
    )
    return sys.link_create(program.fd, 0, kind, extra=extra)


def _event(
    program: LoadedProgram, file: File, point: Point, returns: bool, pid: int | None, several: bool, what: str
) -> tuple[Closable, ...]:
    """A perf event for one place; with a link if it is the only one, or has a cookie. Raises OSError, LoadError."""
    if not PMU.exists() and not point.semaphore:
        defined = open_probe("uprobe", f"{file.path}:{point.offset:#x}", returns, pid)
        if defined is not None:
            return _defined(program, *defined, point.cookie)
    try:
        kind = int((PMU / "type").read_text())
        bit = int((PMU / "format/retprobe").read_text().rpartition(":")[2])
    except (OSError, ValueError):
        text = "this kernel has no uprobes (CONFIG_UPROBE_EVENTS)"
        raise LoadError(f"cannot {what}: {text}", "kernel") from None
    path = ctypes.create_string_buffer(file.path.encode("utf-8", "surrogateescape"))
    config = (1 << bit if returns else 0) | point.semaphore << 32  # format/ref_ctr_offset: 32-63 (4.20)
    if point.semaphore >> 32:
        raise LoadError(f"cannot {what}: its semaphore lies too far behind in the file", "target")
    address = ctypes.addressof(path)
    attributes = ATTRIBUTES.pack(kind, ATTRIBUTES.size, config, 0, 0, 0, 0, 0, 0, address, point.offset)
    event = sys.perf_event_open(attributes, -1 if pid is None else pid, 0 if pid is None else -1)
    try:
        return set_program(program, event, point.cookie, link=not several or point.cookie is not None)
    except OSError:
        event.close()
        raise


def _defined(
    program: LoadedProgram, event: sys.Descriptor, definition: Definition, cookie: int | None
) -> tuple[Closable, ...]:
    """The program on an event that tracefs has. Raises OSError."""
    try:
        return (*set_program(program, event, cookie), definition)
    except OSError:
        event.close()
        definition.close()
        raise


def _explained(error: OSError, what: str, program: LoadedProgram, pid: int | None) -> LoadError:
    hook = hook_by_name(program.spec.hook)
    if error.errno in (errno.EPERM, errno.EACCES) and program.spec.expected_attach_type not in MULTI:
        assert hook is not None
        refused = explain(error, what, needed=(*hook.capabilities, "CAP_SYS_ADMIN"))
        hint = "; CAP_PERFMON is enough from Linux 6.6 on" if privileges.missing(("CAP_SYS_ADMIN",)) else ""
        return LoadError(f"{refused}{hint}", "privileges")
    match error.errno:
        case errno.EINVAL if hook is None or (running_version() or hook.since) >= hook.since:
            return LoadError(f"cannot {what}: the kernel takes no probe there", "target")
        case errno.ESRCH:
            return LoadError(f"cannot {what}: there is no process {pid}", "target")
        case errno.EOPNOTSUPP | errno.EIO | errno.EILSEQ | 524:  # ENOTSUPP, which is the kernel's own
            text = "there is an instruction there that the kernel can't put a breakpoint on"
            return LoadError(f"cannot {what}: {text}", "target")
        case errno.EMFILE:
            text = f"each function is an open file on this kernel, and {error.strerror}"
            return LoadError(f"cannot {what}: {text}", "kernel")
        case errno.ENOENT | errno.EBADF:
            return LoadError(f"cannot {what}: the kernel finds no such file", "target")
        case errno.E2BIG:
            return LoadError(f"cannot {what}: those are more functions than the kernel takes", "target")
    return explain(error, what, program.spec.hook)
