"""Types and values: what fits where, and what works with what. Codes E04xx."""

from __future__ import annotations

from typing import ClassVar, final

from pyebpf.diagnostics.base import Diagnostic, pretty
from pyebpf.records import dataclass
from pyebpf.source import Span


@final
@dataclass(frozen=True, slots=True)
class WrongType(Diagnostic):
    code: ClassVar = "E0401"
    title: ClassVar = "expected {expected}, found {found}"
    help: ClassVar = "{hint}"
    explanation: ClassVar = """
    What stands here has another type than what is needed.

        event.pid = "bash"      # wrong: pid is u32
        event.pid = pid()       # right
    """

    expected: str
    found: str
    hint: str


@final
@dataclass(frozen=True, slots=True)
class OutOfRange(Diagnostic):
    code: ClassVar = "E0402"
    title: ClassVar = "{value} does not fit {type}"
    notes: ClassVar = ("{type} holds {smallest} to {largest}",)
    explanation: ClassVar = """
    The constant is outside the range of the type that has to hold it.

        event.kind = 300        # wrong, if kind is u8
        event.kind = u8(300)    # says that only the low 8 bits are wanted: 44
    """

    value: int
    type: str
    low: int
    high: int

    @property
    def smallest(self) -> str:
        return pretty(self.low)

    @property
    def largest(self) -> str:
        return pretty(self.high)


@final
@dataclass(frozen=True, slots=True)
class BadOperands(Diagnostic):
    code: ClassVar = "E0403"
    title: ClassVar = "`{operator}` does not work between {left} and {right}"
    help: ClassVar = "{hint}"
    explanation: ClassVar = """
    The operator isn't defined for these types. Arithmetic takes integers (and bools, as Python does); text can be
    compared with `==` and `!=`.
    """

    operator: str
    left: str
    right: str
    hint: str = ""


@final
@dataclass(frozen=True, slots=True)
class TrueDivision(Diagnostic):
    code: ClassVar = "E0404"
    title: ClassVar = "`/` makes a float, which the kernel doesn't have"
    notes: ClassVar = ("programs in the kernel have integers only",)
    help: ClassVar = "divide whole numbers: {suggestion}"
    explanation: ClassVar = """
    Python's `/` gives a float. In a probe use `//`, which rounds down as in Python.

        ms = ns / 1_000_000     # wrong
        ms = ns // 1_000_000    # right
    """

    suggestion: str


@final
@dataclass(frozen=True, slots=True)
class ConstantTooLarge(Diagnostic):
    code: ClassVar = "E0405"
    title: ClassVar = "{value} does not fit 64 bits"
    notes: ClassVar = ("integers in a probe have at most 64 bits: -2**63 to 2**64 - 1",)
    explanation: ClassVar = """
    Python's integers have no limit; those of the kernel's programs have 64 bits.
    """

    value: str


@final
@dataclass(frozen=True, slots=True)
class IndexOutOfRange(Diagnostic):
    code: ClassVar = "E0406"
    title: ClassVar = "index {index} is out of range"
    label: ClassVar = "there are {length} elements"
    explanation: ClassVar = """
    The constant index is outside the array, which Python would answer with IndexError every time.

        values: u32[4] has elements 0 to 3 (and -4 to -1), as Array[u32](max_entries=4) has
    """

    index: int
    length: int


@final
@dataclass(frozen=True, slots=True)
class DivisionByZero(Diagnostic):
    code: ClassVar = "E0407"
    title: ClassVar = "division by zero"
    notes: ClassVar = ("Python would raise ZeroDivisionError every time",)
    explanation: ClassVar = """
    The divisor is the constant zero. A divisor that is zero only sometimes is checked when the program runs: the
    probe then ends with its hook's default, and the fault is counted by line.
    """


@final
@dataclass(frozen=True, slots=True)
class NegativeShift(Diagnostic):
    code: ClassVar = "E0408"
    title: ClassVar = "shift by a negative count"
    notes: ClassVar = ("Python would raise ValueError: negative shift count",)
    explanation: ClassVar = """
    The count of a shift is zero or more. To shift the other way, use the other operator.
    """


@final
@dataclass(frozen=True, slots=True)
class ConflictingTypes(Diagnostic):
    code: ClassVar = "E0409"
    title: ClassVar = "`{name}` is {second} here, but {first} elsewhere"
    notes: ClassVar = ("a variable has one type in the whole function",)
    help: ClassVar = "use another name for the other value"
    explanation: ClassVar = """
    A local variable lives in one place, which has one type.

        x = pid()
        x = comm()      # wrong: x is an integer
        name = comm()   # right
    """

    name: str
    first: str
    second: str


@final
@dataclass(frozen=True, slots=True)
class ReturnsDiffer(Diagnostic):
    code: ClassVar = "E0425"
    title: ClassVar = "`{function}` returns {found} here, and {first} elsewhere"
    label: ClassVar = "{found}"
    notes: ClassVar = ("what a @function returns has one type, which its callers are compiled for; it may be None too",)
    help: ClassVar = "return the same on every way, or None: return None"
    explanation: ClassVar = """
    A @function is compiled into its callers, and what it returns lies in one place. All its `return` statements give
    the same type: tuples of the same length, with the same types in them. None is allowed besides.

        @function
        def ports(tcp):
            if tcp.syn:
                return 0                            # wrong
            return tcp.source, tcp.dest

        @function
        def ports(tcp):
            if tcp.syn:
                return None                         # right
            return tcp.source, tcp.dest
    """

    function: str
    found: str
    first: str
    other: Span

    @property
    def related(self) -> tuple[tuple[Span, str], ...]:
        return ((self.other, self.first),) if self.other != self.span else ()


