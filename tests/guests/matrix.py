"""Every guest case on every kernel: compiled here, and loaded, attached, fired and read back there.

    python tests/guests/matrix.py                                     # everything
    python tests/guests/matrix.py --kernel 6.1 --case xdp --case tracepoint

A kernel is started once for all cases (case.py says what a case is). The table says of each: `ok`, `refused` where the
case is for younger kernels and neither is compiled nor loads, or FAILED, with the reasons below it; exit code 1 if
something has failed. The case `tables` tries what pyebpf's tables have first kernels for (facts.py, tables.py). See
machine.py for what all this needs.
"""

from __future__ import annotations

import argparse
import base64
import dataclasses
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final, Literal, final

sys.path.insert(0, str(Path(__file__).resolve().parent))

from case import FOLDER, Case, all_names, read_case
from compiling import Compiled, compiled
from kernels import FOREIGN, SUITES, WITHOUT_JIT, Unavailable, unpacked
from machine import CACHE, place, run
from tables import wrong_rows

from pyebpf.codegen import Worker
from pyebpf.kernel.btf import Btf
from pyebpf.kernel.versions import parse_version

TIMEOUT: Final = 600.0
"""Seconds for one start of a guest."""
TABLES: Final = "tables"
MODULES: Final = ("nf_conntrack", "veth")
"""Whose types cases name."""
NAMES: Final = {"arm64": "aarch64", "s390x": "s390x"}
"""Machines, as `uname -m` says, by Debian's names."""


@final
@dataclass(frozen=True)
class Verdict:
    """How a case went on a kernel."""

    case: str
    kernel: str
    mark: Literal["ok", "refused", "FAILED"]
    why: str
    """What has failed, or who refused it."""
    seconds: float
    """In the guest."""
    programs: int = 0
    """Of which both loaders have made the same."""
    instructions: int = 0
    """In these programs."""


@final
@dataclass(frozen=True)
class Went:
    """All of one kernel, and how long it took, in seconds."""

    kernel: str
    verdicts: tuple[Verdict, ...]
    compiling: float
    running: float


def types_of(kernel: str, cache: Path) -> Btf:
    """The kernel's own types, and those of modules: the guest is asked once, and what it says is kept beside it."""
    kept = cache / kernel / f"{unpacked(kernel, cache).release}-types"
    if not kept.exists():
        with tempfile.TemporaryDirectory(prefix="pyebpf-exchange-") as name:
            modules = "".join(f"/run/modprobe {module} || true; " for module in MODULES)
            # Folders of the exchange don't come back from other machines.
            command = f"{modules} cd /sys/kernel/btf; for name in *; do cp $name /run/exchange/types.$name; done"
            ended = run(kernel, command, Path(name), cache=cache)
            if ended.code != 0:
                raise RuntimeError(f"Linux {kernel} doesn't give its types:\n{ended.console}")
            made = Path(tempfile.mkdtemp(dir=kept.parent))
            for path in Path(name).glob("types.*"):
                shutil.copyfile(path, made / path.name.removeprefix("types."))
            made.rename(kept)
    return Btf.from_folder(kept)


def tried(kernel: str, names: list[str], cache: Path, loader: str) -> Went:
    """Compile the cases and run them in one guest; in another one what is left, if that has died of one."""
    version, start = parse_version(kernel), time.monotonic()
    cases, verdicts = read([name for name in names if name != TABLES], kernel)
    if kernel in FOREIGN:
        names = [name for name in names if name != TABLES]  # what a table says is the same on all machines
    types = types_of(kernel, cache)
    worker = Worker.start()
    try:
        made = [compiled(case, version, types, worker) for case in cases]
    finally:
        worker.close()
    between = time.monotonic()
    left = {number: one for number, one in enumerate(made) if one.elf}
    told = Told({}, None if TABLES in names else {}, "")
    while (left or told.facts is None) and not told.broken:
        told = in_a_guest(kernel, left, told, cache, loader)
        left = {number: one for number, one in left.items() if number not in told.answers}
    verdicts += [verdict(kernel, one, told.answers.get(number), told.broken) for number, one in enumerate(made)]
    if TABLES in names:
        verdicts.append(of_tables(kernel, told))
    return Went(kernel, tuple(verdicts), between - start, time.monotonic() - between)


