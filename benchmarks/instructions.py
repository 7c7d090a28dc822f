"""Instructions of each sample beside those of its C twin: in the ELF, and processed by the kernel's verifier.

    python benchmarks/instructions.py

Neither may be more than 1.1 times as many. An instruction is a slot of 8 bytes, so a 16-byte load counts two. A twin
does what the sample does, what it counts where something fails included; `bare` are the ratios to the same program with
nothing of that. Below the samples stand denser programs, for which there is no limit yet, and nanoseconds of a run by
BPF_PROG_TEST_RUN. Needs root, clang-19, bpftool and the kernel's BTF; verified instructions are counted since
Linux 5.16.
"""

from __future__ import annotations

import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from common import ROOT, Result, clang_command, finish, folder_with_kernel_types, pyebpf, table, twin
from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection
from pairs import OTHERS, YARDSTICK, Pair, time

from pyebpf.loader import sys as sys_bpf
from pyebpf.loader.load import load_object
from pyebpf.object.read import read_object

LIMIT: Final = 1.1
SLOT: Final = 8
VERIFIED: Final = 216
"""Offset of `verified_insns` in `struct bpf_prog_info`."""
Counts = dict[str, tuple[int, int]]
"""By function: slots in the ELF, and instructions that the verifier processed, which it counts by program."""
HEADS: Final = (
    *("program", "pyebpf", "clang -O2", "ratio", "bare"),
    *("verified", "clang's", "ratio", "bare", "ns", "clang's"),
)


def slots(path: Path) -> dict[str, int]:
    """Instruction slots by the name of the function that they are in, in the order of the file."""
    found: dict[str, int] = {}
    with open(path, "rb") as file:
        elf = ELFFile(file)
        code = {
            index: section
            for index, section in enumerate(elf.iter_sections())
            if section["sh_flags"] & SH_FLAGS.SHF_EXECINSTR
        }
        symbols = elf.get_section_by_name(".symtab")
        assert isinstance(symbols, SymbolTableSection), f"{path}: no symbols"
        for symbol in symbols.iter_symbols():
            if symbol["st_info"]["type"] == "STT_FUNC" and symbol["st_shndx"] in code:
                found[symbol.name] = symbol["st_size"] // SLOT
        everything = sum(section["sh_size"] for section in code.values()) // SLOT
    if sum(found.values()) != everything:
        raise ValueError(f"{path}: the functions have {sum(found.values())} of {everything} instructions")
    return found


def verified(path: Path) -> dict[str, int]:
    """Instructions that the verifier processed, by the name of the program."""
    with load_object(read_object(path.read_bytes())) as loaded:
        infos = {name: sys_bpf.obj_get_info_by_fd(program.fd) for name, program in loaded.programs.items()}
    return {name: struct.unpack_from("=I", info, VERIFIED)[0] for name, info in infos.items()}


def counts(path: Path) -> Counts:
    """Of an object."""
    processed = verified(path)
    return {name: (size, processed.get(name, 0)) for name, size in slots(path).items()}


def compiled(pair: Pair, folder: Path) -> Path:
    """The program's object."""
    out = folder / f"{pair.name}.o"
    subprocess.run(pyebpf("compile", pair.source, "-o", out), check=True, cwd=ROOT)
    return out


def compiled_twin(pair: Pair, include: Path, folder: Path, bare: bool = False) -> Path:
    """Its twin's."""
    out = folder / f"{pair.name}.{'bare' if bare else 'twin'}.o"
    subprocess.run([*clang_command(twin(pair.name), out, include), *(["-DBARE"] if bare else [])], check=True)
    return out


def ratios(ours: Iterable[tuple[int, int]], theirs: Iterable[tuple[int, int]]) -> tuple[str, str]:
    """How many times the slots, and what was verified."""
    sums = [[sum(each) for each in zip(*side)] for side in (ours, theirs)]
    return f"{sums[0][0] / sums[1][0]:.2f}", f"{sums[0][1] / sums[1][1]:.2f}"


def row(title: str, ours: Iterable[tuple[int, int]], theirs: Counts, bare: Counts, ns: Sequence[int]) -> list[object]:
    """Sums and ratios, of slots and of what was verified."""
    ours, twins = list(ours), list(theirs.values())
    size, processed = (sum(each) for each in zip(*ours))
    their_size, their_processed = (sum(each) for each in zip(*twins))
    to_twin, to_bare = ratios(ours, twins), ratios(ours, bare.values())
    found: list[object] = [title, size, their_size, to_twin[0], to_bare[0]]
    return [*found, processed, their_processed, to_twin[1], to_bare[1], *(each or "" for each in ns)]


def rows(pair: Pair, include: Path, folder: Path) -> list[list[object]]:
    """A line for each program of a pair that has several, and one for all."""
    ours, theirs = compiled(pair, folder), compiled_twin(pair, include, folder)
    found, twins, bare = counts(ours), counts(theirs), counts(compiled_twin(pair, include, folder, bare=True))
    programs = [name for name in found if name in twins]
    single = [
        row(f"{pair.name}: {name}", [found[name]], {name: twins[name]}, {name: bare[name]}, (0, 0))
        for name in programs
        if len(programs) > 1
    ]
    return [*single, row(pair.name, found.values(), twins, bare, (time(pair, ours), time(pair, theirs)))]


def measure() -> Result:
    """Print the tables, and say whether every sample stays within the limit."""
    worst, beyond = [0.0, 0.0], []
    with folder_with_kernel_types() as include, tempfile.TemporaryDirectory(prefix="pyebpf-bench-") as scratch:
        samples = [(pair, rows(pair, include, Path(scratch))) for pair in YARDSTICK]
        others = [rows(pair, include, Path(scratch)) for pair in OTHERS]
    for pair, found in samples:
        for number, ratio in enumerate((found[-1][3], found[-1][7])):
            worst[number] = max(worst[number], float(str(ratio)))
            if float(str(ratio)) > LIMIT:
                beyond.append(f"{pair.name}, {('in the ELF', 'verified')[number]}")
    print(table(HEADS, [line for _, found in samples for line in found]))
    print()
    print(table(("denser programs", *HEADS[1:]), [line for found in others for line in found]))
    over = f"; over {LIMIT}: {'; '.join(beyond)}" if beyond else ""
    figures = f"at most {worst[0]:.2f} times the instructions of clang, {worst[1]:.2f} times verified{over}"
    return Result(not beyond, figures)


if __name__ == "__main__":
    sys.exit(finish(measure()))
