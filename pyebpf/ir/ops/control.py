"""Control flow: ops that hold blocks or end them."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from pyebpf.ir.module import Fault
from pyebpf.ir.ops.base import Block, Label, Local, Strategy
from pyebpf.records import dataclass
from pyebpf.source import Span

if TYPE_CHECKING:
    from pyebpf.ir.ops import Value


@final
@dataclass(frozen=True, slots=True, eq=False)
class If:
    condition: Value
    then: Block
    orelse: Block
    span: Span


@final
@dataclass(frozen=True, slots=True, eq=False)
class Counting:
    """What a loop counts: `counter` runs from `start`, while it is short of `stop`, by `step` or more each time."""

    counter: Local
    start: Value
    stop: Value
    step: int


@final
@dataclass(frozen=True, slots=True, eq=False)
class Loop:
    """`body`, then `step`, again and again until a Break. Continue goes to `step`.

    `bound` is the greatest number of times that `body` starts, None until proven. `guarded` makes
    the code count as well, so that the verifier sees the bound. `strategy`: whether it stays a loop, is written out, or
    becomes a function that the kernel runs again and again, or for each entry of a map; or whether it is a loop that
    an iterator of the kernel's ends, and has no bound.
    """

    label: Label
    body: Block
    step: Block
    counting: Counting | None
    bound: int | None
    guarded: bool
    span: Span
    strategy: Strategy = "bounded"

    @property
    def is_function(self) -> bool:
        """Whether the kernel runs its rounds as a function."""
        return self.strategy in ("callback", "entries")

    @property
    def is_endless(self) -> bool:
        """Whether an iterator ends it, after a few rounds of which the verifier knows all others."""
        return self.strategy == "iterator"


@final
@dataclass(frozen=True, slots=True, eq=False)
class Scope:
    """A block that Break leaves: an inlined function, or what a `try` protects.

    `function`: the name of the function, if it is a copy of one. `rounds`: how many there were, of a loop that was
    written out; `counter`: what counts them.
    """

    label: Label
    body: Block
    span: Span
    function: str = ""
    rounds: int = 0
    counter: Local | None = None


@final
@dataclass(frozen=True, slots=True, eq=False)
class Break:
    label: Label
    span: Span


@final
@dataclass(frozen=True, slots=True, eq=False)
class Continue:
    label: Label
    span: Span


@final
@dataclass(frozen=True, slots=True, eq=False)
class Return:
    """End the program with this result (an integer in the hook's range), or the function with 0 or 1."""

    value: Value
    span: Span


@final
@dataclass(frozen=True, slots=True, eq=False)
class Raise:
    """Give back the ring records in `cleanup`, count the fault, end the program: a Check that always fails."""

    fault: Fault
    cleanup: tuple[Value, ...]
    span: Span
