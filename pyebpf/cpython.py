"""How CPython lays out what tells which functions a thread is in. Offsets in bytes, on 64-bit machines.

Sources: CPython 3.11 to 3.13: Include/cpython/code.h, pystate.h, unicodeobject.h, Include/internal/pycore_frame.h,
pycore_interp.h, pycore_runtime.h; tests/symbols asks a C compiler, where the headers are there. Only 3.13 says in its
own memory (`_Py_DebugOffsets`) what it is like: such as it says otherwise aren't read, nor builds without the GIL.
"""

from __future__ import annotations

from typing import Final, final

from pyebpf.records import dataclass

RUNTIME: Final = "_PyRuntime"
"""The interpreter's state: a symbol that programs and libraries export."""
VERSION: Final = "Py_Version"
"""A number of eight bytes: 0x030b07f0 is 3.11.7."""
EVALUATION: Final = "_PyEval_EvalFrameDefault"
"""The C function that runs Python functions: those that call each other are run in one call of it."""
DEBUG_COOKIE: Final = b"xdebugpy"
"""What `_PyRuntime` begins with from 3.13 on. Then follow its version, and whether it is without the GIL."""


@final
@dataclass(frozen=True, slots=True)
class Layout:
    """One version's structs."""

    main: int
    """In _PyRuntime: the address of the main interpreter's PyInterpreterState."""
    threads: int
    """In PyInterpreterState: the address of the first PyThreadState."""
    thread: int
    """In PyThreadState: the thread's number, `native_thread_id`."""
    frame: int
    """In PyThreadState: the address of the current frame; until 3.12 that of a _PyCFrame."""
    through: int | None
    """In _PyCFrame: the address of the current frame."""
    code: int
    """In _PyInterpreterFrame: the address of the PyCodeObject."""
    previous: int
    """In _PyInterpreterFrame: the address of the caller's."""
    kind: int
    """In _PyInterpreterFrame: the byte that says where C's stack comes in."""
    below: int
    """What it is then."""
    is_call: bool
    """Whether such a frame is one of a function. Else it only marks the place."""
    line: int
    """In PyCodeObject: the function's first line, 4 bytes."""
    ascii: int
    """Where the characters of a str begin that are ASCII."""
    compact: int
    """The same of others."""


LAYOUTS: Final[dict[tuple[int, int], Layout]] = {
    (3, 11): Layout(48, 16, 160, 56, 8, 32, 48, 68, 1, True, 72, 48, 72),
    (3, 12): Layout(48, 72, 144, 56, 0, 0, 8, 70, 3, False, 68, 40, 56),
    (3, 13): Layout(640, 7344, 160, 72, None, 0, 8, 70, 3, False, 68, 40, 56),
}
"""By version. `below`: `is_entry` of 3.11, then the owner FRAME_OWNED_BY_CSTACK."""
CODE: Final = 64
"""In PyCodeObject: where the copy of it begins: the line, at 68 or 72, `co_filename` at 112, `co_qualname` at 128."""
LENGTH: Final = 16
STATE: Final = 32
"""In a str: how many characters it has, 8 bytes; and of how many bytes they are (bits 2 to 4), whether they follow at
once (bit 5), and whether they are ASCII (bit 6)."""

DEBUG_FIELDS: Final[dict[str, int]] = {
    "threads": 9,
    "frame": 23,
    "thread": 25,
    "previous": 29,
    "code": 30,
    "kind": 33,
    "line": 39,
    "ascii": 70,
}
"""Where 3.13's `_Py_DebugOffsets` has what a `Layout` says, in words of eight bytes."""


def packed(version: tuple[int, int]) -> int:
    """A version as one number: 0x030b."""
    return version[0] << 8 | version[1]


def layout_of(version: int) -> Layout | None:
    """The layout of such a number."""
    return LAYOUTS.get((version >> 8, version & 0xFF))
