"""Instructions of each sample beside those of its C twin: in the ELF, and processed by the kernel's verifier.

    python benchmarks/instructions.py

Neither may be more than 1.1 times as many. An instruction is a slot of 8 bytes, so a 16-byte load counts two. Needs
root, clang-19, bpftool and the kernel's BTF; verified instructions are counted since Linux 5.16.
"""

from __future__ import annotations

import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from common import NAMES, ROOT, Result, clang_command, finish, folder_with_kernel_types, pyebpf, sample, table, twin
from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from pyebpf.loader import sys as sys_bpf
from pyebpf.loader.load import load_object
from pyebpf.object.read import read_object

LIMIT: Final = 1.1
SLOT: Final = 8
VERIFIED: Final = 216
"""Offset of `verified_insns` in `struct bpf_prog_info`."""
Counts = dict[str, tuple[int, int]]
"""By program: slots in the ELF, and instructions that the verifier processed."""


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
    return {name: (size, processed[name]) for name, size in slots(path).items() if name in processed}


def compiled(name: str, folder: Path) -> Counts:
    """Of a sample."""
    out = folder / f"{name}.o"
    subprocess.run(pyebpf("compile", sample(name), "-o", out), check=True, cwd=ROOT)
    return counts(out)


def compiled_twin(name: str, include: Path, folder: Path) -> Counts:
    """Of its twin in C."""
    out = folder / f"{name}.twin.o"
    subprocess.run(clang_command(twin(name), out, include), check=True)
    return counts(out)


def row(title: str, ours: Iterable[tuple[int, int]], theirs: Iterable[tuple[int, int]]) -> tuple[object, ...]:
    """Sums and ratios, of slots and of what was verified."""
    (size, processed), (their_size, their_processed) = ([sum(each) for each in zip(*side)] for side in (ours, theirs))
    ratios = size / their_size, processed / their_processed
    return (title, size, their_size, f"{ratios[0]:.2f}", processed, their_processed, f"{ratios[1]:.2f}")


def measure() -> Result:
    """Print the table, and say whether every sample stays within the limit."""
    rows: list[tuple[object, ...]] = []
    worst, beyond = [0.0, 0.0], []
    with folder_with_kernel_types() as include, tempfile.TemporaryDirectory(prefix="pyebpf-bench-") as scratch:
        for name in NAMES:
            theirs = compiled_twin(name, include, Path(scratch))
            ours = compiled(name, Path(scratch))
            if len(ours) > 1:
                rows += [row(f"{name}: {program}", [ours[program]], [theirs[program]]) for program in ours]
            rows.append(row(name, ours.values(), theirs.values()))
            for number, ratio in enumerate((rows[-1][3], rows[-1][6])):
                worst[number] = max(worst[number], float(str(ratio)))
                if float(str(ratio)) > LIMIT:
                    beyond.append(f"{name}, {('in the ELF', 'verified')[number]}")
    heads = ("program", "pyebpf", "clang -O2", "ratio", "verified", "clang's", "ratio")
    print(table(heads, rows))
    over = f"; over {LIMIT}: {'; '.join(beyond)}" if beyond else ""
    figures = f"at most {worst[0]:.2f} times the instructions of clang, {worst[1]:.2f} times verified{over}"
    return Result(not beyond, figures)


if __name__ == "__main__":
    sys.exit(finish(measure()))
