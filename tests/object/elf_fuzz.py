"""Spoilt ELF files of real objects through the reader and the linker, as many as you like.

    python tests/object/elf_fuzz.py --objects 100000 --seed 7 --jobs 2

Objects of clang (those of tests/loader/foreign) and of pyebpf are spoilt: headers, tables of sections, symbols,
relocations, types, strings, metadata, instructions; cut off, laid over each other, spliced. What comes out is an
Object, or an ObjectError or LoadError that says what is wrong. Any other exception, two seconds of processor time,
256 MB of memory, the end of the process, and an Object that has lost what its file says (`elf_claims.py`: a
relocation, say) are findings, printed with the number that makes them again (`--only N`). Exit code 1 if there is
any. Needs clang, no root.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import subprocess
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "loader"), str(ROOT / "tests" / "object")]

from elf_claims import lost
from elf_mutators import spoil

from pyebpf.kernel.btf import Btf, BtfError
from pyebpf.loader.core import relocate
from pyebpf.loader.errors import LoadError
from pyebpf.loader.link import Linker
from pyebpf.object.errors import ObjectError
from pyebpf.object.read import read_object
from pyebpf.object.specs import Object

SECONDS: Final = 2.0
MEMORY: Final = 256 << 20
"""Bytes, besides what the process has at first."""
BATCH: Final = 1000
NAMES: Final = (
    *(
        "maps_hash",
        "maps_values",
        "nested_array",
        "tail_calls",
        "legacy_maps",
        "legacy_maps_iproute2",
        "legacy_sections",
        "data_sections",
    ),
    *("data_variables", "data_constant_pointers", "calls_order", "calls_weak", "calls_across_sections", "kconfig"),
    *("callbacks_for_each", "programs_in_one_section", "programs_optional", "ksyms_functions", "core_fields"),
    *("core_enumerators", "core_direct", "exceptions_handled", "btf_kinds", "btf_none", "license_dual", "cpu_v4"),
    "struct_ops",
)
SAMPLES: Final = ("execsnoop", "syslat", "xdp_firewall")


class TooSlow(BaseException):
    """Not an Exception, so that nothing takes it for its own."""


def corpus() -> list[bytes]:
    """Made anew by each run, by the compilers that are there; without DWARF, which nobody reads."""
    import foreign_objects

    from pyebpf.compiler import compile_target

    found = [foreign_objects.stripped(name) for name in NAMES]
    paths = [path for name in SAMPLES if (path := ROOT / "samples" / f"{name}.py").exists()]
    with TemporaryDirectory() as folder:
        for path in paths:
            output = Path(folder, "sample.o")
            output.write_bytes(compile_target(path).elf)
            subprocess.run([foreign_objects.tool("llvm-strip"), "-g", output], check=True)
            found.append(output.read_bytes())
    return found


def make(seed: str, number: int, found: list[bytes]) -> tuple[bytes, str]:
    random = Random(f"{seed}:{number}")
    return spoil(random, random.choice(found), found)


def attempt(data: bytes, types: Btf) -> str:
    """What became of it: `object`, the class of the error, or `lost: …`."""
    try:
        obj = read_object(data)
    except ObjectError as error:
        assert str(error)
        return "ObjectError"
    missing = lost(data, obj)
    if missing:
        return f"lost: {missing}"
    use(obj, types)
    return "object"


def use(obj: Object, types: Btf) -> None:
    """All that is done with an object before the kernel has it."""
    obj.disassemble()
    repr(obj)
    relocated = {}
    with suppress(LoadError, BtfError):
        relocated = relocate(obj, types)
    fds = {spec.name: 100 + number for number, spec in enumerate(obj.maps)}
    linker = Linker(obj, fds, relocated)
    for program in obj.programs:
        with suppress(LoadError, BtfError):
            linked = linker.link(program)
            assert len(linked.code) % 8 == 0


def judged(data: bytes, types: Btf) -> tuple[str, bool, float]:
    """What became of it, whether that is a finding, and the seconds of processor time."""

    def ring(number: int, frame: FrameType | None) -> None:
        raise TooSlow

    signal.signal(signal.SIGVTALRM, ring)
    start = time.process_time()
    signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
    try:
        outcome = attempt(data, types)
        return outcome, outcome.startswith("lost"), time.process_time() - start
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        place = next((f for f in reversed(traceback.extract_tb(error.__traceback__)) if "/pyebpf/" in f.filename), None)
        where = f"{Path(place.filename).name}:{place.name}:{place.lineno}" if place else "?"
        return f"{type(error).__name__} {where}: {str(error)[:200]}", True, time.process_time() - start
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


@dataclass
class Figures:
    objects: int = 0
    bytes: int = 0
    findings: int = 0
    slowest: tuple[float, int] = (0.0, -1)
    outcomes: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)


def batch(numbers: range, seed: str, found: list[bytes], types: Btf) -> Iterator[list[object]]:
    """In a process of its own: what is begun, and what came of it."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    for number in numbers:
        data, how = make(seed, number, found)
        yield [number, how]
        outcome, wrong, seconds = judged(data, types)
        yield [number, how, outcome, wrong, len(data), seconds]


