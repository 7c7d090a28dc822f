"""Every foreign object by our loader and by libbpf: does the kernel have the same maps and instructions then?

    python tests/loader/equal_to_libbpf.py

What libbpf 1.1 refuses, and ours loads, is named. Needs root, clang, bpftool and libbpf; GCC's objects are counted
where bpf-gcc is installed.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "loader")]

import both_loaders
import foreign_objects

from pyebpf.object.read import ObjectError, read_object


def main() -> int:
    objects = programs = instructions = 0
    wrong, alone = [], []
    for name, elf in foreign_objects.all_objects():
        found = both_loaders.compare(read_object(elf))
        said = foreign_objects.cases()[name].said if name in foreign_objects.cases() else {}
        objects += 1
        programs += found.programs
        instructions += found.instructions
        if "libbpf" in said:
            alone.append(name)
        elif found.differences:
            wrong.append(f"{name}: {'; '.join(found.differences)}")
    print(f"{objects} objects, {programs} programs, {instructions} instructions equal")
    print(f"{len(alone)} that libbpf 1.1 doesn't load, or not so: {', '.join(alone)}")
    for line in wrong:
        print(f"different: {line}")
    if foreign_objects.gcc() is not None:
        _gcc()
    return bool(wrong)


def _gcc() -> None:
    made = equal = refused = alone = 0
    for name in foreign_objects.cases():
        elf = foreign_objects.build_by_gcc(name)
        if elf is None:
            continue
        made += 1
        try:
            found = both_loaders.compare(read_object(elf))
        except ObjectError:
            refused += 1
            continue
        equal += not found.differences and not found.ours.error
        alone += not found.ours.error and bool(found.theirs.error)
        refused += bool(found.ours.error)
    print(f"GCC: {made} objects; {equal} equal, {alone} that ours alone loads, {refused} refused")


if __name__ == "__main__":
    sys.exit(main())
