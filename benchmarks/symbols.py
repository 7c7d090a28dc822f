"""Names of addresses come soon, take little memory, and following processes costs little.

    python benchmarks/symbols.py

    kernel            the first name of an address in the kernel, and the next thousand
    process           one address in each of fifty libraries of a process
    follow            the start of it, with four hundred processes there; what each program that starts costs this
                      process afterwards; and that each of three hundred has its names when it is gone

Needs root and gcc. Times are of this process: the first ones by the clock, those of following in processor time.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from common import Result, finish, table

import pyebpf.symbols.follow  # noqa: F401  what it imports isn't what is measured
from pyebpf.symbols import Symbols
from pyebpf.symbols.mappings import read_maps

LIBRARIES: Final = 50
PROCESSES: Final = 400
STARTS: Final = 300
LIMITS: Final = {
    "first kernel address": (0.5, 16.0),
    "one address in each of 50 libraries": (1.0, 64.0),
    "follow, with 400 processes": (0.5, 16.0),
    "each program that starts": (0.000_5, 16.0),
}
"""Seconds, and MB of memory."""
OPENS: Final = """
#include <dlfcn.h>
#include <stdio.h>
#include <unistd.h>
int main(int count, char **names) {
  for (int i = 1, found = 0; i < count && found < %d; i++) found += dlopen(names[i], RTLD_LAZY) != 0;
  puts("ready"); fflush(stdout);
  char byte; while (read(0, &byte, 1) > 0);
  _exit(0);
}
"""
SAYS: Final = """
#include <stdio.h>
int main(void) { printf("%p", (void *)main); return 0; }
"""


def memory() -> float:
    """MB that are in use."""
    return int(Path("/proc/self/statm").read_text().split()[1]) / 256


def build(path: Path, source: str) -> Path:
    subprocess.run(["gcc", "-x", "c", "-", "-o", path], input=source.encode(), check=True)
    return path


@contextmanager
def waiting(*command: str | Path) -> Iterator[int]:
    pipe = subprocess.PIPE
    with subprocess.Popen([*map(str, command)], stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL) as process:
        assert process.stdin and process.stdout
        process.stdout.readline()
        yield process.pid
        process.stdin.close()


def libraries() -> list[Path]:
    """More than enough: some can't be opened alone."""
    folders = [folder for folder in Path("/usr/lib").glob("*-linux-gnu*") if folder.is_dir()]
    found = (path for folder in folders for path in sorted(folder.glob("lib*.so.*")))
    return [path for path in found if path.is_file() and not path.is_symlink()][: 4 * LIBRARIES]


def kernel_address() -> int:
    lines = (line.split() for line in Path("/proc/kallsyms").read_text().splitlines())
    return next(int(words[0], 16) for words in lines if words[2] == "vfs_read")


Row = tuple[str, float, float]


@contextmanager
def measured(rows: list[Row], what: str, share: int = 1) -> Iterator[None]:
    """Put a row behind the others: seconds, a `share` of them, and the MB that there are more."""
    before, start = memory(), time.perf_counter()
    yield
    rows.append((what, (time.perf_counter() - start) / share, memory() - before))


def in_kernel(symbols: Symbols, rows: list[Row]) -> bool:
    address = kernel_address()
    with measured(rows, "first kernel address"):
        [frame] = symbols.kernel([address + 4])
    with measured(rows, "each of a thousand others", 1000):
        for number in range(1000):
            symbols.kernel([address + 64 * number])
    return frame.name == "vfs_read"


def in_process(symbols: Symbols, rows: list[Row], folder: Path) -> None:
    with waiting(build(folder / "opens", OPENS % LIBRARIES), *libraries()) as pid:
        files = {each.path: each for each in read_maps(pid) if each.is_file}
        chosen = [(each.start + each.end) // 2 for each in files.values()][: LIBRARIES + 1]
        with measured(rows, f"one address in each of {LIBRARIES} libraries"):
            symbols.user(pid, chosen)
        with measured(rows, "all of them once more"):
            symbols.user(pid, chosen)


def following(symbols: Symbols, rows: list[Row], folder: Path) -> int:
    """How many of the programs that are gone have names."""
    sleeping = [subprocess.Popen(["sleep", "600"]) for _ in range(PROCESSES)]
    time.sleep(1)
    with measured(rows, f"follow, with {PROCESSES} processes"):
        symbols.follow()
    for process in sleeping:
        process.kill()
        process.wait()
    time.sleep(0.5)
    program, started = build(folder / "says", SAYS), []
    for _ in range(STARTS):
        with subprocess.Popen([program], stdout=subprocess.PIPE) as gone:
            assert gone.stdout
            started.append((gone.pid, int(gone.stdout.read(), 16)))
    before, spent = memory(), time.process_time()
    loop = f'for i in $(seq {STARTS}); do "{program}"; done'
    subprocess.run(["sh", "-c", loop], stdout=subprocess.DEVNULL, check=True)
    time.sleep(0.2)
    rows.append(("each program that starts", (time.process_time() - spent) / STARTS, memory() - before))
    return sum(symbols.user(pid, [place])[0].name == "main" for pid, place in started)


def measure() -> Result:
    rows: list[Row] = []
    with Symbols() as symbols, tempfile.TemporaryDirectory(prefix="pyebpf-bench-") as name:
        right = in_kernel(symbols, rows)
        in_process(symbols, rows, Path(name))
        named = following(symbols, rows, Path(name))
        lost = symbols.lost
    shown = [(what, f"{1000 * seconds:.3f}", f"{size:.1f}") for what, seconds, size in rows]
    print(table(("", "ms", "MB more"), shown))
    print(f"\n{named} of {STARTS} programs that were gone have their names; {lost} records lost")
    over = [
        what for what, seconds, size in rows if what in LIMITS and (seconds > LIMITS[what][0] or size > LIMITS[what][1])
    ]
    figures = ", ".join(f"{what} {milliseconds} ms" for what, milliseconds, _ in shown)
    return Result(
        right and named == STARTS and not lost and not over, f"{figures}; {named} of {STARTS} gone programs named"
    )


if __name__ == "__main__":
    sys.exit(finish(measure()))
