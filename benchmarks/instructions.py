"""Instructions in the ELF of each sample beside those of its C twin: not more than 1.2 times as many.

    python benchmarks/instructions.py

An instruction is a slot of 8 bytes, so a 16-byte load counts two. Needs clang-19, bpftool and the kernel's BTF.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from common import NAMES, ROOT, Result, clang_command, finish, folder_with_kernel_types, pyebpf, sample, table, twin
from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

LIMIT: Final = 1.2
SLOT: Final = 8


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


def compiled(name: str, folder: Path) -> dict[str, int]:
    """Of a sample."""
    out = folder / f"{name}.o"
    subprocess.run(pyebpf("compile", sample(name), "-o", out), check=True, cwd=ROOT)
    return slots(out)


def compiled_twin(name: str, include: Path, folder: Path) -> dict[str, int]:
    """Of its twin in C."""
    out = folder / f"{name}.twin.o"
    subprocess.run(clang_command(twin(name), out, include), check=True)
    return slots(out)


def measure() -> Result:
    """Print the table, and say whether every sample stays within the limit."""
    rows: list[tuple[object, ...]] = []
    worst, beyond = 0.0, []
    with folder_with_kernel_types() as include, tempfile.TemporaryDirectory(prefix="pyebpf-bench-") as scratch:
        for name in NAMES:
            theirs = compiled_twin(name, include, Path(scratch))
            ours = compiled(name, Path(scratch))
            for program in {**theirs, **ours}:
                one, other = ours.get(program), theirs.get(program)
                rows.append(
                    (f"{name}: {program}", one or "", other or "", f"{one / other:.2f}" if one and other else "")
                )
            ratio = sum(ours.values()) / sum(theirs.values())
            if len(theirs) > 1 or len(ours) > 1:
                rows.append((f"{name}: all", sum(ours.values()), sum(theirs.values()), f"{ratio:.2f}"))
            worst = max(worst, ratio)
            if ratio > LIMIT:
                beyond.append(name)
    print(table(("program", "pyebpf", "clang -O2", "ratio"), rows))
    over = f"; over {LIMIT}: {', '.join(beyond)}" if beyond else ""
    return Result(not beyond, f"at most {worst:.2f} times the instructions of clang{over}")


if __name__ == "__main__":
    sys.exit(finish(measure()))
