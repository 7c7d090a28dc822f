"""Every object of a folder, by our loader and by libbpf's: what opens, what is resolved, what loads, and what differs.

    python tests/object/corpus.py FOLDER                    # all .o and .elf files in it, however deep
    python tests/object/corpus.py FOLDER --only tcp         # those with `tcp` in their names
    LD_LIBRARY_PATH=libbpf/src python tests/object/corpus.py FOLDER        # by a libbpf of one's own

Made for collections that aren't part of the project: the tools of BCC's libbpf-tools folder, the test data of
cilium/ebpf, the selftests of a kernel. As programs that load such objects do, both loaders give maps that say no size
one, and leave out programs for what this kernel doesn't have. Needs root and libbpf. Where a kernel refuses tracing
programs by policy, a guest does it: `python tests/guests/machine.py 'python tests/object/corpus.py FOLDER'`.

    same      both load it, and the kernel has the same maps and instructions
    given     the kernel refuses it from both, who gave it the same instructions
    ours      ours alone loads it
    refused   neither takes it; the reasons are below
    DIFFERS   libbpf loads it and ours doesn't, or the kernel has something else then
"""

from __future__ import annotations

import argparse
import dataclasses
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "loader")]

import both_loaders

from pyebpf.kernel.maps import MapType
from pyebpf.object.errors import ObjectError
from pyebpf.object.read import read_file
from pyebpf.object.specs import MapSpec

ENTRIES = 1024
"""Of maps whose size is left to whoever loads them."""
STACK = 127 * 8
"""Bytes of a value of StackTrace, if the object has none: the kernel's usual depth."""
_ABSENT = re.compile(r"^program (\w+): this kernel has no ")
Mark = Literal["same", "given", "ours", "refused", "DIFFERS"]


@dataclass(frozen=True)
class Row:
    """What became of an object."""

    name: str
    opens: bool
    resolved: bool
    mark: Mark
    programs: int = 0
    instructions: int = 0
    left_out: tuple[str, ...] = ()
    why: str = ""


def tried(path: Path) -> Row:
    try:
        obj = read_file(path)
    except ObjectError as error:
        theirs = both_loaders.opens_by_libbpf(path.read_bytes())
        return Row(
            path.name, False, False, "refused" if theirs else "DIFFERS", why=f"{error}; libbpf: {theirs or 'opens it'}"
        )
    obj = dataclasses.replace(obj, maps=tuple(sized(spec) for spec in obj.maps))
    left_out: list[str] = []
    found = both_loaders.compare(obj)
    while (absent := _ABSENT.match(found.ours.error)) is not None and absent[1] not in left_out:
        left_out.append(absent[1])
        obj = dataclasses.replace(obj, programs=tuple(p for p in obj.programs if p.name != absent[1]))
        found = both_loaders.compare(obj)
    return row(path.name, found, tuple(left_out))


def sized(spec: MapSpec) -> MapSpec:
    """A map as whoever loads it would have it: with a size. It isn't pinned."""
    spec = dataclasses.replace(spec, pinning=0)
    if spec.type == MapType.STACK_TRACE and not spec.value_size:
        spec = dataclasses.replace(spec, value_size=STACK)
    if spec.max_entries or spec.type in _WITHOUT_ENTRIES or spec.initial is not None:
        return spec
    entries = 4096 if spec.type in (MapType.RINGBUF, MapType.USER_RINGBUF) else ENTRIES
    return dataclasses.replace(spec, max_entries=entries)


_WITHOUT_ENTRIES = (
    MapType.PERF_EVENT_ARRAY,
    MapType.CPUMAP, MapType.SK_STORAGE, MapType.TASK_STORAGE, MapType.INODE_STORAGE, MapType.CGRP_STORAGE,
    MapType.STRUCT_OPS,
)  # fmt: skip


def row(name: str, found: both_loaders.Comparison, left_out: tuple[str, ...]) -> Row:
    ours, theirs = found.ours.error, found.theirs.error
    why = "; ".join(found.differences)
    mark: Mark = "same"
    if ours and theirs:
        mark = "refused" if not found.ours.given or found.differences else "given"
        why = why or ours
    elif theirs:
        mark, why = "ours", theirs[-200:]
    elif found.differences:
        mark = "DIFFERS"
    return Row(name, True, not ours or bool(found.ours.given), mark, found.programs, found.instructions, left_out, why)


def objects(folder: Path, only: str) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".o", ".elf") and only in path.name and path.is_file():
            yield path


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", default="", metavar="TEXT", help="objects with TEXT in their names")
    given = parser.parse_args()
    marks: Counter[str] = Counter()
    programs = instructions = 0
    print(f"{'object':32} opens resolved  result   programs  instructions  left out")
    for path in objects(given.folder, given.only):
        found = tried(path)
        marks[found.mark] += 1
        programs += found.programs
        instructions += found.instructions
        signs = f"{'yes' if found.opens else 'no':5} {'yes' if found.resolved else 'no':8}"
        equal = f"{found.programs:8} {found.instructions:13}"
        print(f"{found.name[:32]:32} {signs}  {found.mark:8} {equal}  {' '.join(found.left_out)}".rstrip())
        if found.mark in ("DIFFERS", "refused", "given"):
            print(f"    {found.why[:600]}")
        sys.stdout.flush()
    print(", ".join(f"{count} {mark}" for mark, count in marks.most_common()))
    print(f"{programs} programs, {instructions} instructions equal")
    return 1 if marks["DIFFERS"] else 0


if __name__ == "__main__":
    sys.exit(main())
