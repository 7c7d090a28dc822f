"""Spoilt BTF through everything that reads BTF, as much as you like: nothing but errors of ours may come out.

    python tests/kernel/btf_fuzz.py --blobs 100000 --seed 7

Small BTF of clang, of pyebpf and of this kernel (minimised) is mutated, or the `.BTF` and `.BTF.ext` of objects, or the
objects as a whole. It goes through every public method of the reader, as a base and on top of one, through CO-RE as
the kernel's types and as the object's, the minimiser, the memory types and the reader of objects. Any exception but
BtfError, ObjectError and LoadError, two seconds of processor time, 256 MB of memory, or the end of the process is a
finding, printed with the number that makes it again (`--only N`). Exit code 1 if there is any. Needs clang, no root.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from types import FrameType
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "loader"), str(ROOT / "tests" / "kernel")]

from btf_mutators import mutate

from pyebpf.kernel import btf_types as types
from pyebpf.kernel.btf import Btf, BtfError, Kind
from pyebpf.kernel.c_text import declaration
from pyebpf.loader.core import relocate
from pyebpf.loader.errors import LoadError
from pyebpf.loader.minimise import minimise
from pyebpf.object.btf_layout import layout_of
from pyebpf.object.btf_write import write_btf
from pyebpf.object.elf import Elf
from pyebpf.object.errors import ObjectError
from pyebpf.object.read import read_object
from pyebpf.object.specs import Object

SECONDS: Final = 2.0
MEMORY: Final = 256 << 20
"""Bytes, besides what the process has at first."""
BATCH: Final = 500
IDS: Final = 40
"""Of the types of one blob; which ones is random."""
CASES_OF_TYPES: Final = (
    *("loads of other sizes", "types that match", "enumerators", "arrays at the end", "members of other kinds"),
)
NAMES: Final = ("task_struct", "s", "a", "f1", "comm", "", "list_head", "no such name", "n\u00e4me", "\udc80")
PREFIXES: Final = ("", "s", "btf_trace_", "\xff")


class TooSlow(BaseException):
    """Not an Exception, so that nothing takes it for its own."""


@dataclass(frozen=True)
class Corpus:
    """What is spoilt: BTF; objects; and of each object the kernel's types that it is for."""

    raw: list[bytes]
    objects: list[tuple[bytes, Btf]]
    good: list[Object]


def corpus() -> Corpus:
    """Made anew by each run, by the compilers that are there."""
    import programs
    import test_core
    from core_cases import ACCESS, CASES

    from pyebpf.compiler import compile_target

    raw, objects = [], []
    for name in CASES_OF_TYPES:
        for target in ("bpfel", "bpfeb"):
            kernel = read_object(programs.build(CASES[name].kernel, target)).btf
            raw.append(kernel)
            objects.append((programs.build(ACCESS + CASES[name].program, target), Btf.from_bytes(kernel)))
    raw += [pile(named, end) for named in ("m", "") for end in (False, True)]
    raw.append(functions())
    tests = [programs.build(source) for source in (test_core.PROGRAM, programs.CALLS, programs.DATA, programs.HASH)]
    minimised = minimise([read_object(tests[0])], Btf.running())
    own = [compile_target(ROOT / "samples" / f"{name}.py").elf for name in ("execsnoop", "syslat")]
    raw += [minimised, *(read_object(elf).btf for elf in (*tests, *own))]
    objects += [(elf, Btf.from_bytes(minimised)) for elf in (*tests, *own)]
    return Corpus(raw, objects, [read_object(elf) for elf, _ in objects])


def pile(name: str, end: bool) -> bytes:
    """Structs of no size, each three times in the one before: few types, and no end of ways through them."""
    structs: list[types.BtfType] = []
    for number in range(1, 40):
        members = tuple(types.Member(name and f"{name}{each}", number + 1, 0, 0) for each in range(3))
        structs.append(types.Struct(f"s{number}", 0, members, number % 2 == 0))
    return write_btf([*structs, types.Struct("end", 0, (), False) if end else types.Typedef("end", 1)])