def child(numbers: range, seed: str, found: list[bytes], types: Btf) -> tuple[int, int]:
    """Process id, and where it writes to."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        return pid, reading
    try:
        os.close(reading)
        with open(writing, "w") as out:
            for message in batch(numbers, seed, found, types):
                out.write(json.dumps(message) + "\n")
                out.flush()
    finally:
        os._exit(0)


def listen(reading: int, seed: str, figures: Figures) -> int:
    """Count what a child says; the number that ended it, or -1."""
    busy, how = -1, ""
    with open(reading) as lines:
        for line in lines:
            message = json.loads(line)
            if len(message) == 2:
                busy, how = message
                continue
            number, how, outcome, wrong, length, seconds = message
            busy = -1
            figures.objects += 1
            figures.bytes += length
            figures.slowest = max(figures.slowest, (seconds, number))
            figures.outcomes["finding" if wrong else outcome] += 1
            if wrong:
                told(figures, seed, number, how, outcome)
    if busy >= 0:
        told(figures, seed, busy, how, "the process ended")
    return busy


def told(figures: Figures, seed: str, number: int, how: str, outcome: str) -> None:
    """Each kind of finding is printed once, and counted always."""
    figures.findings += 1
    kind = " ".join(outcome.split()[:2])
    figures.kinds[kind] += 1
    if figures.kinds[kind] <= 2:
        print(f"## --seed {seed} --only {number} ({how}): {outcome}", flush=True)


def run(seed: str, first: int, count: int, found: list[bytes], types: Btf, jobs: int = 1) -> Figures:
    figures = Figures()
    begun = said = time.monotonic()
    waiting = [range(at, min(at + BATCH, first + count)) for at in range(first, first + count, BATCH)][::-1]
    while waiting:
        together = [waiting.pop() for _ in range(min(jobs, len(waiting)))]
        children = [child(numbers, seed, found, types) for numbers in together]
        for numbers, (pid, reading) in zip(together, children, strict=True):
            busy = listen(reading, seed, figures)
            os.waitpid(pid, 0)
            if 0 <= busy < numbers.stop - 1:
                waiting.append(range(busy + 1, numbers.stop))
        if time.monotonic() - said > 30:
            said = time.monotonic()
            print(f"{figures.objects} objects, {figures.findings} findings, {said - begun:.0f} s", flush=True)
    largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10
    print(
        f"{figures.objects} objects, {figures.bytes >> 20} MiB: {figures.findings} findings; "
        + ", ".join(f"{outcome} {number}" for outcome, number in figures.outcomes.most_common())
        + f"; slowest {figures.slowest[0]:.2f} s (--only {figures.slowest[1]}); {largest} MB at most; "
        f"{time.monotonic() - begun:.0f} s",
        flush=True,
    )
    return figures


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--objects", type=int, default=1000, metavar="N")
    parser.add_argument("--seed", default="1", help="any text; other objects for each")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes at the same time")
    parser.add_argument("--from", type=int, default=0, metavar="N", dest="first", help="the first object's number")
    parser.add_argument("--only", type=int, metavar="N", help="try this object alone")
    given = parser.parse_args()
    found = corpus()
    types = Btf.from_bytes(read_object(found[NAMES.index("core_fields")]).btf)
    if given.only is not None:
        data, how = make(given.seed, given.only, found)
        print(f"{len(data)} bytes, {how}: {attempt(data, types)}")
        return 0
    return 1 if run(given.seed, given.first, given.objects, found, types, given.jobs).findings else 0


if __name__ == "__main__":
    sys.exit(main())
