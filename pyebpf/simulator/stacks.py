"""Stacks: those that the test says (`kernel_stack=[…]`, `user_stack=[…]`), with the answers that the kernel's helpers
give. A map of stacks numbers them in the order in which they come: none collides with another, as they may in the
kernel."""

from __future__ import annotations

from collections.abc import Callable
from errno import EFAULT, ENOMEM
from sys import byteorder
from typing import TYPE_CHECKING, Final

from pyebpf.kernel.constants import CONSTANTS
from pyebpf.simulator.memory import Handle, Pointer, Word

if TYPE_CHECKING:
    from pyebpf.simulator.run import Run

USER: Final = CONSTANTS["BPF_F_USER_STACK"]
SKIPPED: Final = CONSTANTS["BPF_F_SKIP_FIELD_MASK"]
WORD: Final = 8


def _stack(run: Run, flags: int, most: int) -> bytes:
    around = run.surroundings
    found = (around.user_stack if flags & USER else around.kernel_stack)[flags & SKIPPED :]
    return b"".join(address.to_bytes(WORD, byteorder) for address in found[:most])


def _get_stackid(run: Run, _: Pointer, map: Handle, flags: int) -> Word:
    storage = run.state.map(map.map)
    stack = _stack(run, flags, storage.size // WORD)
    if not stack:
        return -EFAULT
    value = stack.ljust(storage.size, b"\0")
    for key, values in storage.present():
        if values[0].data == value:
            return int.from_bytes(key, byteorder)
    number = len(storage.entries)
    full = storage.update(number.to_bytes(4, byteorder), [value], 0)
    return -ENOMEM if full else number


def _get_stack(run: Run, _: Pointer, target: Pointer, size: int, flags: int) -> Word:
    stack = _stack(run, flags, size // WORD)
    target.write(stack.ljust(size, b"\0"))
    return len(stack) or -EFAULT


TABLE: Final[dict[str, Callable[..., Word]]] = {"get_stackid": _get_stackid, "get_stack": _get_stack}
