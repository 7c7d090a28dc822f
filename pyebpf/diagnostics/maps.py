"""Maps and rings. Codes E05xx."""

from __future__ import annotations

from typing import ClassVar, final

from pyebpf.diagnostics.base import Diagnostic
from pyebpf.records import dataclass


@final
@dataclass(frozen=True, slots=True)
class NoSuchOperation(Diagnostic):
    code: ClassVar = "E0501"
    title: ClassVar = "{kind} has no `{operation}`"
    help: ClassVar = "{hint}"
    explanation: ClassVar = """
    Each map has the operations of the Python collection that it resembles: hashes those of dict, arrays those of a
    list of fixed length, rings `reserve()`, histograms `observe(x)`. What would search a whole array is left out.
    """

    kind: str
    operation: str
    hint: str


@final
@dataclass(frozen=True, slots=True)
class MapAsValue(Diagnostic):
    code: ClassVar = "E0502"
    title: ClassVar = "map `{name}` can't be used as a value"
    notes: ClassVar = ("maps live outside the program; it reads and writes their entries",)
    help: ClassVar = "read an entry: {name}[key]"
    explanation: ClassVar = """
    A map isn't a value that could be stored, compared or computed with. Its entries are.
    """

    name: str


@final
@dataclass(frozen=True, slots=True)
class ReserveNeedsWith(Diagnostic):
    code: ClassVar = "E0503"
    title: ClassVar = "`{name}.reserve()` belongs in a `with` statement"
    notes: ClassVar = ("the kernel refuses programs that could lose a reserved event",)
    help: ClassVar = "with {name}.reserve() as event:"
    explanation: ClassVar = """
    A reserved event must be handed to the ring on every way out of the probe. The `with` block does that.

        with events.reserve() as event:     # skipped, and counted, when the ring is full
            event.pid = pid()
    """

    name: str


@final
@dataclass(frozen=True, slots=True)
class WithNeedsReserve(Diagnostic):
    code: ClassVar = "E0504"
    title: ClassVar = "`with` takes `ring.reserve() as event`"
    label: ClassVar = "this is {found}"
    help: ClassVar = "with events.reserve() as event:"
    explanation: ClassVar = """
    The one thing that a probe can open with `with` is a reservation in a ring buffer.
    """

    found: str


@final
@dataclass(frozen=True, slots=True)
class DeclaredInside(Diagnostic):
    code: ClassVar = "E0506"
    title: ClassVar = "a {kind} can't be made in a probe"
    notes: ClassVar = ("maps and variables exist before the program runs, and outlive it",)
    help: ClassVar = "declare it at module level, outside any function"
    explanation: ClassVar = """
    Maps, `Global` and `Config` are declared once, at module level; probes read and write them.

        @tracepoint("raw_syscalls:sys_enter")
        def probe(ctx):
            counts = Hash[u32, u64](max_entries=16)     # wrong
            counts[pid()] += 1

        counts = Hash[u32, u64](max_entries=16)         # right

        @tracepoint("raw_syscalls:sys_enter")
        def probe(ctx):
            counts[pid()] += 1
    """

    kind: str


@final
@dataclass(frozen=True, slots=True)
class EventKept(Diagnostic):
    code: ClassVar = "E0507"
    title: ClassVar = "a reserved event can't be kept beyond its `with` block"
    notes: ClassVar = ("at the end of the block the event is handed to the ring, and user space may be reading it",)
    help: ClassVar = "do what needs the event inside the `with` block"
    explanation: ClassVar = """
    An event reserved in a ring belongs to the probe only inside its `with` block, so a name that lives longer can't
    refer to
    it, and a @function can't return it.

        kept = None
        with events.reserve() as event:
            kept = event                # wrong
            event.pid = pid()           # right
    """


@final
@dataclass(frozen=True, slots=True)
class TailCallComesBack(Diagnostic):
    code: ClassVar = "E0508"
    title: ClassVar = "a program that is called doesn't come back"
    notes: ClassVar = ("the kernel goes on with the other program, and its result is the result of both",)
    help: ClassVar = "return {call}"
    explanation: ClassVar = """
    A program in a `ProgArray` takes the place of the one that calls it. In Python that is a call whose result is
    returned as it is, and so it is written. An empty slot is a KeyError.

        jumps[0](packet)                # wrong: nothing after it would run
        verdict = jumps[0](packet)      # wrong
        return jumps[0](packet)         # right
    """

    call: str


@final
@dataclass(frozen=True, slots=True)
class TailCallNotLast(Diagnostic):
    code: ClassVar = "E0509"
    title: ClassVar = "a program can't be called {where}"
    notes: ClassVar = ("the kernel goes on with the other program, and what is left to do here would never be done",)
    help: ClassVar = "call it in the probe itself, outside `with` and `finally`"
    explanation: ClassVar = """
    A program in a `ProgArray` takes the place of the one that calls it. So it can't be called where something has to
    be done afterwards: in a `with` block, in a `try` with `finally`, or in a @function.

        with events.reserve() as event:
            return jumps[0](packet)     # wrong: the event would never be handed to the ring

        with events.reserve() as event:
            event.number = 1
        return jumps[0](packet)         # right
    """

    where: str


@final
@dataclass(frozen=True, slots=True)
class TailCallAcross(Diagnostic):
    code: ClassVar = "E0510"
    title: ClassVar = "`{name}` is {other} program, and this is {own} program"
    notes: ClassVar = ("programs can call only those of the same kind: they share their parameter",)
    explanation: ClassVar = """
    All programs in a `ProgArray`, and those that call them, are for the same hook.
    """

    name: str
    other: str
    own: str


@final
@dataclass(frozen=True, slots=True)
class KeyType(Diagnostic):
    code: ClassVar = "E0505"
    title: ClassVar = "the key of `{name}` is {expected}, not {found}"
    help: ClassVar = "{hint}"
    explanation: ClassVar = """
    A map's key has one type, given when the map is declared.

        counts = Hash[u32, u64](max_entries=1024)
        counts[comm()] += 1     # wrong: comm() is text
        counts[pid()] += 1      # right
    """

    name: str
    expected: str
    found: str
    hint: str