def read(names: list[str], kernel: str) -> tuple[list[Case], list[Verdict]]:
    """The cases for this kernel's machine, and what is wrong with those that can't be read."""
    machine = NAMES.get(kernel.partition("-")[2], "x86_64")
    cases, wrong = [], []
    for name in names:
        try:
            case = read_case(FOLDER / f"{name}.py")
        except Exception as error:
            wrong.append(Verdict(name, kernel, "FAILED", f"it can't be read: {type(error).__name__}: {error}", 0.0))
            continue
        if case.machines is None or machine in case.machines:
            cases.append(case)
    return cases, wrong


@final
@dataclass(frozen=True)
class Told:
    """What guests have said so far."""

    answers: dict[int, dict[str, Any]]
    """By trial."""
    facts: dict[str, Any] | None
    """None: still to be asked."""
    broken: str
    """What a guest has said that ended by something else than a trial."""


def in_a_guest(kernel: str, left: dict[int, Compiled], told: Told, cache: Path, loader: str) -> Told:
    """What is known after one more start: something more, be it that the guest has died of the first trial."""
    with tempfile.TemporaryDirectory(prefix="pyebpf-exchange-") as name:
        folder = Path(name)
        with open(folder / "trials", "w") as trials:
            for number, one in left.items():
                trial = {"number": number, "case": one.case.name, "loader": loader}
                trial["object"] = base64.b64encode(one.elf).decode()
                print(json.dumps(trial), file=trials)
        python, project = place(kernel)
        inside = f"{project}/tests/guests/trying.py"
        command = f"{python} {inside} /run/exchange {TABLES if told.facts is None else ''}"
        ended = run(kernel, command, folder, cache=cache, timeout=TIMEOUT)
        lines = [json.loads(line) for line in _text(folder / "outcomes").splitlines()]
        facts = json.loads(_text(folder / "facts") or "null") if told.facts is None else told.facts
    answers = {line["number"]: line for line in lines if "stage" in line}
    if ended.code == 0:
        return Told(told.answers | answers, facts, "")
    why = f"the guest has died:\n{last_words(ended.console)}"
    begun = next((line["number"] for line in lines if line["number"] not in answers), None)
    if begun is None:
        return Told(told.answers | answers, facts, why)
    answers[begun] = {"stage": "died", "why": why, "seconds": 0.0}
    return Told(told.answers | answers, facts, "")


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def of_tables(kernel: str, told: Told) -> Verdict:
    """Whether the tables say what was found."""
    if told.facts is None:
        return Verdict(TABLES, kernel, "FAILED", told.broken, 0.0)
    wrong = wrong_rows(parse_version(kernel), told.facts)
    return Verdict(TABLES, kernel, "FAILED" if wrong else "ok", "\n".join(wrong), 0.0)


def last_words(console: str) -> str:
    """Of a console what a kernel says when it panics, or else its end."""
    lines = console.splitlines()
    first = next((number for number, line in enumerate(lines) if "BUG: " in line or "panic" in line), -30)
    return "\n".join(lines[first:][:30])


def verdict(kernel: str, one: Compiled, answer: dict[str, Any] | None, broken: str = "") -> Verdict:
    """Whether what came out is what the case says of this kernel. `broken`: why there may be no answer."""
    if answer is None and one.elf:
        answer = {"stage": "start", "why": broken, "seconds": 0.0}
    stage = answer["stage"] if answer else "compile"
    why, seconds = (answer["why"], answer["seconds"]) if answer else (one.why, 0.0)
    mark: Literal["ok", "refused", "FAILED"] = "FAILED"
    version, machine = parse_version(kernel), NAMES.get(kernel.partition("-")[2], "x86_64")
    lacking = (one.case.jit and kernel in WITHOUT_JIT) or version < one.case.later.get(machine, version)
    if one.case.works(version) and not lacking:
        mark = "ok" if stage == "ok" else "FAILED"
        why = f"{stage}: {why}" if mark == "FAILED" else ""
    elif stage in ("compile", "load", "attach", *(("check",) if one.case.loads else ())):
        mark = "refused"
        if one.accepted and not (one.case.portable or one.case.foreign or one.case.loads or lacking):
            mark, why = "FAILED", f"the compiler takes it for Linux {kernel}, and the kernel doesn't: {why}"
    else:
        why = f"Linux {kernel} takes it, and the case says that it is only for {span(one.case)}: {why}"
    programs, instructions = (answer or {}).get("equal", (0, 0))
    return Verdict(one.case.name, kernel, mark, why, seconds, programs, instructions)


