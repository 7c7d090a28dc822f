"""The verifier's log of a program, whole: loads once more, with room for all that there can be.

The room is memory that nothing has touched yet, so that only as much is used as the kernel writes.
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import re
from collections.abc import Callable
from typing import Final, TypeAlias, final

from pyebpf.loader.sys import Descriptor
from pyebpf.records import dataclass

Buffer: TypeAlias = "ctypes.Array[ctypes.c_char]"
Attempt: TypeAlias = "Callable[[Buffer | None, int], Descriptor]"
"""Load with a log of a level, or (None, 0) without one."""
Tell: TypeAlias = "Callable[[str, str, bool], None]"
"""Is told of a program, its log, and whether it was accepted."""

LARGEST: Final = (1 << 30) - 1
"""Bytes: the verifier takes no larger buffer (5.2 on; UINT_MAX >> 2)."""
SMALLEST: Final = 1 << 16
PATH, ALL_PATHS = 1, 2
"""Levels: what led to the refused instruction; every path that the verifier went, with all registers at each step."""
ALL_PATHS_LIMIT: Final = 50_000
"""Steps of the verifier's, up to which all paths are asked for where one alone has no registers: 200 bytes each."""
_MAP_NORESERVE: Final = 0x4000
"""Of mmap(2), on all machines that Linux has BPF for but MIPS and Alpha. Python has it since 3.13 only."""
_SAMPLE: Final = 1 << 16
"""Characters in which there are registers, if there are any."""
_STEP: Final = re.compile(r"^\d+: \([0-9a-f]{2}\) ", re.MULTILINE)
_STATE: Final = re.compile(r"^\d+: (?:\([0-9a-f]{2}\) [^;\n]*; )?(?:frame\d+: )?R\d", re.MULTILINE)
_PROCESSED: Final = re.compile(r"^processed (\d+) insns", re.MULTILINE)


@final
@dataclass(frozen=True, slots=True)
class Fetched:
    """A log, and what the load with it came to."""

    log: str
    error: OSError | None
    """None: it was loaded this time."""
    cut: bool = False
    """Whether there was no memory for all of it. From 6.4 on the end is there then, else the beginning."""
    program: Descriptor | None = None
    """What was loaded."""


class Refused(Exception):
    """The kernel doesn't take a program. `log` is "" if that isn't the verifier's doing."""

    def __init__(self, log: str, error: OSError, cut: bool) -> None:
        super().__init__(str(error))
        self.log = log
        self.error = error
        self.cut = cut


def verified(name: str, attempt: Attempt, tell: Tell | None = None) -> Descriptor:
    """Load a program, without a log unless somebody asks for it or the kernel refuses it. Raises Refused."""
    try:
        if tell is None:
            return attempt(None, 0)
        said = load_with_log(attempt)
        if said.program is not None:
            tell(name, said.log, True)
            return said.program
        raise said.error or OSError(errno.EINVAL, "refused")
    except OSError as first:
        said = fetch(attempt)
        if tell is not None and said.log.strip():
            tell(name, said.log, False)
        # One that loads with a log was refused for a passing lack of memory, perhaps.
        raise Refused(said.log if said.error is not None else "", said.error or first, said.cut) from None


def fetch(attempt: Attempt) -> Fetched:
    """Have the kernel say why it refuses a program.

    Before 5.17 the log of one path has registers only where it was branched to, so all paths are asked for, if the
    verifier didn't go on for long.
    """
    found = load_with_log(attempt, PATH)
    if found.program is not None:
        found.program.close()
    first = _STEP.search(found.log)
    if found.error is None or first is None or _STATE.search(found.log, 0, first.start() + _SAMPLE):
        return found
    processed = _PROCESSED.search(found.log, max(0, len(found.log) - _SAMPLE))
    if processed is None or int(processed[1]) > ALL_PATHS_LIMIT:
        return found
    more = load_with_log(attempt, ALL_PATHS)
    if more.program is not None:
        more.program.close()
    return more if more.error is not None and more.log.strip() and not more.cut else found


def load_with_log(attempt: Attempt, level: int = PATH) -> Fetched:
    """Load with a log, whatever becomes of it."""
    size = LARGEST
    while True:
        try:
            room = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _MAP_NORESERVE)
            break
        except (OSError, MemoryError, ValueError):  # a limit of this process's address space, perhaps
            if size <= SMALLEST:
                raise
            size //= 4
    buffer = (ctypes.c_char * size).from_buffer(room)
    error: OSError | None = None
    program: Descriptor | None = None
    try:
        program = attempt(buffer, level)
    except OSError as refused:
        error = OSError(refused.errno, refused.strerror)  # whose traceback doesn't keep the memory
    del buffer
    end = room.find(b"\0")
    with memoryview(room) as whole, whole[: size if end < 0 else end] as written:
        log = str(written, "utf-8", "replace")
    room.close()
    return Fetched(log, error, error is not None and error.errno == errno.ENOSPC, program)
