"""What a test says of one run, checked and brought into form."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, final

from pyebpf.records import dataclass
from pyebpf.simulator.errors import SimulationError, nearest
from pyebpf.simulator.surroundings import NAMES, Surroundings

OTHERS: Final = ("packet", "ctx", "user_memory", "kernel_memory")


@final
@dataclass(frozen=True, slots=True)
class Call:
    """The arguments of `simulate`, besides the probe. `surroundings` has those that the test gave."""

    packet: bytes | None
    ctx: Any
    user_memory: Mapping[int, str | bytes] | None
    kernel_memory: Mapping[int, str | bytes] | None
    surroundings: Mapping[str, Any]


def call(
    packet: bytes | None,
    ctx: Any,
    user_memory: Mapping[int, str | bytes] | None,
    kernel_memory: Mapping[int, str | bytes] | None,
    given: Mapping[str, Any],
) -> Call:
    """Raises SimulationError for what isn't known, or is of the wrong kind; TypeError for a packet that isn't bytes."""
    if packet is not None:
        try:
            memoryview(packet)
        except TypeError:
            raise TypeError(f"packet is bytes, not {type(packet).__name__}: {packet!r}") from None
    for name, value in given.items():
        if name not in NAMES:
            raise SimulationError(f"simulate takes no {name!r}; {nearest(name, (*NAMES, *OTHERS))}")
        _check(name, value)
    return Call(packet, ctx, user_memory, kernel_memory, given)


def _check(name: str, value: Any) -> None:
    match name:
        case "comm":
            right, kind = isinstance(value, str), "text"
        case "current_task" | "helpers":
            right, kind = isinstance(value, Mapping), "a dict"
        case "kernel_stack" | "user_stack":
            sequence = isinstance(value, Sequence) and not isinstance(value, str | bytes)
            right, kind = sequence and all(map(_is_word, value)), "addresses, the innermost call's first"
        case "random":
            right, kind = isinstance(value, int | Iterable) or callable(value), "a number, several, or a function"
        case _:
            right, kind = _is_word(value), "a number of 64 bits"
    if not right:
        raise SimulationError(f"{name} is {kind}, not {value!r}")


def _is_word(value: Any) -> bool:
    return isinstance(value, int) and 0 <= value < 1 << 64


def surroundings(call: Call, now: int) -> Surroundings:
    """Who runs the probe, when, where, with what the test leaves open filled in."""
    given = {"now": now, **call.surroundings}
    if "random" in given:
        given["random"] = _random(given["random"])
    return Surroundings(**given)


def _random(value: Any) -> Callable[[], int]:
    if callable(value):
        function: Callable[[], int] = value
        return function
    if isinstance(value, int):
        return lambda: int(value)
    numbers: Iterator[int] = iter(value)

    def following() -> int:
        for number in numbers:
            return number
        raise SimulationError("the probe asks for more random numbers than random=… has")

    return following
