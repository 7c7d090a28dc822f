"""What ops are made of: blocks, labels, variables and memory on the stack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias, final

from pyebpf.ir.types import ValueType
from pyebpf.layout import Type
from pyebpf.records import dataclass
from pyebpf.source import Span

if TYPE_CHECKING:
    from pyebpf.ir.ops import Op


Arithmetic: TypeAlias = Literal["+", "-", "*", "//", "%", "<<", ">>", "&", "|", "^"]
Strategy: TypeAlias = Literal["bounded", "unrolled", "callback", "entries", "iterator"]
Comparison: TypeAlias = Literal["==", "!=", "<", "<=", ">", ">="]


@final
@dataclass(frozen=True, slots=True, eq=False)
class Local:
    """A variable that holds one scalar or pointer. Reads before the first write give zero."""

    name: str
    type: ValueType
    span: Span


@final
@dataclass(frozen=True, slots=True, eq=False)
class Slot:
    """Memory on the stack. Its bytes are undefined until written or `Zero`ed.

    `stays`: what the verifier knows to be there it wants on the stack itself.
    """

    name: str
    type: Type
    span: Span
    stays: bool = False


@final
@dataclass(frozen=True, slots=True, eq=False)
class Label:
    """What `Break` and `Continue` leave: a Loop or a Scope."""

    name: str


@final
@dataclass(frozen=True, slots=True)
class Block:
    """Ops in order. Nothing follows a Break, Continue, Return or Raise."""

    ops: tuple[Op, ...] = ()
