"""What an expression evaluates to while the IR is built: an IR value, or something that is not one yet."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias, final

from pyebpf import layout
from pyebpf.ir import ops
from pyebpf.ir.module import MapRef, MemberType
from pyebpf.ir.types import AddressType, BoolType, IntType, KernelType, NoneType, PointerType
from pyebpf.kernel.dynptrs import Maker
from pyebpf.lang.maps import Map
from pyebpf.lang.probes import HelperFunction
from pyebpf.records import dataclass
from pyebpf.source import Span

if TYPE_CHECKING:
    from types import FunctionType

    from pyebpf.irbuild.bindings import Frame
    from pyebpf.irbuild.builder import Builder
    from pyebpf.syntax import tree


@final
@dataclass(frozen=True, slots=True)
class Static:
    """A Python object known at compile time: a type, a map, a function, text, None, a module."""

    value: object
    name: str


@final
@dataclass(frozen=True, slots=True, eq=False)
class Closure:
    """A function inside a function, and the frame that it was defined in: the value of a Static."""

    function: tree.Function
    python: FunctionType
    frame: Frame


@final
@dataclass(frozen=True, slots=True)
class Optional:
    """A scalar that may be missing, as `m.get(k)` gives it; or text or an address in memory of its own."""

    present: ops.Value
    value: ops.Value


@final
@dataclass(frozen=True, slots=True)
class PendingText:
    """Text that is written straight into its destination: `comm()`, `user_str(p)`.

    `write(builder, address, size)` fills `size` bytes at `address`; `length` is its own size, 0 if the place decides.
    """

    write: Callable[[Builder, ops.Value, int], None]
    length: int
    source: str
    sources: tuple[ops.Value, ...] = ()
    """Addresses of the texts that it is made from, as they are when it is written."""
    array: KernelArray | None = None
    """What it is in a kernel struct: bytes as well."""
    may_fault: bool = False
    """Whether writing it may fault, when its place has been cleared already."""


@final
@dataclass(frozen=True, slots=True)
class KernelInteger:
    """An integer in kernel memory that is about to be assigned: it is read straight into its place if that suits."""

    address: ops.Value
    type: layout.Integer
    span: Span


@final
@dataclass(frozen=True, slots=True)
class KernelPlace:
    """Where something is in kernel memory: by way of `path` in the `struct` at `base`, or at `base` itself if the path
    is empty. `direct`: whether the verifier knows what is there, so that it can be loaded."""

    base: ops.Value
    struct: str
    path: tuple[str | int, ...]
    type: MemberType
    direct: bool
    span: Span


@final
@dataclass(frozen=True, slots=True)
class KernelArray:
    """An array in kernel memory; `length` is 0 where nobody says how long it is."""

    place: KernelPlace
    element: MemberType
    length: int


@final
@dataclass(frozen=True, slots=True)
class Method:
    """`receiver.name`, waiting to be called."""

    receiver: Operand
    name: str


@final
@dataclass(frozen=True, slots=True)
class Context:
    """The probe's parameter, in hooks whose context has fields."""


@final
@dataclass(frozen=True, slots=True)
class ContextArray:
    """An array in the context, element by element at a constant index: `ctx.args`."""

    offset: int
    element: layout.Integer
    length: int
    writable: bool = False


@final
@dataclass(frozen=True, slots=True)
class Packet:
    """The probe's parameter, in hooks whose context is a packet."""


@final
@dataclass(frozen=True, slots=True)
class Dynptr:
    """A dynptr on the stack, by the name that its `with` block gives it."""

    slot: ops.Slot
    maker: Maker
    """What made it, or what it was cloned from."""


@final
@dataclass(frozen=True, slots=True)
class ProgramSlot:
    """`jumps[i]`, a slot in an array of programs, waiting to be called."""

    array: Static
    index: Operand


@final
@dataclass(frozen=True, slots=True)
class HistogramAt:
    """`times[key]`, the counts of one key in a histogram, waiting for `observe`."""

    histogram: Static
    key: Operand
    key_span: Span


@final
@dataclass(frozen=True, slots=True)
class Values:
    """A tuple. There is none at run time: only its items are values."""

    items: tuple[Operand, ...]


@final
@dataclass(frozen=True, slots=True)
class OptionalValues:
    """A tuple that may be None, as a @function returns it that gives a tuple on some ways only."""

    present: ops.Value
    values: Values


@final
@dataclass(frozen=True, slots=True)
class Range:
    """`range(start, stop, step)`, not gone through yet. The step's sign is certain."""

    start: ops.Value
    stop: ops.Value
    step: ops.Value
    stop_span: Span