def functions() -> bytes:
    """Functions that take functions that take functions."""
    found: list[types.BtfType] = []
    for number in range(1, 60, 2):
        parameters = tuple(types.Parameter("", number + 2) for _ in range(6))
        found += (types.Pointer(number + 1), types.FunctionPrototype(0, parameters))
    return write_btf([*found, types.Int("int", 4, 32, 0, True, False, False)])


def make(seed: str, number: int, found: Corpus) -> tuple[Callable[[], None], bytes, str]:
    """What is to be tried, the bytes that are spoilt, and how."""
    random = Random(f"{seed}:{number}")
    if random.random() < 0.6:
        data, how = mutate(random, random.choice(found.raw))
        objects = random.sample(found.good, 2)
        return lambda: try_raw(data, objects, Random(number)), data, how
    elf, target = random.choice(found.objects)
    if random.random() < 0.7:
        section = Elf(elf).section(".BTF")
        assert section is not None
        spoilt, how = mutate(random, section.data, same_length=True)
        data = elf.replace(section.data, spoilt)
    else:
        data, how = spoil_anywhere(random, elf)
    return lambda: try_object(data, target, Random(number)), data, f"object {how}"


def spoil_anywhere(random: Random, elf: bytes) -> tuple[bytes, str]:
    changed = bytearray(elf)
    section = Elf(elf).section(".BTF.ext")
    if section is not None and random.random() < 0.7:
        start, length, how = elf.find(section.data), len(section.data), "extension"
    else:
        start, length, how = 0, len(elf), "file"
    for _ in range(random.choice((1, 2, 8))):
        at = start + random.randrange(length // 4) * 4
        changed[at : at + 4] = random.choice((random.randbytes(4), b"\xff" * 4, bytes(4), b"\x08\0\0\0"))
    return bytes(changed), how


def try_raw(data: bytes, objects: list[Object], random: Random) -> None:
    with suppress(BtfError):
        btf = Btf.from_bytes(data)
        read_all(btf, random)
        split = write_btf([], big_endian=btf.big_endian)
        read_all(Btf.from_bytes(split, btf), random)
        with suppress(BtfError):
            read_all(Btf.from_bytes(data, btf), random)
        for obj in objects:
            use(obj, btf)


def try_object(elf: bytes, target: Btf, random: Random) -> None:
    with suppress(ObjectError, BtfError):
        obj = read_object(elf)
        use(obj, target)
        obj.disassemble()
        read_all(Btf.from_bytes(obj.btf), random)


def use(obj: Object, target: Btf) -> None:
    """As the kernel's types, for CO-RE."""
    with suppress(LoadError, BtfError):
        relocate(obj, target)
    with suppress(LoadError, BtfError):
        relocate(obj, target, lambda: [("module", target)])
    with suppress(LoadError, BtfError):
        Btf.from_bytes(minimise([obj], target)).find_all("s")


def read_all(btf: Btf, random: Random) -> None:
    """Everything that can be asked."""
    ids = range(-1, btf.count + 2)
    for type_id in ids if len(ids) <= IDS else random.sample(ids, IDS):
        for ask in (btf.type, btf.kind, btf.name, btf.resolve, btf.size_of):
            with suppress(BtfError):
                ask(type_id)
        for name in NAMES[:6]:
            with suppress(BtfError):
                btf.member(type_id, name)
        for write in (layout_of, declaration):
            with suppress(BtfError):
                write(btf, type_id)
    for name in NAMES:
        for look in (btf.find_all, btf.flavours):
            with suppress(BtfError):
                look(name)
        with suppress(BtfError):
            btf.find(name, random.choice(list(Kind)))
    for prefix in PREFIXES:
        with suppress(BtfError):
            for _ in btf.names(random.choice(list(Kind)), prefix):
                pass


def attempt(work: Callable[[], None]) -> tuple[str, float]:
    """ "" or what went wrong, and the seconds of processor time."""

    def ring(number: int, frame: FrameType | None) -> None:
        raise TooSlow

    signal.signal(signal.SIGVTALRM, ring)
    start = time.process_time()
    signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
    try:
        work()
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        place = next((f for f in reversed(traceback.extract_tb(error.__traceback__)) if "/pyebpf/" in f.filename), None)
        where = f"{Path(place.filename).name}:{place.name}:{place.lineno}" if place else "?"
        return f"{type(error).__name__} {where}: {str(error)[:200]}", time.process_time() - start
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return "", time.process_time() - start


def batch(numbers: range, seed: str, found: Corpus) -> Iterator[list[object]]:
    """In a process of its own: what is begun, and what came of it."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    for number in numbers:
        work, data, how = make(seed, number, found)
        yield ["start", number, how]
        wrong, seconds = attempt(work)
        yield ["end", number, wrong, len(data), seconds]


@dataclass
class Figures:
    blobs: int = 0
    bytes: int = 0
    findings: int = 0
    slowest: tuple[float, int] = (0.0, -1)


def run(seed: str, first: int, count: int, found: Corpus) -> Figures:
    figures, ways, kinds = Figures(), Counter[str](), Counter[str]()
    begun = told = time.monotonic()
    at = first
    while at < first + count:
        last, how, at = one_process(range(at, min(at + BATCH, first + count)), seed, found, figures, ways, kinds)
        if last >= 0:
            figures.findings += 1
            print(f"## --seed {seed} --only {last} ({how}): the process ended", flush=True)
        if time.monotonic() - told > 30:
            told = time.monotonic()
            print(f"{figures.blobs} blobs, {figures.findings} findings, {told - begun:.0f} s", flush=True)
    seconds = time.monotonic() - begun
    largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10
    print(
        f"{figures.blobs} blobs, {figures.bytes >> 10} KiB: {figures.findings} findings; "
        f"slowest {figures.slowest[0]:.2f} s (--only {figures.slowest[1]}); {largest} MB at most; {seconds:.0f} s; "
        + ", ".join(f"{way} {number}" for way, number in ways.most_common())
    )
    return figures


def one_process(
    numbers: range, seed: str, found: Corpus, figures: Figures, ways: Counter[str], kinds: Counter[str]
) -> tuple[int, str, int]:
    """The number that ended the process or -1, how it was made, and the number to go on with."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            with open(writing, "w") as out:
                for message in batch(numbers, seed, found):
                    out.write(json.dumps(message) + "\n")
                    out.flush()
        finally:
            os._exit(0)
    os.close(writing)
    busy, how = -1, ""
    with open(reading) as lines:
        for line in lines:
            message = json.loads(line)
            if message[0] == "start":
                busy, how = message[1], message[2]
                ways.update(how.split())
                continue
            _, number, wrong, length, seconds = message
            busy = -1
            figures.blobs += 1
            figures.bytes += length
            figures.slowest = max(figures.slowest, (seconds, number))
            if wrong:
                figures.findings += 1
                kinds[wrong.partition(":")[0]] += 1
                if kinds[wrong.partition(":")[0]] == 1:
                    print(f"## --seed {seed} --only {number} ({how}): {wrong}", flush=True)
    os.waitpid(child, 0)
    return busy, how, busy + 1 if busy >= 0 else numbers.stop


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--blobs", type=int, default=1000, metavar="N")
    parser.add_argument("--seed", default="1", help="any text; other blobs for each")
    parser.add_argument("--from", type=int, default=0, metavar="N", dest="first", help="the first blob's number")
    parser.add_argument("--only", type=int, metavar="N", help="try this blob alone")
    given = parser.parse_args()
    found = corpus()
    if given.only is not None:
        work, data, how = make(given.seed, given.only, found)
        print(f"{len(data)} bytes, {how}")
        work()
        return 0
    return 1 if run(given.seed, given.first, given.blobs, found).findings else 0


if __name__ == "__main__":
    sys.exit(main())
