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
    title: ClassVar = "`with` takes `ring.reserve() as event`, a lock, or a call of what must be given back"
    label: ClassVar = "this is {found}"
    help: ClassVar = "with events.reserve() as event:"
    explanation: ClassVar = """
    What a probe can open with `with` is a reservation in a ring buffer, a `SpinLock` in an entry of a map, `rcu`, a
    socket that is looked up, also in a `SockMap`, and what calls of kfuncs and helpers hand out or make: tasks,
    cgroups, dynptrs.
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
    help: ClassVar = "call it in the probe itself, outside `with`, `finally` and loops over maps"
    explanation: ClassVar = """
    A program in a `ProgArray` takes the place of the one that calls it. So it can't be called where something has to
    be done afterwards: in a `with` block, in a `try` with `finally`, or in a @function. A loop over a map's entries is
    a function of its own to the kernel.

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
class CallUnderLock(Diagnostic):
    code: ClassVar = "E0511"
    title: ClassVar = "`{call}` calls the kernel, which isn't possible while a lock is held"
    notes: ClassVar = ("other CPUs wait for the lock, so between taking and giving it back a program only computes",)
    help: ClassVar = "do it before or after the `with` block"
    explanation: ClassVar = """
    While a program holds a spin lock the kernel allows it to compute, and to read and write memory that it has. Time,
    map lookups, events and printed lines come from calls, which stand before the block, or behind it.

        with entry.lock:
            entry.last = ktime_ns()     # wrong

        now = ktime_ns()
        with entry.lock:
            entry.last = now            # right
    """

    call: str


@final
@dataclass(frozen=True, slots=True)
class TwoLocks(Diagnostic):
    code: ClassVar = "E0512"
    title: ClassVar = "a second lock can't be taken while one is held"
    notes: ClassVar = ("with one lock at a time no two programs can wait for each other",)
    help: ClassVar = "give the first one back before: end its `with` block"
    explanation: ClassVar = """
    A program holds one spin lock at a time.

        with first.lock:
            with second.lock:           # wrong
                second.balance += first.balance

        with first.lock:
            amount = first.balance
        with second.lock:               # right
            second.balance += amount
    """


@final
@dataclass(frozen=True, slots=True)
class LockCopied(Diagnostic):
    code: ClassVar = "E0513"
    title: ClassVar = "{type} in a map can't be copied or compared, for its lock's sake"
    notes: ClassVar = ("a lock in a map is only taken and given back, never read or written",)
    help: ClassVar = "use its fields, one by one"
    explanation: ClassVar = """
    A `SpinLock` that lies in a map belongs to the kernel. A struct with one is used through its fields; a new entry
    is written as a whole, since the kernel leaves the lock out.

        accounts[1] = accounts[0]               # wrong
        accounts[1] = Account(balance=7)        # right
    """

    type: str


@final
@dataclass(frozen=True, slots=True)
class LockNotShared(Diagnostic):
    code: ClassVar = "E0514"
    title: ClassVar = "this lock is in no map"
    notes: ClassVar = ("a lock keeps programs on other CPUs out of an entry that they share",)
    help: ClassVar = "take the lock of an entry: with accounts[key].lock:"
    explanation: ClassVar = """
    Only a lock in an entry of a map can be taken. A struct that the probe has made is its own, and needs none.
    """


@final
@dataclass(frozen=True, slots=True)
class NoLocksHere(Diagnostic):
    code: ClassVar = "E0515"
    title: ClassVar = "{hook} programs can't use `{map}`, whose entries have a lock"
    notes: ClassVar = ("they can interrupt the program that holds it, and would then wait for ever",)
    help: ClassVar = "count in an entry of its own for each CPU: PerCpuHash, PerCpuArray"
    explanation: ClassVar = """
    Tracing programs and socket filters run in the middle of anything, so the kernel keeps them from all maps with
    locks. Additions (`entry.count += 1`) are atomic without a lock, and maps per CPU need none.
    """

    hook: str
    map: str


@final
@dataclass(frozen=True, slots=True)
class UnlikeMaps(Diagnostic):
    code: ClassVar = "E0516"
    title: ClassVar = "`{name}` is {old}, and can't become {new}"
    notes: ClassVar = ("the kernel must know what kind of map a program uses",)
    help: ClassVar = "use another name"
    explanation: ClassVar = """
    A name that stands for a map out of a map of maps can be assigned others, all of the same kind and types.
    """

    name: str
    old: str
    new: str


@final
@dataclass(frozen=True, slots=True)
class NotTrusted(Diagnostic):
    code: ClassVar = "E0517"
    title: ClassVar = "this {what} may be gone, so `{name}` can't be asked for it"
    notes: ClassVar = ("the kernel takes only pointers that it gave out itself, and knows to be valid",)
    help: ClassVar = "{name}[{key}]"
    explanation: ClassVar = """
    A pointer that was read from the kernel's memory, as `current_task().real_parent`, can be followed, which may
    fail; but it can't be given back to the kernel as a task. `current_task()` itself can, written where it is used.

        states[current_task().real_parent] = 1      # wrong
        states[current_task()] = 1                  # right

    So it is with `packet.socket` and `current_cgroup()`.
    """

    name: str
    what: str
    key: str


@final
@dataclass(frozen=True, slots=True)
class OneByOne(Diagnostic):
    code: ClassVar = "E0523"
    title: ClassVar = "`{function}` can't go through the entries of a {kind}"
    notes: ClassVar = ("the kernel hands them out one by one, from the first to the last, {order}",)
    help: ClassVar = "go through them alone: for number, {one} in enumerate({name}):"
    explanation: ClassVar = """
    `for`, `enumerate`, `sum`, `any`, `all`, `min`, `max`, `len` and generator expressions go through the entries of a
    hash map; `zip` and `reversed` would have to ask for an entry by its number, which has none.

        for i, count in zip(range(8), counts.values()):     # wrong
            slots[i] = count

        for i, count in enumerate(counts.values()):         # right
            if i == 8:
                break
            slots[i] = count
    """

    function: str
    name: str
    kind: str
    one: str
    order: str


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