@final
@dataclass(frozen=True, slots=True)
class Items:
    """What a loop goes through by counting: `enumerate(a)`, `zip(a, b)`, an array."""

    what: str
    """For messages: `enumerate(…)`."""
    length: ops.Value
    at: Callable[[Builder, ops.Value], Operand]
    """The item of a number that is not negative, and less than the length."""
    apart: bool
    """Whether items are unlike each other, so that their numbers must be constants."""
    copies: bool
    """Whether a few items are better gone through one by one, since their values are known."""


@final
@dataclass(frozen=True, slots=True)
class Entries:
    """What the kernel hands out one by one: the keys, values or items of a hash map, in no certain order."""

    map: MapRef
    part: str
    """`keys`, `values` or `items`; of a UserRingBuf, `records`."""
    counted: tuple[ops.Value, ...] = ()
    """From where `enumerate` counts them, which may be around another one."""


@final
@dataclass(frozen=True, slots=True)
class KernelItems:
    """What an iterator of the kernel's hands out one by one: `iter_task(…)`, called and not gone through yet."""

    struct: str
    """Its state, as the kernel's BTF names it: `bpf_iter_task`."""
    arguments: tuple[ops.Value, ...]
    counted: tuple[ops.Value, ...] = ()
    """As of Entries."""


Operand: TypeAlias = (
    ops.Value
    | Static
    | Optional
    | PendingText
    | KernelArray
    | Method
    | Context
    | ContextArray
    | Packet
    | Dynptr
    | Values
    | OptionalValues
    | ProgramSlot
    | HistogramAt
    | Range
    | Items
    | Entries
    | KernelItems
)


def describe(operand: Operand) -> str:
    """What `operand` is, for messages: `u32`, `text`, `a map`."""
    match operand:
        case Static(value=None):
            return "None"
        case Static(value=str()):
            return "text"
        case Static(value=Map() as map):
            return f"a {map.kind}"
        case Static(value=type()):
            return "a type"
        case Static(value=Closure() | HelperFunction()):
            return "a function"
        case Static():
            return f"`{operand.name}`"
        case Optional():
            return f"{describe(operand.value)} or None"
        case PendingText():
            return "text"
        case KernelArray():
            return "an array in kernel memory"
        case Method():
            return "a method"
        case Context() | ContextArray():
            return "the context"
        case Packet():
            return "the packet"
        case Dynptr():
            return "a dynptr"
        case Values():
            return f"a tuple of {len(operand.items)}"
        case OptionalValues():
            return f"{describe(operand.values)} or None"
        case Range():
            return "a range"
        case Items():
            return operand.what
        case Entries():
            return "enumerate(…)" if operand.counted else f"the {operand.part} of a {operand.map.kind}"
        case KernelItems():
            return "enumerate(…)" if operand.counted else "an iterator"
        case ProgramSlot():
            return "a program"
        case HistogramAt():
            return "a histogram"
        case _:
            return describe_type(operand.type)


def describe_type(type: object) -> str:
    """A register or memory type in the user's words."""
    match type:
        case IntType(shown_as=None):
            return "an integer"
        case IntType():
            return str(type.shown_as)
        case BoolType():
            return "bool"
        case NoneType():
            return "None"
        case PointerType():
            return f"{describe_type(type.target)}{' or None' if type.nullable else ''}"
        case KernelType():
            return f"struct {type.struct}"
        case AddressType(space="any"):
            return "an address"
        case AddressType():
            return f"an address in {type.space} memory"
        case layout.Text() | layout.Array() | layout.Integer() | layout.Boolean() | layout.Address():
            return str(type)
        case layout.Struct():
            return f"{type.kind} {type.name}"
        case _:
            return str(type)


def is_text(operand: Operand) -> bool:
    """Whether `operand` is text of any kind."""
    if isinstance(operand, PendingText) or (isinstance(operand, Static) and isinstance(operand.value, str)):
        return True
    if isinstance(operand, Optional):
        return is_text(operand.value)
    return (
        ops.is_value(operand) and isinstance(operand.type, PointerType) and isinstance(operand.type.target, layout.Text)
    )


def reference(operand: Operand) -> PointerType | None:
    """The pointer type of a reference to a struct, array, text or address; None for everything else."""
    if ops.is_value(operand) and isinstance(operand.type, PointerType):
        return operand.type
    return None


@final
@dataclass(frozen=True, slots=True)
class Place:
    """Something that can be assigned: typed memory, with the bits of a bit field."""

    address: ops.Value
    type: layout.Type
    what: str
    """`event.pid`, for messages."""
    span: Span
    bits: int = 0
    bit_offset: int = 0
    slice: bool = False
    """Some elements of an array, which is assigned item by item."""
