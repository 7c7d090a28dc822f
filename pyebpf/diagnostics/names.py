"""Names: what the probe refers to, and what that is. Codes E03xx."""

from __future__ import annotations

from typing import ClassVar, final

from pyebpf.diagnostics.base import Diagnostic
from pyebpf.records import dataclass
from pyebpf.source import Span


@final
@dataclass(frozen=True, slots=True)
class UnknownName(Diagnostic):
    code: ClassVar = "E0301"
    title: ClassVar = "name `{name}` is not defined"
    help: ClassVar = "{hint}"
    explanation: ClassVar = """
    A name must be a local variable, a parameter, something at module level, or one of the language's functions.

        counts[pidd()] += 1     # wrong
        counts[pid()] += 1      # right, with `from pyebpf import pid`
    """

    name: str
    hint: str


@final
@dataclass(frozen=True, slots=True)
class MaybeUnassigned(Diagnostic):
    code: ClassVar = "E0302"
    title: ClassVar = "`{name}` may be used before it is assigned"
    notes: ClassVar = ("Python would raise UnboundLocalError on the way that doesn't assign it",)
    help: ClassVar = "{cure}"
    explanation: ClassVar = """
    On some way through the function the name is read before anything was assigned to it. Python finds out
    when it happens; a program in the kernel has to know before.

        if pid() == 1:
            kind = 1
        counts[kind] += 1       # wrong: what if pid() isn't 1?

        kind = 0                # right
        if pid() == 1:
            kind = 1
        counts[kind] += 1
    """

    name: str
    cure: str


@final
@dataclass(frozen=True, slots=True)
class NotUsable(Diagnostic):
    code: ClassVar = "E0303"
    title: ClassVar = "`{name}` is {what}, which a probe can't use"
    notes: ClassVar = ("a probe uses integers, text, types, maps, variables and @function helpers of its module",)
    help: ClassVar = "{hint}"
    explanation: ClassVar = """
    Module-level values that a probe uses are compile-time constants, so they must be what the kernel can hold:
    integers, bools, text, IntEnum members; or declarations: types, structs, maps, variables, @function helpers.

        limits = {"cpu": 4}         # a dict
        if cpu() < limits["cpu"]:   # wrong

        CPU_LIMIT = 4               # right
        if cpu() < CPU_LIMIT:
    """

    name: str
    what: str
    hint: str


@final
@dataclass(frozen=True, slots=True)
class UnknownAttribute(Diagnostic):
    code: ClassVar = "E0304"
    title: ClassVar = "{owner} has no {kind} `{name}`"
    help: ClassVar = "{hint}"
    explanation: ClassVar = """
    The thing before the dot doesn't have what stands behind it.

        event.pdi = pid()       # wrong: the struct's field is called pid
        event.pid = pid()       # right
    """

    owner: str
    kind: str
    name: str
    hint: str


@final
@dataclass(frozen=True, slots=True)
class NotCallable(Diagnostic):
    code: ClassVar = "E0305"
    title: ClassVar = "{what} can't be called"
    notes: ClassVar = ("a probe calls the language's functions, types, methods, and functions under @function",)
    help: ClassVar = "{hint}"
    explanation: ClassVar = """
    Only the language's functions, types, methods and @function helpers can be called in a probe. An ordinary
    Python function becomes callable when it is decorated.

        def double(x):          # wrong: ordinary Python
            return x * 2

        @function               # right
        def double(x):
            return x * 2
    """

    what: str
    hint: str


@final
@dataclass(frozen=True, slots=True)
class WrongArguments(Diagnostic):
    code: ClassVar = "E0306"
    title: ClassVar = "`{function}` takes {expected}, not {found}"
    explanation: ClassVar = """
    The number or the names of the arguments are not what the function takes.

        counts.get()            # wrong
        counts.get(pid())       # right
    """

    function: str
    expected: str
    found: str


@final
@dataclass(frozen=True, slots=True)
class MissingArgument(Diagnostic):
    code: ClassVar = "E0311"
    title: ClassVar = "`{function}` needs `{name}`"
    label: ClassVar = "its parameters are {parameters}"
    explanation: ClassVar = """
    A parameter without a default needs an argument.

        @function
        def scaled(value, by):
            return value * by

        scaled(pid())           # wrong
        scaled(pid(), 2)        # right
    """

    function: str
    name: str
    parameters: str