@final
@dataclass(frozen=True, slots=True)
class TextTooLong(Diagnostic):
    code: ClassVar = "E0410"
    title: ClassVar = "text of {size} bytes does not fit char[{length}]"
    explanation: ClassVar = """
    The literal is longer, in UTF-8, than the field or the key that has to hold it; a comparison with it could never
    be true.
    """

    size: int
    length: int


@final
@dataclass(frozen=True, slots=True)
class TextNeedsPlace(Diagnostic):
    code: ClassVar = "E0411"
    title: ClassVar = "how long may this text be?"
    notes: ClassVar = ("text in the kernel has a fixed size: its place decides how much is copied",)
    help: ClassVar = "give it a type: {place}{call}"
    explanation: ClassVar = """
    `user_str` and `kernel_str` copy as many bytes as their destination holds, so there must be one: a field, a map's
    key or value, a local with a type, or a function that returns text of a type.

        name = user_str(ctx.filename)               # wrong
        name: char[64] = user_str(ctx.filename)     # right

        def protocol(number) -> char[8]:            # right
            return "tcp" if number == 6 else "other"
    """

    call: str
    place: str = "name: char[64] = "


@final
@dataclass(frozen=True, slots=True)
class NotConstant(Diagnostic):
    code: ClassVar = "E0412"
    title: ClassVar = "{what} must be a constant"
    help: ClassVar = "{hint}"
    explanation: ClassVar = """
    This has to be known when the probe is compiled: a literal, or a module-level integer.
    """

    what: str
    hint: str


@final
@dataclass(frozen=True, slots=True)
class NotIterable(Diagnostic):
    code: ClassVar = "E0413"
    title: ClassVar = "`for` can't go over {what}"
    notes: ClassVar = ("what can be gone through: `range(…)`, arrays, tuples, text, Array and Hash maps, `zip(…)`",)
    help: ClassVar = "{hint}"
    explanation: ClassVar = """
    Loops, and functions as `sum` and `any`, go over ranges, arrays, tuples, IntEnum classes, maps of the classes Array
    and PerCpuArray, and over what `enumerate`, `zip` and `reversed` make of them; and over hash maps, their `keys()`,
    `values()` and `items()`, and what `enumerate` makes of those.

        for value in values:
            total += value
    """

    what: str
    hint: str


@final
@dataclass(frozen=True, slots=True)
class ReadOnly(Diagnostic):
    code: ClassVar = "E0414"
    title: ClassVar = "{what} can't be written"
    explanation: ClassVar = """
    The probe may read this, not change it: a Config is frozen when the program is loaded, and a tracepoint's context
    belongs to the kernel.
    """

    what: str


@final
@dataclass(frozen=True, slots=True)
class IsOnlyNone(Diagnostic):
    code: ClassVar = "E0415"
    title: ClassVar = "`is` compares with None only"
    notes: ClassVar = ("integers and text have no identity in the kernel",)
    help: ClassVar = "{suggestion}"
    explanation: ClassVar = """
    `x is None` and `x is not None` ask whether a value is there. To compare values use `==`.
    """

    suggestion: str


@final
@dataclass(frozen=True, slots=True)
class BadAnnotation(Diagnostic):
    code: ClassVar = "E0416"
    title: ClassVar = "{message}"
    help: ClassVar = "{hint}"
    explanation: ClassVar = """
    The annotation of a local variable is a type of the language: `n: u32 = 0`, `name: char[16] = comm()`.
    """

    message: str
    hint: str


@final
@dataclass(frozen=True, slots=True)
class CannotPrint(Diagnostic):
    code: ClassVar = "E0417"
    title: ClassVar = "{what} can't be printed"
    help: ClassVar = "{hint}"
    explanation: ClassVar = """
    `print` takes text, integers, bools, addresses and IntEnum values, and f-strings of them.
    """

    what: str
    hint: str


@final
@dataclass(frozen=True, slots=True)
class BadFormat(Diagnostic):
    code: ClassVar = "E0418"
    title: ClassVar = "format `{spec}` does not suit {type}: {message}"
    explanation: ClassVar = """
    The format after the colon is checked when the probe is compiled, by Python's own rules.

        print(f"{pid():s}")     # wrong: pid is an integer
        print(f"{pid():>8d}")   # right
    """

    spec: str
    type: str
    message: str


@final
@dataclass(frozen=True, slots=True)
class BadResult(Diagnostic):
    code: ClassVar = "E0419"
    title: ClassVar = "{hook} program returns {expected}, not {found}"
    explanation: ClassVar = """
    The kernel accepts only certain results from each kind of program.

        return True         # wrong in an XDP program
        return XDP.PASS     # right
    """

    hook: str
    expected: str
    found: str


@final
@dataclass(frozen=True, slots=True)
class NothingLeft(Diagnostic):
    code: ClassVar = "E0420"
    title: ClassVar = "unpacking needs a tuple of {expected}, and this is {found}"
    help: ClassVar = "{hint}"
    explanation: ClassVar = """
    `a, b = …` takes as many values as there are names.
    """

    expected: int
    found: str
    hint: str


@final
@dataclass(frozen=True, slots=True)
class Discarded(Diagnostic):
    code: ClassVar = "E0421"
    title: ClassVar = "this does nothing"
    notes: ClassVar = ("{what} is computed and thrown away",)
    help: ClassVar = "{hint}"
    explanation: ClassVar = """
    The statement has no effect. A comparison where an assignment was meant (`x == 1`), or a call without its
    parentheses?
    """

    what: str
    hint: str = ""
