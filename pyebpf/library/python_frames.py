"""`python_stack()`: which Python functions the current thread is in, by the interpreter's own frames.

User space says of each process where its interpreter has them (`Interpreter`). What a function is called is kept when
it is met for the first time, so that the process may be gone when somebody asks. Objects are copied as they are: what
is in them is for user space to tell, and programs have few ways to go.

Sources: CPython 3.11 to 3.13: Include/cpython/code.h, pystate.h, unicodeobject.h, Include/internal/pycore_frame.h,
pycore_interp.h, pycore_runtime.h. Linux 5.7; little-endian machines of 64 bits.
"""

from __future__ import annotations

from typing import Final

from pyebpf.cpython import CODE
from pyebpf.kernel.helpers import helper_by_name
from pyebpf.lang.exceptions import NullPointerError
from pyebpf.lang.functions import pid, tid, user_read
from pyebpf.lang.helpers import KernelHelper
from pyebpf.lang.maps import Hash
from pyebpf.lang.probes import function
from pyebpf.lang.structs import struct
from pyebpf.lang.types import u8, u32, u64
from pyebpf.metadata import MOST_PYTHONS, NO_ROOM


def _helper(name: str) -> KernelHelper:
    row = helper_by_name(name)
    assert row is not None
    return KernelHelper(row)


get_ns_current_pid_tgid: Final = _helper("get_ns_current_pid_tgid")
probe_read_user: Final = _helper("probe_read_user")

DEPTH: Final = 127
"""Frames of a stack that are kept, the innermost."""
THREADS: Final = 256
"""Threads of an interpreter that are gone through for the current one."""
MOST_CODES: Final = 8192
NAME_BYTES, FILE_BYTES = 168, 256
NONE: Final = 0
"""No Python function: the thread is in none, or the process isn't known as Python's."""
NEXT: Final = 8
"""Offset of `next` in PyThreadState."""
WORD: Final = 0xFFFF_FFFF_FFFF_FFFF
FUNCTION: Final = 0xFFFF_FFFF_FFFF_FF00
"""The bits of a number that say which function it is."""
PRIME: Final = 0x100_0000_01B3
"""FNV's for 64 bits."""


@struct
class Interpreter:
    """Where a process's interpreter is, and how its structs are laid out: offsets in bytes, but for those in frames."""

    main: u64  # the address in _PyRuntime where that of the main interpreter's state is
    family: u64  # the same for those that have all from one exec, by fork
    device: u64  # of the process's pid namespace, with
    inode: u64  # 0: the first one, whose numbers the kernel has
    threads: u32  # in PyInterpreterState: the first thread
    thread: u32  # in PyThreadState: its number, as native_thread_id
    frame: u32  # in PyThreadState: current_frame; until 3.12 cframe
    through: u32  # until 3.12: in _PyCFrame, current_frame, and 1 added to that
    code: u32  # in _PyInterpreterFrame, in words of eight bytes
    previous: u32  # the same
    kind: u32  # in its ninth word: bits before the byte that says of what kind a frame is
    version: u32  # CPython's, 0x030b


@struct
class Walk:
    """A stack, the innermost first: numbers of functions in `codes`, and in the last byte of what kind a frame is."""

    calls: u64[127]  # 0 behind the last


@struct
class Code:
    """A function, as it stands in the process."""

    first: u64  # words of the code object, from CODE on
    second: u64
    version: u64
    name: u8[168]  # str objects, with what is behind them
    file: u8[256]


pythons = Hash[u32, Interpreter](max_entries=MOST_PYTHONS)
codes = Hash[u64, Code](max_entries=MOST_CODES)


def new_walks(max_entries: int) -> Hash:
    """A map with stacks by their numbers."""
    return Hash[u64, Walk](max_entries=max_entries)


@function
def number_here(where):
    """The current thread's number in the process's own namespace."""
    if where.inode == 0:
        return tid()
    numbers = u32[2]()
    if get_ns_current_pid_tgid(where.device, where.inode, numbers) != 0:
        return 0
    return numbers[0]


@function
def current_frame(where):
    """The address of the frame that the current thread is in; 0 if it is in none."""
    try:
        number = number_here(where)
        state = user_read(user_read(where.main, u64) + where.threads, u64)
        for _ in range(THREADS):
            if state == 0 or user_read(state + where.thread, u64) == number:
                break
            state = user_read(state + NEXT, u64)
        else:
            return 0
        if state == 0:
            return 0
        at = user_read(state + where.frame, u64)
        if where.through != 0 and at != 0:
            at = user_read(at + where.through - 1, u64)
        return at
    except NullPointerError:
        return 0


@function
def stack_of(where, codes, walks, depth):
    """The number of the current thread's stack in `walks`."""
    walk, found = Walk(), where.family
    at = current_frame(where)
    for place in range(depth):
        if at == 0:
            break
        words, block = u64[9](), u64[9]()
        if probe_read_user(words, at) != 0:
            break
        code = words[where.code & 7]
        at = words[where.previous & 7]
        probe_read_user(block, code + CODE)
        number = ((where.family ^ code) * PRIME ^ block[8]) * PRIME & FUNCTION
        if number not in codes:
            new = Code(first=block[0], second=block[1], version=where.version)
            probe_read_user(new.name, block[8])
            probe_read_user(new.file, block[6])
            try:
                codes[number] = new
            except MemoryError:
                pass  # it has no name
        number = number | words[8] >> (where.kind & 63) & 0xFF
        walk.calls[place] = number
        found = (found ^ number) * PRIME & WORD
    if walk.calls[0] == 0:
        return NONE
    try:
        if found not in walks:
            walks[found] = walk
    except MemoryError:
        return NO_ROOM
    return found


@function
def python_stack(pythons, codes, walks, depth):
    """The number of the stack; NONE where this process is none of Python's that user space has told of."""
    where = pythons.get(pid())
    return NONE if where is None else stack_of(where, codes, walks, depth)
