"""What a local name stands for while a function is lowered, and the function's own frame."""

from __future__ import annotations

from dataclasses import field
from types import FunctionType
from typing import TypeAlias, final

from pyebpf.ir import ops
from pyebpf.ir.types import ValueType
from pyebpf.irbuild.open_blocks import Handler
from pyebpf.irbuild.operands import Operand
from pyebpf.records import dataclass
from pyebpf.source import Span
from pyebpf.syntax import tree


@final
@dataclass(frozen=True, slots=True)
class Scalar:
    """A local integer, bool or kernel pointer. `declared` ones keep the range of their annotation."""

    local: ops.Local
    declared: bool = False


@final
@dataclass(frozen=True, slots=True)
class OptionalScalar:
    """A local integer or bool that may be None."""

    present: ops.Local
    value: ops.Local


@final
@dataclass(frozen=True, slots=True)
class Reference:
    """A local that refers to a struct or array in memory."""

    local: ops.Local


@final
@dataclass(frozen=True, slots=True)
class TextLocal:
    """Local text, or an address longer than a register, which is copied on assignment: in Python they never change."""

    slot: ops.Slot
    declared: bool = False


@final
@dataclass(frozen=True, slots=True)
class OptionalText:
    """The same where it may be None, as `hosts.get(k)` gives it; of None the memory is zeros."""

    present: ops.Local
    slot: ops.Slot


@final
@dataclass(frozen=True, slots=True)
class TupleLocal:
    """A local tuple: each of its items is a local of its own. `present` says whether it is there, if it may be None."""

    items: tuple[Binding, ...]
    present: ops.Local | None


@final
@dataclass(frozen=True, slots=True)
class Fixed:
    """A name that means one thing throughout: the context, a map given to a @function, an open reservation."""

    operand: Operand


Binding: TypeAlias = "Scalar | OptionalScalar | Reference | TextLocal | OptionalText | TupleLocal | Fixed"


@final
@dataclass(frozen=True, slots=True)
class Shape:
    """What an earlier attempt found a local to need."""

    type: ValueType | None
    """None for a tuple, whose items have shapes of their own."""
    optional: bool = False
    length: int = 0
    """Of a tuple."""


@final
@dataclass(frozen=True, slots=True)
class Called:
    """A function in a chain of calls. One that is given other functions is another one than when it isn't."""

    name: str
    code: int
    """The `id` of what it was parsed from."""
    frame: int
    """Of a function inside a function, the number of the frame around; else 0."""
    given: tuple[int, ...] = ()
    """The `id` of each function among its arguments."""


@final
@dataclass
class Frame:
    """One function being lowered: a probe, or a @function inlined into it."""

    function: tree.Function
    python: FunctionType
    number: int
    chain: tuple[Called, ...]
    """The functions being inlined around this one, outermost first, and itself."""
    end: ops.Label | None = None
    """Inlined: what `return` leaves."""
    labels: int = 0
    """How many labels were open when the function began."""
    around: Frame | None = None
    """Of a function inside a function: the frame that it was defined in."""
    home: object = None
    """The builder that lowers it. What runs later, in a program of its own, sees only its constants."""
    known: frozenset[str] = frozenset()
    """What was assigned when it last called another function."""
    returned: Span | None = None
    """What the first `return` gives, for messages about others."""
    bindings: dict[str, Binding] = field(default_factory=dict)
    poisoned: set[str] = field(default_factory=set)
    """Names whose assignment was wrong: their uses are not reported again."""
    ended: set[str] = field(default_factory=set)
    """Names of events whose `with` block is over."""
    gone: set[str] = field(default_factory=set)
    """Names of what an iterator handed out in a loop that is over."""
    loops: list[tuple[ops.Label, ops.Label]] = field(default_factory=list)
    """What `break` and `continue` leave; a Loop stands for both, and goes on when it is continued."""
    caught: list[Handler] = field(default_factory=list)
    """The `except` blocks being lowered, which a bare `raise` means."""


RESULT = "return value"
