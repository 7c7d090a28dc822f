"""Loops, and what a program may cost. Codes E02xx."""

from __future__ import annotations

from typing import ClassVar, final

from pyebpf.diagnostics.base import Diagnostic
from pyebpf.records import dataclass


@final
@dataclass(frozen=True, slots=True)
class UnboundedLoop(Diagnostic):
    code: ClassVar = "E0203"
    title: ClassVar = "loop has no provable bound"
    label: ClassVar = "`{bound}` can be as large as {maximum}"
    notes: ClassVar = ("the kernel rejects programs that might not end",)
    help: ClassVar = "bound it: {cure}"
    explanation: ClassVar = """
    The kernel loads a program only if it surely ends. pyebpf follows the values that a loop's range is made of; where
    they can be very large there is no bound.

        for i in range(ctx.count):              # wrong: the count is up to the kernel
        for i in range(min(ctx.count, 64)):     # right
    """

    bound: str
    maximum: str
    cure: str


@final
@dataclass(frozen=True, slots=True)
class TooManyInstructions(Diagnostic):
    code: ClassVar = "E0204"
    title: ClassVar = "the program may run {count:,} instructions"
    label: ClassVar = "this loop runs up to {bound:,} times"
    notes: ClassVar = ("the kernel's verifier gives up after {budget:,} instructions",)
    help: ClassVar = "loop fewer times, or do less in each round"
    explanation: ClassVar = """
    The verifier follows a program instruction by instruction, every round of every loop, and stops at one million
    (Linux 5.2 and later). The count is that of the longest way through the program.
    """

    count: int
    bound: int
    budget: int


@final
@dataclass(frozen=True, slots=True)
class TooMuchToFollow(Diagnostic):
    code: ClassVar = "E0253"
    title: ClassVar = "`{name}` can go in more different ways than the kernel's verifier will follow"
    label: ClassVar = "{share} % of what it would go through belongs here"
    notes: ClassVar = (
        "the verifier follows every way that makes a difference, and gives up after 1,000,000 instructions",
        "it was tried beforehand what it would do with this program",
    )
    help: ClassVar = "decide less inside of loops, loop fewer times, or do a part of it in Python"
    explanation: ClassVar = """
    At every condition whose outcome it can't know, the verifier follows both ways. Where they come together it goes on
    with one of them only if the other can make no difference any more. Conditions on numbers that matter later, inside
    of loops, one after the other, multiply the ways until there are too many of them.

    pyebpf goes through the compiled program as the verifier will, and makes functions of its loops where that helps.
    Where nothing does, this says which loop it is.
    """

    name: str
    share: int


@final
@dataclass(frozen=True, slots=True)
class TooManyBranches(Diagnostic):
    code: ClassVar = "E0207"
    title: ClassVar = "the program may come to {count:,} branches that aren't decided beforehand"
    label: ClassVar = "this loop runs up to {bound:,} times"
    notes: ClassVar = ("the kernel's verifier remembers at most {budget:,} ways that it has not followed yet",)
    help: ClassVar = "loop fewer times, or decide less in each round"
    explanation: ClassVar = """
    At every condition whose outcome it can't know, the verifier follows one way and remembers the other. It remembers
    8,192 of them at a time (Linux 5.2 and later), which a loop with conditions inside may come to.

        for i in range(5000):
            if ctx.args[0] & (1 << i % 64):     # wrong: with the loop's other conditions more than 8,192
                total += 1
    """

    count: int
    bound: int
    budget: int


@final
@dataclass(frozen=True, slots=True)
class StackTooLarge(Diagnostic):
    code: ClassVar = "E0205"
    title: ClassVar = "local structs, arrays and text take {size} bytes beyond the stack, with room for {limit}"
    label: ClassVar = "the largest is `{name}`: {largest} bytes"
    notes: ClassVar = ("what the stack of 512 bytes doesn't hold lies in a per-CPU map, whose values have a limit",)
    help: ClassVar = "keep large data in a map: Array[…](max_entries=1)"
    explanation: ClassVar = """
    Everything local that isn't a number lies on the stack: structs, arrays, text, and the keys and values of map
    operations. The kernel gives a program 512 bytes of it. What doesn't fit lies in a per-CPU map, of which the kernel
    gives 32 KiB.

        page: char[65536] = user_str(p)     # wrong
        page: char[16384] = user_str(p)     # right
    """

    size: int
    limit: int
    name: str
    largest: int


@final
@dataclass(frozen=True, slots=True)
class TooManyValues(Diagnostic):
    code: ClassVar = "E0252"
    title: ClassVar = "`{name}` needs more values at a time than the stack holds"
    notes: ClassVar = ("the kernel gives a program ten registers, and 512 bytes of stack for what they don't hold",)
    help: ClassVar = "read things where they are used, or make two programs of it"
    explanation: ClassVar = """
    Numbers lie in registers, and those that are needed later on the stack meanwhile, or in a map of the program's own
    where there are too many. What the verifier must follow can't lie there: indexes, offsets into a packet, sizes, and
    what decides how long a loop goes on. Where dozens of these are needed at once, the stack is full of them.
    """

    name: str


