"""A process of C whose stacks are known: its system calls come from `innermost`, by way of `middle` and `outer`."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

CALLS: Final = ("innermost", "middle", "outer", "main")
SOURCE: Final = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline __attribute__((always_inline)) long getppid_here(void)
{
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(110) : "rcx", "r11", "memory");
    return result;
}

__attribute__((noinline)) long innermost(long n) { long sum = getppid_here() & 1; return sum + n; }
__attribute__((noinline)) long middle(long n) { long sum = innermost(n + 1); return sum + 1; }
__attribute__((noinline)) long outer(long n) { long sum = middle(n + 1); return sum + 1; }

__attribute__((noinline)) long deep(long n) { return n ? deep(n - 1) + 1 : innermost(n); }

volatile long spun;
__attribute__((noinline)) void spin(long n) { for (long i = 0; i < n; i++) spun += i; spun++; }
__attribute__((noinline)) void spin_outer(long n) { spin(n); spun++; }

/* "calls N" makes N system calls, "deep N" as many, each a call deeper, "spin N" takes time; each is answered. */
int main(void)
{
    char line[64], word[16];
    long n, sum = 0;
    setvbuf(stdout, NULL, _IONBF, 0);
    while (fgets(line, sizeof line, stdin) && sscanf(line, "%15s %ld", word, &n) == 2) {
        if (!strcmp(word, "calls"))
            for (long i = 0; i < n; i++)
                sum += outer(i);
        else if (!strcmp(word, "deep"))
            for (long i = 0; i < n; i++)
                sum += deep(i);
        else
            spin_outer(n);
        puts("done");
    }
    return sum == 42;
}
"""


class Nested:
    """The process, waiting for what to do."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.pid = process.pid

    def do(self, what: str, count: int) -> None:
        """`calls`, `deep` or `spin`."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(f"{what} {count}\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "done\n"


def build(folder: Path) -> Path:
    """The program, with frame pointers and at addresses of its own."""
    source, program = folder / "nested.c", folder / "nested"
    source.write_text(SOURCE)
    flags = ["-O0", "-g", "-fno-omit-frame-pointer"]
    subprocess.run(["cc", *flags, str(source), "-o", str(program)], check=True)
    return program


@contextmanager
def nested(program: Path) -> Iterator[Nested]:
    """A process of it."""
    pipe = subprocess.PIPE
    with subprocess.Popen([str(program)], stdin=pipe, stdout=pipe, text=True) as process:
        try:
            yield Nested(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(10)


def functions(program: Path, pid: int) -> dict[str, range]:
    """The addresses of the program's functions in that process."""
    shown = subprocess.run(["nm", "-S", str(program)], check=True, capture_output=True, text=True).stdout
    with open(f"/proc/{pid}/maps") as maps:
        base = min(int(line.split("-")[0], 16) for line in maps if line.rstrip().endswith(str(program)))
    found = {}
    for line in shown.splitlines():
        match line.split():
            case [start, size, _, name]:
                found[name] = range(base + int(start, 16), base + int(start, 16) + int(size, 16) + 1)
    return found


def named(addresses: tuple[int, ...], known: dict[str, range]) -> tuple[str, ...]:
    """The names of the program's own functions in a stack."""
    return tuple(name for address in addresses for name, extent in known.items() if address in extent)
