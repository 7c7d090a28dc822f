"""Random programs, compiled for another kernel, run by that kernel in a virtual machine, and compared with CPython.

    python tests/guests/differential.py --kernel 5.10 --programs 2000 --jobs 2

Programs are those of `tests/differential/campaign.py` with the same seed. While a guest runs some, the next ones are
compiled. Exit code 1 if a program that was accepted isn't loaded, or differs, or if the verifier went through far more
instructions than the compiler had expected. See machine.py for what it needs.
"""

from __future__ import annotations

import argparse
import base64
import json
import sys
import tempfile
from collections import Counter
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any, Final

sys.path[:0] = [
    str(Path(__file__).parent),
    str(Path(__file__).parents[1] / "differential"),
    str(Path(__file__).parents[2]),
]

from kernels import FOREIGN, SUITES, WITHOUT_JIT
from machine import CACHE, place, run
from running import Kernel, Outcome, checks, run_python, written
from trial import Program, make, time_limit

from pyebpf import CompileError
from pyebpf.building import LAST, WITH_FUNCTIONS
from pyebpf.checks.cost import BUDGET
from pyebpf.codegen import Worker
from pyebpf.effort import measure, rules_for
from pyebpf.kernel.btf import Btf
from pyebpf.kernel.versions import parse_version

CHUNK: Final = 25
"""Programs that one process compiles at a time."""
MARGIN: Final = 1.1
"""A program that is just taken must stay so far below the million instructions at which the verifier stops."""
TYPES: Final = {"6.12-s390x": Btf.empty(big_endian=True)}
"""Byte orders other than this machine's; the programs need no types of the kernel."""
LARGE: Final = 1000
"""Instructions from which on that matters."""


@dataclass(frozen=True)
class Options:
    """What the programs depend on, besides their numbers."""

    version: str
    seed: str
    cases: int

    @property
    def fewest(self) -> float:
        """Of each instruction that the verifier goes through, how much the compiler must find beforehand."""
        return MARGIN * (WITH_FUNCTIONS if rules_for(parse_version(self.version)).circles else LAST) / BUDGET


@dataclass
class Tally:
    """How it went."""

    counts: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    lines: dict[int, str] = field(default_factory=dict)
    """By number, what the guest is to run."""
    expected: dict[int, int] = field(default_factory=dict)
    """By number, the instructions that the compiler expects the verifier to go through."""
    verified: dict[int, int] = field(default_factory=dict)
    """By number, how many it went through."""
    reports: list[str] = field(default_factory=list)


_kernel: Kernel | None = None
"""This process's code generator."""


def compiled(options: Options, numbers: range) -> Tally:
    """Compile some programs."""
    global _kernel
    tally = Tally()
    for number in numbers:
        _kernel = _kernel or Kernel(Worker.start(), parse_version(options.version))
        program = make(f"{options.seed}:{number}", options.cases)
        tally.counts["programs"] += 1
        try:
            with time_limit(), written(program.probe) as path:
                built = _kernel.built(checks(path, _kernel.target, TYPES.get(options.version)))
        except CompileError as error:
            tally.refused[" ".join(sorted({diagnostic.code for diagnostic in error.diagnostics}))] += 1
            continue
        except Exception as error:
            tally.reports.append(report(options, number, program, f"{type(error).__name__}: {error}"))
            _kernel = None  # it may be what has died
            continue
        tally.counts["accepted"] += 1
        made = built.object
        rules = rules_for(_kernel.target)
        tally.expected[number] = sum(measure(made, each, BUDGET, rules).instructions for each in made.programs)
        given = [[case.numbers, case.array, case.name, case.table] for case in program.cases]
        code = base64.b64encode(made.elf).decode()
        tally.lines[number] = json.dumps({"number": number, "object": code, "cases": given}) + "\n"
    return tally


def report(options: Options, number: int, program: Program, what: str) -> str:
    return f"## Linux {options.version}, --seed {options.seed} --from {number}: {what}\n\n{program.probe}\n"


def add(total: Tally, options: Options, part: Tally, given: argparse.Namespace) -> None:
    """Run what was compiled in one guest, and count it all."""
    total.counts += part.counts
    total.refused += part.refused
    total.reports += part.reports
    answers = in_a_guest(options, part, given) if part.lines else {}
    for number in part.lines:
        program, answer = make(f"{options.seed}:{number}", options.cases), answers.get(number)
        if options.version in WITHOUT_JIT and answer is not None and "non-JITed programs" in answer.get("error", ""):
            total.counts["untranslated"] += 1  # it has loops that are functions
            continue
        what = difference(program, answer)
        if answer is not None and "outcomes" in answer:
            total.counts["loaded"] += 1
            total.counts["runs"] += len(answer["outcomes"])
            expected, verified = part.expected[number], answer["verified"]
            total.expected[number], total.verified[number] = expected, verified
            if verified >= LARGE and expected < options.fewest * verified:
                what = what or f"the verifier went through {verified} instructions, {expected} were expected"
        if what:
            total.reports.append(report(options, number, program, what))