@final
@dataclass(frozen=True, slots=True)
class UnknownArgument(Diagnostic):
    code: ClassVar = "E0312"
    title: ClassVar = "`{function}` has no parameter `{name}`"
    notes: ClassVar = ("its parameters are {parameters}",)
    help: ClassVar = "{hint}"
    explanation: ClassVar = """
    The name before the `=` is none of the function's parameters.
    """

    function: str
    name: str
    parameters: str
    hint: str


@final
@dataclass(frozen=True, slots=True)
class NotRaised(Diagnostic):
    code: ClassVar = "E0314"
    title: ClassVar = "{what} is no exception of a probe"
    help: ClassVar = "one of {known}, or a base class in `except`"
    explanation: ClassVar = """
    What can go wrong in a probe is known beforehand, and each has its exception. `raise` takes one of them; `except`
    also takes their base classes, such as LookupError or Exception, and tuples.

        raise RuntimeError("no such task")      # wrong
        raise KeyError("no such task")          # right
    """

    what: str
    known: str


@final
@dataclass(frozen=True, slots=True)
class ExceptionHasNoValue(Diagnostic):
    code: ClassVar = "E0315"
    title: ClassVar = "exceptions have no value in a probe"
    notes: ClassVar = ("the kind of an exception says where the program goes; `{name}` would have nothing to hold",)
    help: ClassVar = "except {type}:"
    explanation: ClassVar = """
    An exception in a probe is a jump to its `except`. It carries no text and no arguments, so `as` has nothing to name.

        except KeyError as error:       # wrong
        except KeyError:                # right
    """

    name: str
    type: str


@final
@dataclass(frozen=True, slots=True)
class NothingToRaise(Diagnostic):
    code: ClassVar = "E0316"
    title: ClassVar = "`raise` alone raises what an `except` has caught, and there is none around it"
    help: ClassVar = "name the exception: raise KeyError"
    explanation: ClassVar = """
    Inside `except`, a bare `raise` lets what was caught go on. Elsewhere there is nothing to raise.

        raise                   # wrong, outside of `except`
        raise KeyError          # right
    """


@final
@dataclass(frozen=True, slots=True)
class FixedName(Diagnostic):
    code: ClassVar = "E0313"
    title: ClassVar = "`{name}` is {what} here and can't be assigned"
    help: ClassVar = "use another name"
    explanation: ClassVar = """
    Some names mean one thing as long as they exist: the event of a `with` block, the context of a probe, a map that
    was given
    to a @function.

        with events.reserve() as event:
            event = pid()           # wrong
            event.pid = pid()       # right
    """

    name: str
    what: str


@final
@dataclass(frozen=True, slots=True)
class NotAssignable(Diagnostic):
    code: ClassVar = "E0307"
    title: ClassVar = "`{name}` at module level is {what}; a probe can't change it"
    notes: ClassVar = ("module-level Python values are constants when the probe is compiled",)
    help: ClassVar = "make it a variable: {name} = Global[u64](0), then {name}.value += 1"
    explanation: ClassVar = """
    Module-level Python values are constants for probes. What changes while the probe runs lives in a Global or a map.

        total = 0
        @tracepoint("raw_syscalls:sys_enter")
        def probe(ctx):
            total += 1              # wrong

        total = Global[u64](0)
        @tracepoint("raw_syscalls:sys_enter")
        def probe(ctx):
            total.value += 1        # right
    """

    name: str
    what: str


@final
@dataclass(frozen=True, slots=True)
class Recursion(Diagnostic):
    code: ClassVar = "E0308"
    title: ClassVar = "function calls itself: {cycle}"
    notes: ClassVar = ("every program in the kernel has a fixed depth of calls",)
    help: ClassVar = "write it as a loop"
    explanation: ClassVar = """
    A @function can't call itself, directly or through others: the depth of calls has to be known when the program is
    loaded.
    """

    cycle: str


