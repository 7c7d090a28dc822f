"""What the benchmarks share: where things are, how the tools are called, and how a table is printed."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn, final

ROOT: Final = Path(__file__).resolve().parent.parent
SAMPLES: Final = ROOT / "samples"
TWINS: Final = ROOT / "benchmarks" / "twins"
NAMES: Final = ("syscount", "execsnoop", "syslat", "xdp_firewall", "egress")
KERNEL_BTF: Final = Path("/sys/kernel/btf/vmlinux")


@final
@dataclass(frozen=True, slots=True)
class Result:
    """What a benchmark found: whether its promise was kept, and the figures in a line."""

    kept: bool
    figures: str


class Missing(Exception):
    """A tool that a benchmark compares with isn't here."""


def sample(name: str) -> Path:
    return SAMPLES / f"{name}.py"


def twin(name: str) -> Path:
    return TWINS / f"{name}.bpf.c"


def pyebpf(*arguments: str | Path) -> list[str]:
    """The command line as users have it; `python -m pyebpf` where there is no console script beside this Python."""
    script = Path(sys.executable).parent / "pyebpf"
    start = [str(script)] if script.exists() else [sys.executable, "-m", "pyebpf"]
    return [*start, *map(str, arguments)]


def tool(*names: str) -> str:
    """The first of `names` that is installed. Raises Missing."""
    for name in names:
        found = shutil.which(name)
        if found:
            return found
    raise Missing(f"needs {' or '.join(names)}")


def main(measure: Callable[..., Result], number: type[int] | type[float] = int) -> NoReturn:
    """The command of a benchmark that may be given how often, or for how long, it measures."""
    try:
        sys.exit(finish(measure(*map(number, sys.argv[1:2]))))
    except Missing as missing:
        sys.exit(str(missing))


@contextmanager
def folder_with_kernel_types() -> Iterator[Path]:
    """A temporary folder that holds `vmlinux.h`, written from the running kernel's BTF. Raises Missing."""
    if not KERNEL_BTF.exists():
        raise Missing(f"needs {KERNEL_BTF}")
    with tempfile.TemporaryDirectory(prefix="pyebpf-bench-") as name:
        folder = Path(name)
        command = [tool("bpftool"), "btf", "dump", "file", str(KERNEL_BTF), "format", "c"]
        with open(folder / "vmlinux.h", "wb") as header:
            subprocess.run(command, stdout=header, check=True)
        yield folder


def clang_command(source: Path, out: Path, include: Path) -> list[str]:
    """How the C twins are compiled."""
    return [tool("clang-19", "clang"), "-O2", "-g", "-target", "bpf", f"-I{include}", "-c", str(source), "-o", str(out)]


def table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Text in columns, numbers to the right."""
    cells = [[str(heading) for heading in headings], *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(headings))]
    lines = ["  ".join(_aligned(cell, width) for cell, width in zip(row, widths)).rstrip() for row in cells]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])


def _aligned(cell: str, width: int) -> str:
    return cell.rjust(width) if cell.replace(".", "").isdigit() else cell.ljust(width)


def finish(result: Result) -> int:
    """Print the verdict of a benchmark that was called by itself; its exit code."""
    print(f"{'kept' if result.kept else 'NOT KEPT'}: {result.figures}")
    return 0 if result.kept else 1
