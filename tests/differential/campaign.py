"""Random programs by CPython and by the kernel, as many as you like.

    python tests/differential/campaign.py --programs 100000 --seed 7 --jobs 2

Program number n of a seed is always the same one: `--from N` goes on where a campaign stopped, `--only N` shows and
tries a single one. Every difference is printed with its number and a program that was made smaller. Exit code 1 if
there is any. Needs root.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Final, final

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[2])]

from running import Kernel
from shorten import shorten
from trial import Finding, Program, Tally, attempt, make

from pyebpf import building
from pyebpf.codegen import Worker
from pyebpf.kernel.versions import parse_version
from pyebpf.records import dataclass

BATCH: Final = 25
"""Programs that one process takes at a time."""
REPORT_EVERY: Final = 30.0
"""Seconds between two lines about the progress."""


@final
@dataclass(frozen=True)
class Options:
    """What the programs depend on, besides their numbers."""

    seed: str
    cases: int
    kernel: str
    shorten: bool
    simulate: int
    """One program in so many is run by the simulator as well, 0 for none."""
    plan: int = 0
    """Which of the compiler's plans comes first: others than 0 are for programs that are much for the verifier."""


@final
@dataclass(frozen=True)
class Batch:
    """What a process has to say of the programs from `first` on."""

    first: int
    count: int
    tally: Tally
    reports: tuple[str, ...]


_PLANS: Final = building.PLANS
_kernel: Kernel | None = None
"""This process's code generator: starting one takes longer than a program."""


def kernel(options: Options) -> Kernel:
    """The code generator, started anew when LLVM has ended the last one."""
    global _kernel
    if _kernel is None:
        building.PLANS = _PLANS[options.plan :]  # type: ignore[misc]
        _kernel = Kernel(Worker.start(), parse_version(options.kernel) if options.kernel else None)
    return _kernel


def run_batch(options: Options, first: int, count: int) -> Batch:
    """Try `count` programs."""
    tally, reports, start = Tally(), [], time.process_time()
    for number in range(first, first + count):
        program = make(f"{options.seed}:{number}", options.cases)
        simulate = options.simulate > 0 and number % options.simulate == 0
        finding = attempt(kernel(options), program, tally, simulate=simulate)
        if finding is not None:
            tally.counts["findings"] += 1
            reports.append(report(options, number, program, finding))
    tally.counts["milliseconds"] += int(1000 * (time.process_time() - start))
    return Batch(first, count, tally, tuple(reports))


def report(options: Options, number: int, program: Program, finding: Finding) -> str:
    """The finding in words, with the smallest program that shows it."""
    global _kernel
    _kernel = None  # it may be what has died
    if options.shorten:
        program = shorten(kernel(options), program, finding)
        finding = attempt(kernel(options), program, Tally()) or finding
    parts = [f"## --seed {options.seed} --only {number}: {finding.kind}", finding.detail, program.probe.strip()]
    if finding.kind.startswith("differs"):
        parts.append(program.python.strip())
    return "\n\n".join(parts) + "\n"


def campaign(options: Options, first: int, programs: int, jobs: int, seconds: float) -> Tally:
    """All of it: hand out batches, print findings when they come, and how far everything is done."""
    tally, start, told, end = Tally(), time.monotonic(), time.monotonic(), first + programs
    batches = iter(range(first, end, BATCH))
    done: set[int] = set()
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:

        def submitted(count: int) -> Iterator[Future[Batch]]:
            if time.monotonic() - start < seconds:
                for number in islice(batches, count):
                    yield pool.submit(run_batch, options, number, min(BATCH, end - number))

        pending = set(submitted(2 * jobs))
        while pending:
            finished, pending = wait(pending, return_when="FIRST_COMPLETED")
            pending |= set(submitted(len(finished)))
            for future in finished:
                batch = future.result()
                tally.add(batch.tally)
                done.add(batch.first)
                for text in batch.reports:
                    print(text, flush=True)
            if time.monotonic() - told > REPORT_EVERY:
                told = time.monotonic()
                print(summary(tally, told - start), f"(go on with --from {min(_next(first, done), end)})", flush=True)
    print(summary(tally, time.monotonic() - start), f"(go on with --from {min(_next(first, done), end)})")
    return tally


def _next(first: int, done: set[int]) -> int:
    """The first program that wasn't tried."""
    while first in done:
        first += BATCH
    return first


def summary(tally: Tally, seconds: float) -> str:
    """The figures in a line."""
    counts = tally.counts
    refused = ", ".join(f"{code} {count}" for code, count in sorted(tally.refusals.items())) or "none"
    faults = ", ".join(f"{name} {count}" for name, count in sorted(tally.faults.items())) or "none"
    return (
        f"{counts['programs']} programs: {counts['accepted']} accepted, {counts['loaded']} loaded; refused: {refused}; "
        f"{counts['kernel runs']} runs by the kernel and {counts['simulator runs']} by the simulator compared, of them "
        f"ended by faults: {faults}; {counts['findings']} findings; {seconds:.0f} s, "
        f"{counts['programs'] / max(seconds, 1e-9):.1f} programs a second, each "
        f"{counts['milliseconds'] / max(counts['programs'], 1):.0f} ms of a processor without LLVM's"
    )


def show(options: Options, number: int) -> int:
    """One program, as it is, and what comes of it."""
    program = make(f"{options.seed}:{number}", options.cases)
    print(program.probe, program.python, sep="\n")
    batch = run_batch(options, number, 1)
    print(*batch.reports, summary(batch.tally, 0), sep="\n")
    return len(batch.reports)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--programs", type=int, default=1000, metavar="N")
    parser.add_argument("--seed", default="1", help="any text; other programs for each")
    parser.add_argument("--from", type=int, default=0, metavar="N", dest="first", help="the first program's number")
    parser.add_argument("--only", type=int, metavar="N", help="show and try this program alone")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes side by side")
    parser.add_argument("--cases", type=int, default=4, metavar="N", help="inputs for each program")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="start nothing new after that time")
    parser.add_argument("--kernel", default="", metavar="VERSION", help="compile for this kernel, as pyebpf --kernel")
    parser.add_argument("--no-shorten", action="store_true", help="print programs with findings as they are")
    parser.add_argument(
        "--simulate", type=int, default=1, metavar="N", help="simulate one program in N as well; 0: none"
    )
    parser.add_argument("--plan", type=int, default=0, metavar="N", help="begin with the compiler's plan number N")
    given = parser.parse_args()
    options = Options(given.seed, given.cases, given.kernel, not given.no_shorten, given.simulate, given.plan)
    if given.only is not None:
        return 1 if show(options, given.only) else 0
    try:
        tally = campaign(options, given.first, given.programs, given.jobs, given.seconds)
    except BrokenProcessPool:
        print("a process has died; run the last batches again with --jobs 1", file=sys.stderr)
        return 2
    return 1 if tally.counts["findings"] else 0


if __name__ == "__main__":
    sys.exit(main())
