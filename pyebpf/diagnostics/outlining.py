"""Loops that become functions, and functions that programs call. Codes E025x and E026x."""

from __future__ import annotations

from typing import ClassVar, final

from pyebpf.diagnostics.base import Diagnostic
from pyebpf.records import dataclass


@final
@dataclass(frozen=True, slots=True)
class RunsTooLong(Diagnostic):
    code: ClassVar = "E0250"
    title: ClassVar = "the program may run about {count:,} instructions each time"
    label: ClassVar = "this loop runs up to {bound:,} times"
    notes: ClassVar = ("nothing else runs on the processor meanwhile; pyebpf stops at {budget:,}",)
    help: ClassVar = "loop fewer times, or spread the work over several runs of the program"
    explanation: ClassVar = """
    A large loop becomes a function that the kernel runs again and again (`bpf_loop`), and the verifier follows only
    some of its rounds. So the verifier sets no limit to what loops inside of loops can add up to; but a processor that
    runs a program does nothing else, and the kernel reports it as stuck after some seconds.

        for i in range(1_000_000):
            for j in range(1_000_000):      # wrong: that would take the better part of an hour
                ...
    """

    count: int
    bound: int
    budget: int


@final
@dataclass(frozen=True, slots=True)
class LoopTooNew(Diagnostic):
    code: ClassVar = "E0251"
    title: ClassVar = "a loop of this size needs Linux {since}, and this is compiled for {kernel}"
    label: ClassVar = "up to {bound:,} times, which the verifier would follow for about {count:,} instructions"
    notes: ClassVar = (
        "the verifier follows every round of a loop, and gives up after 1,000,000 instructions",
        "Linux {since} can run it as a function instead ({what})",
    )
    help: ClassVar = "loop fewer times, or decide less in each round; or compile for a later kernel: --kernel {since}"
    explanation: ClassVar = """
    Loops that the verifier can't follow round by round become functions that the kernel runs again and again. Linux
    5.17 brought `bpf_loop` for that; loops that also move a reference from round to round need Linux 6.7, which was
    the first to verify such functions for more than one round.
    """

    since: str
    kernel: str
    what: str
    bound: int
    count: int


@final
@dataclass(frozen=True, slots=True)
class ReferenceMoved(Diagnostic):
    code: ClassVar = "E0254"
    title: ClassVar = "{loop} can't give `{name}` another local struct or array"
    notes: ClassVar = (
        "the kernel runs such a loop as a function of its own, which can't keep addresses of the program's stack",
    )
    help: ClassVar = "remember which one it is by a number, or copy what is needed: {name}.field = …"
    explanation: ClassVar = """
    A name that refers to a local struct or array holds an address of the stack. The verifier lets no function write
    such an address where its caller would find it. References to entries of maps may go from round to round.

        for key, value in table.items():
            best = first if value > 5 else second       # wrong: both are local

        for key, value in table.items():
            large = value > 5                           # right
        best = first if large else second

    The same goes for a loop of so many rounds that the verifier can't follow them one by one.

        for i in range(100_000):
            if (n := load(i)) > best.n:
                best = Found(n, i)                      # wrong
                best.n, best.at = n, i                  # right
    """

    loop: str
    name: str