def in_a_guest(options: Options, part: Tally, given: argparse.Namespace) -> dict[int, dict[str, Any]]:
    """The guest's answers, by number."""
    with tempfile.TemporaryDirectory(prefix="pyebpf-exchange-") as name:
        folder = Path(name)
        (folder / "programs").write_text("".join(part.lines.values()))
        python, project = place(options.version)
        command = f"{python} {project}/tests/guests/inside.py /run/exchange"
        ended = run(options.version, command, folder, cache=given.cache, timeout=given.timeout)
        path = folder / "outcomes"
        answers = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    if ended.code != 0:
        print(ended.console)
    return {answer["number"]: answer for answer in answers}


def difference(program: Program, answer: dict[str, Any] | None) -> str:
    """What is wrong with the guest's answer, or ""."""
    if answer is None:
        return "no answer"
    if "error" in answer:
        return str(answer["error"])
    for case, values in zip(program.cases, answer["outcomes"], strict=True):
        outputs, fault, entry, table = values
        outcome = Outcome(outputs, fault, tuple(entry), {int(key): value for key, value in table.items()})
        if (expected := run_python(program.python, case)) != outcome:
            return f"{case}\nPython: {expected}\nkernel: {outcome}"
    return ""


def joined(parts: list[Tally]) -> Tally:
    """What several processes have compiled."""
    total = Tally()
    for part in parts:
        total.counts += part.counts
        total.refused += part.refused
        total.lines |= part.lines
        total.expected |= part.expected
        total.reports += part.reports
    return total


def summary(options: Options, tally: Tally) -> str:
    """The figures in two lines."""
    counts = tally.counts
    refused = ", ".join(f"{code} {count}" for code, count in sorted(tally.refused.items())) or "none"
    untranslated = f", {counts['untranslated']} need BPF_JIT" if counts["untranslated"] else ""
    first = (
        f"Linux {options.version}: {counts['programs']} programs, {counts['accepted']} accepted (refused: {refused}), "
        f"{counts['loaded']} loaded{untranslated}, {counts['runs']} runs compared; {len(tally.reports)} findings"
    )
    lines = [first]
    for least in (1, LARGE):
        ratios = {
            number: tally.expected[number] / verified
            for number, verified in tally.verified.items()
            if verified >= least
        }
        if ratios:
            fewest, most = min(ratios, key=ratios.__getitem__), max(ratios, key=ratios.__getitem__)
            lines.append(
                f"  instructions expected for each that the verifier went through, {len(ratios)} programs of {least} "
                f"or more: min {ratios[fewest]:.2f} (number {fewest}), median {median(ratios.values()):.2f}, "
                f"max {ratios[most]:.2f} (number {most})"
            )
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--kernel", choices=(*SUITES, *FOREIGN), required=True)
    parser.add_argument("--programs", type=int, default=200, metavar="N")
    parser.add_argument("--from", type=int, default=0, metavar="N", dest="first", help="the first program's number")
    parser.add_argument("--seed", default="1", help="any text; other programs for each")
    parser.add_argument("--cases", type=int, default=4, metavar="N", help="inputs for each program")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes that compile")
    parser.add_argument("--batch", type=int, default=100, metavar="N", help="programs for each start of a guest")
    parser.add_argument("--cache", type=Path, default=CACHE, help="where kernels are kept (default: %(default)s)")
    parser.add_argument("--timeout", type=float, default=1800.0, metavar="SECONDS", help="for a guest")
    given = parser.parse_args()
    options, total, told = Options(given.kernel, given.seed, given.cases), Tally(), 0
    numbers = range(given.first, given.first + given.programs)
    batches = [numbers[at : at + given.batch] for at in range(0, len(numbers), given.batch)]
    with ProcessPoolExecutor(given.jobs, mp_context=get_context("spawn")) as pool:
        work: list[list[Future[Tally]]] = [
            [pool.submit(compiled, options, batch[at : at + CHUNK]) for at in range(0, len(batch), CHUNK)]
            for batch in batches
        ]
        for futures in work:
            add(total, options, joined([future.result() for future in futures]), given)
            print(*total.reports[told:], summary(options, total), sep="\n", flush=True)
            told = len(total.reports)
    return 1 if total.reports else 0


if __name__ == "__main__":
    sys.exit(main())
