"""What a test sees of one run, in the simulator and in the kernel alike."""

from __future__ import annotations

from typing import Any, final

from pyebpf.kernel.hooks import Hook
from pyebpf.records import dataclass
from pyebpf.views.faults import FaultCount


@final
@dataclass(frozen=True, slots=True)
class Result:
    """One run of a probe."""

    result: Any
    """Its answer: one of the hook's actions where it has any (`XDP.DROP`), otherwise a number."""
    packet: bytes | None
    """As the probe left it; None for hooks without packets."""
    fault: FaultCount | None
    """The fault that ended it, with `.kind` (`"KeyError"`) and `.line`; None if nothing went wrong, or a `try` caught
    it."""
    events: list[Any]
    """What it put into rings."""
    printed: list[str]
    """The lines that it printed."""
    ctx: dict[str, Any]
    """Fields of its context as it left them: those that the test gave, and those that it wrote. In the simulator."""


def answer(hook: Hook, result: int) -> Any:
    """`result` as an action of the hook, or as a number that may be negative there."""
    if hook.result[0] < 0 and result >> 31 == 1:
        result -= 1 << 32
    if hook.returns is None:
        return result
    try:
        return hook.returns(result)
    except ValueError:
        return result