@final
@dataclass(frozen=True, slots=True)
class ScratchGoesOn(Diagnostic):
    code: ClassVar = "E0440"
    title: ClassVar = "a program at {hook} that goes on as another has no room for more locals than the stack's"
    label: ClassVar = "the largest is `{name}`: {largest} bytes"
    notes: ClassVar = ("another run may interrupt it, so each takes memory of its own, and frees it when it ends",)
    help: ClassVar = "keep large data in a map"
    explanation: ClassVar = """
    Local memory beyond the 512 bytes of the stack lies in a per-CPU map. Where the kernel may run a program again
    before it has ended on the same CPU, every run takes an entry of its own and frees it when it ends. A program that
    goes on as another, by `return jumps[i](packet)`, never ends itself.
    """

    name: str
    largest: int
    hook: str


@final
@dataclass(frozen=True, slots=True)
class Overwritten(Diagnostic):
    code: ClassVar = "E0208"
    title: ClassVar = "the {type} that `{name}` refers to may be gone"
    label: ClassVar = "a later round of the loop has made another in its place"
    notes: ClassVar = ("what a loop makes has one place in memory, which every round uses again",)
    help: ClassVar = "keep what is needed in numbers of its own, or make a new {type} of it"
    explanation: ClassVar = """
    In Python each round of a loop makes a new object. In a probe a struct or array that is made in a loop lies on
    the stack, where the next round makes its own. A name can refer to it until then.

        best = Point()
        for i in range(4):
            point = Point(x=packet.load(i, u8))
            if point.x > best.x:        # wrong, from the second round on
                best = point

        best = Point()
        for i in range(4):
            point = Point(x=packet.load(i, u8))
            if point.x > best.x:        # right: `best` has an object of its own
                best = Point(x=point.x)
    """

    name: str
    type: str


@final
@dataclass(frozen=True, slots=True)
class UnprovenWhile(Diagnostic):
    code: ClassVar = "E0206"
    title: ClassVar = "loop has no provable bound"
    label: ClassVar = "nothing shows that this ends"
    notes: ClassVar = (
        "the kernel rejects programs that might not end",
        (
            "a `while` loop is understood when its test compares a local with a limit, and every round moves the "
            "local towards it"
        ),
    )
    help: ClassVar = "count the rounds: for _ in range(64):{leave}"
    explanation: ClassVar = """
    A `while` loop is accepted when its end can be proven: a local is compared with a limit, and every way round
    the loop moves it towards the limit by a constant, or halves it. Or two locals are compared, and every way round
    moves one of them to the middle between them, as `low = middle + 1` or `high = middle`.

        while n != other:           # wrong
            n = step(n)

        while n > 0:                # right
            n //= 2

        while low < high:           # right
            middle = (low + high) // 2
            if table[middle] < wanted:
                low = middle + 1
            else:
                high = middle
    """

    test: str

    @property
    def leave(self) -> str:
        """What a counted loop needs besides, where the test isn't always true."""
        return "" if self.test in ("True", "1") else f"\n    if not ({self.test}):\n        break"


@final
@dataclass(frozen=True, slots=True)
class UncertainStep(Diagnostic):
    code: ClassVar = "E0230"
    title: ClassVar = "the sign of this range's step isn't certain"
    label: ClassVar = "it can be {low} to {high}"
    notes: ClassVar = ("whether a range counts up or down, and that it isn't zero, must be known beforehand",)
    help: ClassVar = "{cure}"
    explanation: ClassVar = """
    The step of a range is a constant, or a number that is provably greater than zero, or one of a type that is
    negative throughout. Python raises ValueError for a step of zero, and counts down if it is negative.

        for i in range(0, 64, step):            # wrong, if step may be 0 or less
        for i in range(0, 64, max(step, 1)):    # right
    """

    low: str
    high: str
    cure: str


@final
@dataclass(frozen=True, slots=True)
class TooManyCopies(Diagnostic):
    code: ClassVar = "E0231"
    title: ClassVar = "this loop would be written out {count} times"
    notes: ClassVar = (
        "a loop over values of different kinds is written out, a copy of its body for each of them",
        "the copies of a loop, and of those inside it, are {limit} at most",
    )
    help: ClassVar = "loop over numbers, or an array of structs"
    explanation: ClassVar = """
    A loop counts, where all that it goes through has one type and place: ranges, arrays, tuples of numbers. Where the
    items differ (references to structs, maps, texts) the compiler writes the body once for each.

        for counters in (local, remote):
            counters.packets += 1
    """

    count: int
    limit: int
