"""What of BPF works where: for each facility whether its programs load, attach and fire. Natively, and in the guests.

    python tests/guests/facilities.py                            # here, and on all guests for this machine
    python tests/guests/facilities.py --native                   # here alone
    python tests/guests/facilities.py --kernel 6.1 --markdown FILE

Programs are the guest cases (case.py), loaded, attached and fired by the project's own means; what maps can be made and
which instructions run is tried as `facts.py` does. A cell is three letters: loads, attaches, fires; `y`, `n`, or `-`
where there is nothing to do; the reason for each `n` stands below. Exit code 1 if something doesn't work that should:
what a case says is its first kernel, and what facility_rows.py says that kernels lack.

Here everything happens in a mount namespace of its own; cases make their networks and cgroups themselves, and those
that could refuse something to others are only loaded. Needs root; for guests what machine.py says.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, final

HERE: Final = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from case import Case
from compiling import Compiled, compiled
from facility_rows import FACILITIES, Facility
from kernels import SUITES, Unavailable
from machine import CACHE
from matrix import TABLES, Told, in_a_guest, read, types_of

from pyebpf.codegen import Worker
from pyebpf.kernel.btf import Btf
from pyebpf.kernel.versions import Version, parse_version

NATIVE: Final = "here"
DEBIAN: Final = {"aarch64": "arm64", "s390x": "s390x"}
"""Machines, by `uname -m`, as Debian calls them."""
SCRIPT: Final = r"""
mount -t tmpfs tmpfs /run && printf '#!/bin/sh\nexit 0\n' >/run/modprobe && chmod +x /run/modprobe
mount -t cgroup2 cgroup /sys/fs/cgroup && mount -t bpf bpf /sys/fs/bpf && mount -t tracefs tracefs /sys/kernel/tracing
"$@"
code=$?
rmdir /sys/fs/cgroup/case-* 2>/dev/null
exit $code
"""
"""What a guest's init does, for a mount namespace here."""
LETTERS: Final = {"ok": "yyy", "check": "yyn", "died": "yyn", "attach": "yn", "load": "n", "compile": "n", "start": "n"}
"""By how far a case came."""


@final
@dataclass(frozen=True)
class Cell:
    """A facility on a kernel."""

    letters: str
    why: str = ""
    wrong: bool = False
    """It should work."""


@final
@dataclass(frozen=True)
class Column:
    """A kernel."""

    name: str
    release: str
    cells: dict[str, Cell]


@final
@dataclass(frozen=True)
class Answers:
    """What each case said on a kernel, what facts.py says, which cases can't be read, and what has broken."""

    cases: dict[str, tuple[Compiled, dict[str, Any]]]
    facts: dict[str, Any]
    unreadable: dict[str, str]
    broken: str


def answers(kernel: str, cache: Path) -> Answers:
    """Compile the cases, and have them run there."""
    names = sorted({row.case for row in FACILITIES if row.case})
    native = kernel == NATIVE
    cases, unreadable = read(names, "-" + DEBIAN.get(platform.machine(), "") if native else kernel)
    types = Btf.from_folder(Path("/sys/kernel/btf")) if native else types_of(kernel, cache)
    version = version_of(kernel)
    worker = Worker.start()
    try:
        made = {number: compiled(case, version, types, worker) for number, case in enumerate(cases)}
    finally:
        worker.close()
    left = {number: one for number, one in made.items() if one.elf}
    told = Told({}, None, "")
    while (left or told.facts is None) and not told.broken:
        told = natively(left) if native else in_a_guest(kernel, left, told, cache, "pyebpf")
        left = {number: one for number, one in left.items() if number not in told.answers}
    nothing = {"stage": "compile"}
    found = {
        one.case.name: (one, told.answers.get(number, {**nothing, "why": one.why or told.broken}))
        for number, one in made.items()
    }
    return Answers(found, told.facts or {}, {one.case: one.why for one in unreadable}, told.broken)


def version_of(kernel: str) -> Version:
    return parse_version(platform.release() if kernel == NATIVE else kernel)


def natively(left: dict[int, Compiled]) -> Told:
    """As `in_a_guest`, here."""
    only_load = {row.case for row in FACILITIES if row.guests_only}
    with tempfile.TemporaryDirectory(prefix="pyebpf-exchange-") as name:
        folder = Path(name)
        with open(folder / "trials", "w") as trials:
            for number, one in left.items():
                trial = {"number": number, "case": one.case.name, "loader": "pyebpf", "shared": True}
                trial |= {"object": base64.b64encode(one.elf).decode(), "only_load": one.case.name in only_load}
                print(json.dumps(trial), file=trials)
        inside = [sys.executable, str(HERE / "trying.py"), str(folder), TABLES]
        command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", SCRIPT, "sh", *inside]
        done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
        lines = [json.loads(line) for line in (folder / "outcomes").read_text().splitlines()]
        facts = json.loads((folder / "facts").read_text()) if (folder / "facts").exists() else {}
    broken = done.stderr.strip()[-2000:] if done.returncode else ""
    return Told({line["number"]: line for line in lines if "stage" in line}, facts, broken)