@final
@dataclass(frozen=True, slots=True)
class ReservationEnded(Diagnostic):
    code: ClassVar = "E0309"
    title: ClassVar = "`{name}` is used after its `with` block"
    label: ClassVar = "it was handed over when the block ended"
    help: ClassVar = "move this into the `with` block"
    explanation: ClassVar = """
    An event reserved in a ring belongs to the probe only inside its `with` block. At the end of the block it is
    submitted, and user space may be reading it.

        with events.reserve() as event:
            event.pid = pid()
        event.uid = uid()           # wrong
    """

    name: str


@final
@dataclass(frozen=True, slots=True)
class Nested(Diagnostic):
    code: ClassVar = "E0310"
    title: ClassVar = "too many calls inside calls"
    notes: ClassVar = ("helpers are compiled into their callers, at most {depth} deep, and {calls} in one program",)
    explanation: ClassVar = """
    Each @function is compiled into its caller, once for every call. Longer chains of calls, or more of them, don't
    fit the kernel's limits. The number of calls doubles with every function that calls the next one twice.

        @function
        def twice(x):
            return once(x) + once(x)        # wrong, in a long chain of such functions

        @function
        def twice(x):
            y = once(x)                     # right
            return y + y
    """

    depth: int
    calls: int


@final
@dataclass(frozen=True, slots=True)
class OutsideName(Diagnostic):
    code: ClassVar = "E0317"
    title: ClassVar = "`{name}` belongs to a Python function around the probe, which can't change it"
    notes: ClassVar = ("names of Python functions around a probe are constants when the probe is compiled",)
    help: ClassVar = "make it a variable: {name} = Global[u64](0), then {name}.value += 1"
    explanation: ClassVar = """
    A probe may be defined inside a Python function, and use its names: they are constants. What changes while the probe
    runs lives in a Global or a map, or belongs to the probe itself.

        def make():
            total = 0
            @tracepoint("raw_syscalls:sys_enter")
            def probe(ctx):
                nonlocal total          # wrong
                total += 1

        def make():
            total = Global[u64](0)
            @tracepoint("raw_syscalls:sys_enter")
            def probe(ctx):
                total.value += 1        # right
    """

    name: str


@final
@dataclass(frozen=True, slots=True)
class GivenTwice(Diagnostic):
    code: ClassVar = "E0318"
    title: ClassVar = "`{function}` is given `{name}` twice"
    label: ClassVar = "by name here"
    explanation: ClassVar = """
    An argument by position and one by name are for the same parameter.

        scaled(pid(), value=2)      # wrong, if value is the first parameter
        scaled(pid(), by=2)         # right
    """

    function: str
    name: str
    other: Span

    @property
    def related(self) -> tuple[tuple[Span, str], ...]:
        return ((self.other, "by position here"),)


@final
@dataclass(frozen=True, slots=True)
class PositionOnly(Diagnostic):
    code: ClassVar = "E0319"
    title: ClassVar = "`{name}` of `{function}` is given by position only"
    notes: ClassVar = ("it stands before the `/` among the parameters",)
    help: ClassVar = "leave out `{name}=`"
    explanation: ClassVar = """
    Parameters before `/` have no names for callers.

        @function
        def scaled(value, /, by):
            return value * by

        scaled(value=pid(), by=2)       # wrong
        scaled(pid(), by=2)             # right
    """

    function: str
    name: str


@final
@dataclass(frozen=True, slots=True)
class DefinedTwice(Diagnostic):
    code: ClassVar = "E0320"
    title: ClassVar = "`{name}` is something else already, and can't become a function"
    notes: ClassVar = ("which function is called is known when the probe is compiled",)
    help: ClassVar = "use another name for one of them"
    explanation: ClassVar = """
    A function inside a function has its name for itself.

        if fast:
            def size(n): return n
        else:
            def size(n): return n * 2       # wrong

        def size(n):
            return n if fast else n * 2     # right
    """

    name: str
    before: Span | None

    @property
    def related(self) -> tuple[tuple[Span, str], ...]:
        return ((self.before, "defined here first"),) if self.before is not None else ()