def span(case: Case) -> str:
    first = ".".join(map(str, case.since))
    return f"{first} to {'.'.join(map(str, case.until))}" if case.until else f"{first} and later"


def table(rounds: list[Went]) -> str:
    """A line for each case, a column for each kernel, and the times."""
    found = {(one.case, one.kernel): one for went in rounds for one in went.verdicts}
    names = list(dict.fromkeys(case for case, _ in found))
    width = max(map(len, [*names, "compile, run (s)"]))
    lines = [" ".join([" " * width, *(f"{went.kernel:>10}" for went in rounds)])]
    for name in names:
        cells = (found.get((name, went.kernel)) for went in rounds)
        lines.append(" ".join([f"{name:<{width}}", *(f"{cell.mark if cell else '':>10}" for cell in cells)]))
    times = (f"{f'{went.compiling:.0f}, {went.running:.0f}':>10}" for went in rounds)
    return "\n".join([*lines, " ".join([f"{'compile, run (s)':<{width}}", *times])])


def counted(went: Went) -> str:
    """How much was compared."""
    programs = sum(one.programs for one in went.verdicts)
    instructions = sum(one.instructions for one in went.verdicts)
    return f"Linux {went.kernel}: {programs} programs, {instructions} instructions equal by pyebpf and libbpf"


def all_rounds(kernels: list[str], names: list[str], given: argparse.Namespace) -> Iterator[Went]:
    """Each kernel in a process of its own."""
    with ProcessPoolExecutor(given.jobs, mp_context=get_context("spawn")) as pool:
        count = len(kernels)
        yield from pool.map(tried, kernels, [names] * count, [given.cache] * count, [given.loader] * count)


def main(arguments: Iterable[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--kernel", choices=(*SUITES, *FOREIGN), action="append", help="all of them unless given")
    names = [*all_names(), TABLES]
    parser.add_argument("--case", choices=names, action="append", help="all of them unless given", metavar="NAME")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="kernels at a time (default: %(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where the verdicts go, a line each")
    parser.add_argument("--cache", type=Path, default=CACHE, help="where kernels are kept (default: %(default)s)")
    loaders = "libbpf loads and attaches the cases that are PORTABLE, which must give the same; "
    loaders += "both load all cases that libbpf can, and the kernel must have the same instructions of both"
    parser.add_argument("--loader", choices=("pyebpf", "libbpf", "both"), default="pyebpf", help=loaders)
    given = parser.parse_args(arguments)
    kernels = [*SUITES, *FOREIGN] if given.loader == "pyebpf" else [*SUITES]  # no libbpf on the other machines
    if given.loader == "libbpf":
        names = [name for name in all_names() if read_case(FOLDER / f"{name}.py").portable]
    if given.loader != "pyebpf":
        names = [name for name in names if name != TABLES and read_case(FOLDER / f"{name}.py").libbpf]
    try:
        rounds = list(all_rounds(given.kernel or kernels, given.case or names, given))
    except (Unavailable, FileNotFoundError) as error:  # no kernel, no qemu, no virtiofsd
        print(f"the kernel matrix can't run: {error}", file=sys.stderr)
        return 1
    verdicts = [one for went in rounds for one in went.verdicts]
    if given.json:
        given.json.write_text("".join(json.dumps(dataclasses.asdict(one)) + "\n" for one in verdicts))
    print(table(rounds))
    if given.loader == "both":
        print(*map(counted, rounds), sep="\n")
    failed = [one for one in verdicts if one.mark == "FAILED"]
    for one in failed:
        print(f"\n{one.case} on Linux {one.kernel}: {one.why}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
