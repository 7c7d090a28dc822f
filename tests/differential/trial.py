"""One random program, tried: generated, compiled, loaded, run on several inputs, and compared with CPython."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from types import FrameType
from typing import Final, final

from generate import ELEMENTS, FIELDS, I64, WORDS, Generator, Range
from running import Inputs, Kernel, Outcome, checks, run_python, written
from simulated import run_checked

from pyebpf import CompileError
from pyebpf.ir.ranges import exact
from pyebpf.loader.errors import LoadError
from pyebpf.plan import Plan

REFUSED: Final = frozenset({"E0204", "E0205", "E0207", "E0223", "E0253", "E0405", "E0406", "E0407", "E0408", "E0412"})
"""What a random program may be refused for: too many instructions, branches or ways, too much stack, what always fails,
a constant that 64 bits don't hold, a constant index out of range, division by 0, a shift by less than 0, an item of a
tuple of which some are u64 and others may be negative."""
LONGEST: Final = 30
"""Seconds of processor time for one program before it is reported as a hang."""


class Hang(Exception):
    """Nothing came out in `LONGEST` seconds."""


@final
@dataclass(frozen=True)
class Program:
    """What a seed stands for: the probe, its reference, and what both are run on."""

    probe: str
    python: str
    cases: tuple[Inputs, ...]


@final
@dataclass(frozen=True)
class Finding:
    """Something that is a fault of the compiler. `kind` is what a smaller program must show as well."""

    kind: str
    detail: str
    case: Inputs | None = None


@final
@dataclass
class Tally:
    """How it went with many programs."""

    counts: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)

    def add(self, other: Tally) -> None:
        self.counts += other.counts
        self.refusals += other.refusals
        self.faults += other.faults


def number(random: Random, range: Range) -> int:
    """A number of the range: small, at an edge, or any."""
    low, high = range
    match random.randrange(3):
        case 0:
            return random.randint(max(low, -300), min(high, 300))
        case 1:
            return random.choice([x for x in (low, low + 1, high - 1, high, 0, 1, 7, 8) if low <= x <= high])
        case _:
            return random.randint(low, high)


def inputs(random: Random) -> Inputs:
    """What a program is run on."""
    numbers = tuple(number(random, range) for range in FIELDS.values())
    array = tuple(number(random, (0, 2**16 - 1)) for _ in range(ELEMENTS))
    table = {random.randrange(4): number(random, I64) for _ in range(random.randrange(5))}
    return Inputs((*numbers, random.random() < 0.5), array, random.choice(WORDS), table)


def make(seed: str, cases: int) -> Program:
    """The program of a seed; the same one each time."""
    random = Random(seed)
    probe, python = Generator(random, exact).program()
    return Program(probe, python, tuple(inputs(random) for _ in range(cases)))


def attempt(kernel: Kernel, program: Program, tally: Tally, *, simulate: bool = True) -> Finding | None:
    """Try the program; what is wrong with the compiler, if anything is."""
    tally.counts["programs"] += 1
    try:
        with time_limit(), written(program.probe) as path:
            check = checks(path, kernel.target)
            if simulate:
                simulated = run_checked(check(Plan()), list(program.cases), program.probe)
                found = _compare(program, simulated, tally, "simulator")
                if found is not None:
                    return found
            outcomes = kernel.run_object(kernel.build(check), list(program.cases))
    except CompileError as error:
        codes = sorted({diagnostic.code for diagnostic in error.diagnostics})
        tally.refusals[" ".join(codes)] += 1
        return None if REFUSED.issuperset(codes) else Finding(f"refused {' '.join(codes)}", str(error))
    except LoadError as error:
        tally.counts["accepted"] += 1
        return Finding(f"kernel: {type(error).__name__}", str(error))
    except Hang:
        return Finding("hang", f"no answer in {LONGEST} s")
    except AssertionError as error:
        return Finding("asserted", str(error))
    except Exception as error:  # InternalError, or whatever else escaped
        return Finding(f"internal: {type(error).__name__}", str(error))
    tally.counts["accepted"] += 1
    tally.counts["loaded"] += 1
    return _compare(program, outcomes, tally, "kernel")


def _compare(program: Program, outcomes: list[Outcome], tally: Tally, where: str) -> Finding | None:
    for case, outcome in zip(program.cases, outcomes, strict=True):
        expected = run_python(program.python, case)
        tally.counts[f"{where} runs"] += 1
        if expected.fault and where == "kernel":
            tally.faults[expected.fault.split()[0]] += 1
        if expected != outcome:
            return Finding(f"differs in the {where}", f"{case}\nPython: {expected}\n{where}: {outcome}", case)
    return None


@contextmanager
def time_limit() -> Iterator[None]:
    """Raises Hang after `LONGEST` seconds."""

    def ring(number: int, frame: FrameType | None) -> None:
        raise Hang

    before = signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, LONGEST)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
