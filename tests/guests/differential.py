"""Random programs, compiled for another kernel, run by that kernel in a virtual machine, and compared with CPython.

    python tests/guests/differential.py --kernel 5.10 --programs 2000

Programs are those of `tests/differential/campaign.py` with the same seed. Exit code 1 if one that was accepted isn't
loaded, or differs. See machine.py for what it needs.
"""

from __future__ import annotations

import argparse
import base64
import json
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

sys.path[:0] = [
    str(Path(__file__).parent),
    str(Path(__file__).parents[1] / "differential"),
    str(Path(__file__).parents[2]),
]

from kernels import SUITES
from machine import CACHE, run
from running import Inputs, Kernel, Outcome, run_python
from trial import Program, make

from pyebpf import CompileError
from pyebpf.codegen import Worker
from pyebpf.kernel.versions import parse_version


def compiled(version: str, seed: str, count: int, cases: int, folder: Path) -> tuple[dict[int, Program], Counter[str]]:
    """Write what the guest is to run; the programs, and how many were refused for what."""
    programs, refused = {}, Counter[str]()
    with Worker.start() as worker, open(folder / "programs", "w") as file:
        kernel = Kernel(worker, parse_version(version))
        for number in range(count):
            program = make(f"{seed}:{number}", cases)
            try:
                code = kernel.compile(program.probe)
            except CompileError as error:
                refused[" ".join(sorted({diagnostic.code for diagnostic in error.diagnostics}))] += 1
                continue
            programs[number] = program
            given = [[case.numbers, case.array, case.name, case.table] for case in program.cases]
            line = {"number": number, "object": base64.b64encode(code).decode(), "cases": given}
            file.write(json.dumps(line) + "\n")
    return programs, refused


def difference(program: Program, answer: dict[str, Any] | None) -> str:
    """What is wrong with the guest's answer, or ""."""
    if answer is None:
        return "no answer"
    if "error" in answer:
        return str(answer["error"])
    for case, values in zip(program.cases, answer["outcomes"], strict=True):
        outputs, fault, entry, table = values
        outcome = Outcome(outputs, fault, tuple(entry), {int(key): value for key, value in table.items()})
        if (expected := _expected(program, case)) != outcome:
            return f"{case}\nPython: {expected}\nkernel: {outcome}"
    return ""


def _expected(program: Program, case: Inputs) -> Outcome:
    return run_python(program.python, case)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--kernel", choices=tuple(SUITES), required=True)
    parser.add_argument("--programs", type=int, default=200, metavar="N")
    parser.add_argument("--seed", default="1", help="any text; other programs for each")
    parser.add_argument("--cases", type=int, default=4, metavar="N", help="inputs for each program")
    parser.add_argument("--cache", type=Path, default=CACHE, help="where kernels are kept (default: %(default)s)")
    parser.add_argument("--timeout", type=float, default=3600.0, metavar="SECONDS", help="for the guest")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pyebpf-exchange-") as name:
        folder = Path(name)
        programs, refused = compiled(given.kernel, given.seed, given.programs, given.cases, folder)
        inside = Path(__file__).resolve().parent / "inside.py"
        command = f"{sys.executable} {inside} /run/exchange"
        ended = run(given.kernel, command, folder, cache=given.cache, timeout=given.timeout)
        path = folder / "outcomes"
        answers = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    if ended.code != 0:
        print(ended.console)
    found = {answer["number"]: answer for answer in answers}
    findings = 0
    for number, program in programs.items():
        what = difference(program, found.get(number))
        if what:
            findings += 1
            print(f"## Linux {given.kernel}, --seed {given.seed}, number {number}: {what}\n\n{program.probe}\n")
    refusals = ", ".join(f"{code} {count}" for code, count in sorted(refused.items())) or "none"
    print(
        f"Linux {given.kernel}: {given.programs} programs, {len(programs)} accepted (refused: {refusals}), "
        f"{len(programs) * given.cases} runs compared; {findings} findings"
    )
    return 1 if findings or ended.code != 0 else 0


if __name__ == "__main__":
    sys.exit(main())