def column(kernel: str, cache: Path) -> Column:
    """Everything of one kernel."""
    found = answers(kernel, cache)
    if found.broken:
        print(f"{kernel}: {found.broken}", file=sys.stderr)
    version, cells = version_of(kernel), {}
    for row in FACILITIES:
        said = found.cases.get(row.case)
        if not row.case:
            cells[row.name] = of_fact(row, kernel, version, found.facts)
        elif row.case in found.unreadable:
            cells[row.name] = Cell("n", found.unreadable[row.case], wrong=True)
        else:
            cells[row.name] = of_case(row, kernel, version, *said) if said else Cell("-", "not for this machine")
    return Column(kernel, str(found.facts.get("release", "?")), cells)


def of_case(row: Facility, kernel: str, version: Version, one: Compiled, answer: dict[str, Any]) -> Cell:
    letters = LETTERS[answer["stage"]]
    if row.guests_only and kernel == NATIVE and answer["stage"] == "ok":
        letters = "y--"
    elif not row.attaches:
        letters = letters[:1] + "-" * (len(letters) > 1) + letters[2:]
    expected = one.case.works(version) and not lacking(row, kernel)
    works = answer["stage"] == "ok"
    wrong = expected and not works
    return Cell(letters, "" if works else reason(row, kernel, one.case, version, answer["why"]), wrong)


def lacking(row: Facility, kernel: str) -> str:
    """Why a kernel needn't have it."""
    return row.lacks.get(kernel, "")


def reason(row: Facility, kernel: str, case: Case, version: Version, why: str) -> str:
    first = "" if case.works(version) else f"from {'.'.join(map(str, case.since))} on"
    if case.until is not None and version > case.until:
        first = f"up to {'.'.join(map(str, case.until))}"
    return "; ".join(filter(None, (first, lacking(row, kernel), " ".join(why.split())[:240])))


def of_fact(row: Facility, kernel: str, version: Version, facts: dict[str, Any]) -> Cell:
    """What is only tried whether the kernel takes it."""
    group, _, name = row.fact.partition("/")
    why, since = facts.get("instructions", {}).get(name, "wasn't tried"), row.since
    for one in facts.get("features", {}).get(group, ()):
        if one["name"] == name:
            why, since = one["why"], parse_version(one["since"]) if one["since"] else row.since
    wrong = bool(why) and version >= since and not lacking(row, kernel)
    return Cell("n--" if why else "y--", " ".join(why.split())[:160], wrong)


def table(columns: list[Column], between: str = "  ") -> list[list[str]]:
    """A line for each facility, a column for each kernel."""
    rows = [["", *(one.name for one in columns)]]
    group = ""
    for row in FACILITIES:
        if row.group != group:
            group = row.group
            rows.append([f"**{group}**" if between == "|" else f"[{group}]", *("" for _ in columns)])
        rows.append([row.name, *(one.cells[row.name].letters.ljust(3) for one in columns)])
    return rows


def text(columns: list[Column]) -> str:
    rows = table(columns)
    width = max(len(row[0]) for row in rows)
    return "\n".join(" ".join([row[0].ljust(width), *(f"{cell:>6}" for cell in row[1:])]).rstrip() for row in rows)


def reasons(columns: list[Column], wrong: bool) -> list[str]:
    return [
        f"{row.name} on {one.name}: {cell.letters.strip()}: {cell.why}"
        for row in FACILITIES
        for one in columns
        if (cell := one.cells[row.name]).wrong == wrong and "n" in cell.letters
    ]


def markdown(columns: list[Column]) -> str:
    """The table as a page, with the kernels' versions and the date."""
    rows = table(columns, "|")
    lines = [f"| {' | '.join(row)} |" for row in rows]
    lines.insert(1, "|---|" + "---|" * len(columns))
    kernels = ", ".join(f"`{one.name}` is {one.release}" for one in columns)
    head = f"Loads, attaches, fires; tried on {time.strftime('%Y-%m-%d')} ({kernels})."
    notes = [f"- {line}" for line in reasons(columns, True) + reasons(columns, False)]
    return "\n".join([head, "", *lines, "", *notes, ""])


def main(arguments: Iterable[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--kernel", choices=tuple(SUITES), action="append", default=[], help="a guest's")
    parser.add_argument("--native", action="store_true", help="this machine's")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="where the table goes as a page")
    parser.add_argument("--cache", type=Path, default=CACHE, help="where kernels are kept (default: %(default)s)")
    given = parser.parse_args(arguments)
    kernels = [*([NATIVE] if given.native else []), *given.kernel] or [NATIVE, *SUITES]
    if NATIVE in kernels and os.geteuid():
        parser.error("needs root")
    try:
        columns = [column(kernel, given.cache) for kernel in kernels]
    except (Unavailable, FileNotFoundError) as error:
        print(f"the facilities can't be tried: {error}", file=sys.stderr)
        return 1
    if given.markdown:
        given.markdown.write_text(markdown(columns))
    print(text(columns))
    for line in reasons(columns, False):
        print(f"  {line}")
    wrong = reasons(columns, True)
    for line in wrong:
        print(f"WRONG: {line}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
